# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A browser shows every page: on a desk and on a phone, and without a network."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import SITE, TOO_WIDE, asked_for, set_width


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


def test_page(page, browser, address, request):
    set_width(browser, 1280)
    browser.get(address + request.node.callspec.id)
    assert browser.execute_script(TOO_WIDE) <= 0
    set_width(browser, 390)
    assert browser.execute_script(TOO_WIDE) <= 0
    log = browser.get_log("browser")
    assert [e["message"] for e in log if e["level"] == "SEVERE"] == []
    assert [url for url in asked_for(browser) if not url.startswith(address)] == []
