# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The built site, page by page. ``make docs`` and ``make browse`` run these checks."""

import json
import os
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

# Hypothesis then judges no code by how busy the machine is.
os.environ.setdefault("CI", "true")

SITE = Path(__file__).parents[1] / "_build" / "html"
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


def pytest_addoption(parser):
    parser.addoption(
        "--whole-gallery",
        action="store_true",
        help="run the long pages of the gallery once more, too: five CPU minutes",
    )


def name_of(page):
    return page.relative_to(SITE).as_posix()


def pytest_generate_tests(metafunc):
    if "page" in metafunc.fixturenames:
        pages = [p for p in sorted(SITE.rglob("*.html")) if "_static" not in p.parts]
        assert pages, f"no page in {SITE}; make docs builds them"
        metafunc.parametrize("page", pages, ids=name_of)


@pytest.fixture(scope="session")
def parse():
    """Return a page as a tree of elements; each is read once."""
    known = {}

    def read(page):
        if page not in known:
            known[page] = BeautifulSoup(page.read_text(), "html.parser")
        return known[page]

    return read


@pytest.fixture(scope="session")
def browser():
    from selenium import webdriver

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


def asked_for(browser):
    """Return the addresses that were asked for since the last call."""
    messages = (json.loads(e["message"]) for e in browser.get_log("performance"))
    for message in (m["message"] for m in messages):
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith("data:"):
                yield url
