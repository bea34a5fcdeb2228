# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""From the home page to an answer on a table of one's own are three pages."""

import pytest
from conftest import SITE

import skperf


@pytest.fixture
def home(parse):
    return parse(SITE / "index.html").select_one("article")


def test_first_look(home):
    """It says what this is, shows it, and how to get and to cite it."""
    assert skperf.__version__ in home.h1.get_text()
    (picture,) = home.find_all("img")
    assert picture["alt"]
    assert (SITE / picture["src"]).is_file()
    first, install, *_ = [pre.get_text() for pre in home.select("div.highlight pre")]
    *_, last = first.strip().splitlines()
    assert ">>> " in first
    assert not last.startswith((">>>", "..."))  # an output
    assert "pip install" in install
    assert "CITATION.cff" in home.get_text()


def test_path_of_a_newcomer(home, parse):
    """Home, Install and Quickstart, where the table is replaced by one's own."""
    links = {
        link["href"].partition("#")[0]
        for link in parse(SITE / "index.html").select("a[href]")
    }
    assert {"install.html", "quickstart.html"} <= links
    quickstart = parse(SITE / "quickstart.html").select_one("article")
    code = "\n".join(pre.get_text() for pre in quickstart.select("div.highlight pre"))
    assert "pd.DataFrame(" in code
    assert ".fit(X, y)" in code
    assert "performative_risk(" in code
