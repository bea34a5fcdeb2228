# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The built site, page by page. ``make docs`` and ``make browse`` run these checks."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

SITE = Path(__file__).parents[1] / "_build" / "html"


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
