# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A browser shows every page: on a desk and on a phone, and without a network.

On a desk nothing is cut, and in light and in dark all text can be read. No title is
torn apart.
"""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import SITE, TOO_WIDE, asked_for, set_width

# What has to be scrolled sideways to be seen as a whole.
CUT = """
    const shown = "div.highlight pre, div.formula, dt.sig, figure, .page-toc," +
        ".pst-scrollable-table-container";
    return [...document.querySelectorAll(shown)]
        .filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
        .map(e => e.textContent.trim().slice(0, 60));
"""
# Texts that are too near to what is behind them, by the rule of WCAG.
UNREADABLE = """
    document.documentElement.dataset.theme = arguments[0];
    document.getAnimations().forEach(animation => animation.finish());
    const parse = color => {
        const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
        const scale = color.startsWith("color(") ? 255 : 1;
        return [scale * r, scale * g, scale * b, a];
    };
    const over = (above, below, alpha) =>
        below.map((value, i) => alpha * above[i] + (1 - alpha) * value);
    const behind = e => {
        if (!e) return [255, 255, 255];
        const color = parse(getComputedStyle(e).backgroundColor);
        return color[3] < 1
            ? over(color, behind(e.parentElement), color[3]) : color.slice(0, 3);
    };
    const light = color => {
        const [r, g, b] = color.map(value => value / 255).map(
            v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.05 + 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const e = texts.currentNode.parentElement;
        const text = texts.currentNode.textContent.trim();
        const visible = {opacityProperty: true, visibilityProperty: true};
        if (!text || !e.checkVisibility(visible)
            || e.closest(".visually-hidden, .skip-link, script, style")) continue;
        const paper = behind(e);
        const color = parse(getComputedStyle(e).color);
        const [dark, bright] = [light(over(color, paper, color[3])), light(paper)].sort(
            (a, b) => a - b);
        if (bright / dark < 4.5) found.push([text.slice(0, 40), e.className]);
    }
    return found;
"""

# Titles with a word that is torn apart between two lines.
TORN = """
    const found = [];
    const range = document.createRange();
    for (const title of document.querySelectorAll("h1, h2, h3, .prev-next-title")) {
        const texts = document.createTreeWalker(title, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const text = texts.currentNode;
            for (const word of text.textContent.matchAll(/[A-Za-z0-9]+/g)) {
                range.setStart(text, word.index);
                range.setEnd(text, word.index + word[0].length);
                const tops = [...range.getClientRects()].map(line => line.top);
                if (new Set(tops).size > 1) found.push(title.textContent);
            }
        }
    }
    return found;
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


def test_page(page, browser, address, request):
    set_width(browser, 1280)
    browser.get(address + request.node.callspec.id)
    assert browser.execute_script(TOO_WIDE) <= 0
    assert browser.execute_script(CUT) == []
    assert browser.execute_script(UNREADABLE, "light") == []
    assert browser.execute_script(UNREADABLE, "dark") == []
    assert browser.execute_script(TORN) == []
    set_width(browser, 390)
    assert browser.execute_script(TOO_WIDE) <= 0
    assert browser.execute_script(TORN) == []
    log = browser.get_log("browser")
    assert [e["message"] for e in log if e["level"] == "SEVERE"] == []
    assert [url for url in asked_for(browser) if not url.startswith(address)] == []
