# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a reader pastes from a page of the gallery is a whole program that works.

Two things could make a page say more than its code does: lines that are run and not
shown, and what the page before it has left in the process. So the statements that a
page shows are compared with those of the file that the build has run, which costs
nothing; and in a fresh process they are run again from the page, where what they print
and return has to be what the page shows. That takes as long as the build, so the pages
that cost more than ten CPU seconds are run again only if ``--whole-gallery`` is given.
"""

import ast
import contextlib
import io
import multiprocessing
import os
import re
import sys
import types
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from conftest import SITE

EXAMPLES = Path(__file__).parents[2] / "examples"
GALLERY = SITE / "auto_examples"
PAGES = sorted(GALLERY.rglob("plot_*.html"))
LONG = {
    "first_steps/plot_faces",
    "first_steps/plot_grid_search_induced",
    "games/plot_ride_share",
    "optimum/plot_stable_is_not_optimal",
    "papers/plot_affine_windows",
    "papers/plot_paper_neural_networks",
    "papers/plot_tight_bounds",
    "reaction/plot_memory",
    "texts/plot_content_filter",
    "texts/plot_detection_delay",
    "texts/plot_red_flag",
    "texts/plot_red_flag_generation",
}
# A bar and a column of seconds take as long as they take.
SECONDS = re.compile(r"\d+:\d\d:\d\d|\d+\.\d\d$", re.MULTILINE)


def name_of(page):
    return page.relative_to(GALLERY).with_suffix("").as_posix()


@pytest.fixture(params=PAGES, ids=name_of)
def example(request):
    return request.param


def test_every_example_has_a_page():
    examples = {p.relative_to(EXAMPLES) for p in EXAMPLES.glob("*/plot_*.py")}
    assert {page.relative_to(GALLERY).with_suffix(".py") for page in PAGES} == examples


def test_nothing_is_hidden(example, parse):
    """The page shows all statements that the build has run, and no others."""
    shown = "\n".join(code for code, _ in blocks(parse(example)))
    source = (EXAMPLES / name_of(example)).with_suffix(".py").read_text()
    _, *statements = ast.parse(source).body  # the title is prose
    assert [ast.dump(s) for s in ast.parse(shown).body] == [
        ast.dump(s) for s in statements if not is_prose(s)
    ]


def is_prose(statement):
    """Tell whether a statement is a text by itself, which a page shows as such."""
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(value, ast.Constant)


def test_pasted(example, parse, tmp_path, request):
    """In a fresh process it runs, and says what the page shows."""
    if name_of(example) in LONG and not request.config.getoption("--whole-gallery"):
        pytest.skip("the build has just run these statements")
    code, shown = zip(*blocks(parse(example)), strict=True)
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    process = fork.Process(target=run, args=(code, tmp_path, send))
    process.start()
    send.close()
    said = receive.recv()
    process.join()
    assert [words(text) for text in said] == [words(text) for text in shown]


def blocks(page):
    """Return pairs of a block of code and what the page shows below it."""
    found = []
    for block in page.select(".highlight-Python, .sphx-glr-script-out, .output_html"):
        if "highlight-Python" in block["class"]:
            found.append((block.get_text(), ""))
        else:
            code, before = found.pop()
            found.append((code, before + text_of(block)))
    return found


def text_of(element):
    """Return the text of an element, without cells of seconds."""
    for cell in element.select("td[data-label=Seconds]"):
        cell.decompose()
    return element.get_text()


def words(text):
    """Return a text without its layout and without what only a clock says."""
    return SECONDS.sub("", text).split()


def run(code, folder, send):
    """Run the blocks, and send what each has said."""
    os.chdir(folder)
    import matplotlib as mpl

    mpl.use("agg")
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    said = []
    for block in code:
        heard = io.StringIO()
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            last = execute(block, vars(main))
        said.append(heard.getvalue() + last)
    send.send(said)


def execute(block, names):
    """Run a block, and return what a notebook would show of its last expression."""
    statements = ast.parse(block).body
    last = statements.pop() if isinstance(statements[-1], ast.Expr) else None
    exec(compile(ast.Module(statements, []), "page", "exec"), names)
    if last is None:
        return ""
    value = eval(compile(ast.Expression(last.value), "page", "eval"), names)
    if value is None:
        return ""
    if hasattr(value, "_repr_html_"):
        return text_of(BeautifulSoup(value._repr_html_(), "html.parser"))
    return repr(value)
