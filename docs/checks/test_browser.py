# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A browser shows every page: on a desk and on a phone, and without a network."""

import functools
import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import SITE
from selenium import webdriver

QUIET = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# What sticks out, unless something around it can be scrolled.
TOO_WIDE = """
    const page = document.documentElement;
    return page.scrollWidth - page.clientWidth;
"""


class Silent(SimpleHTTPRequestHandler):
    """Serve files without a word."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def address():
    handler = functools.partial(Silent, directory=SITE)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    options = webdriver.ChromeOptions()
    for option in QUIET:
        options.add_argument(option)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    service = webdriver.ChromeService("/usr/bin/chromedriver")
    options.binary_location = "/usr/bin/chromium"
    with webdriver.Chrome(options, service) as browser:
        yield browser


def set_width(browser, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def test_page(page, browser, address, request):
    set_width(browser, 1280)
    browser.get(address + request.node.callspec.id)
    assert browser.execute_script(TOO_WIDE) <= 0
    set_width(browser, 390)
    assert browser.execute_script(TOO_WIDE) <= 0
    log = browser.get_log("browser")
    assert [e["message"] for e in log if e["level"] == "SEVERE"] == []
    assert [url for url in asked_for(browser) if not url.startswith(address)] == []


def asked_for(browser):
    """Return the addresses that were asked for since the last call."""
    messages = (json.loads(e["message"]) for e in browser.get_log("performance"))
    for message in (m["message"] for m in messages):
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith("data:"):
                yield url
