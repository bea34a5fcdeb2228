# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The pages of the guide, pasted line by line by someone who has the real model."""

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

FOLDER = Path(__file__).parents[2] / "docs" / "user_guide"
PAGES = ["red_flag", "red_flag_export", "red_flag_production"]


def visible(text):
    """Return a page without its comments, in which a small model is put in place."""
    shown, hidden = [], False
    for line in text.splitlines():
        if line and not line.startswith(" "):
            is_comment = line.startswith(".. ") and not line.startswith(".. _")
            hidden = is_comment and "::" not in line
        shown.append("" if hidden else line)
    return "\n".join(shown)


def as_script(page):
    """Return what its readers would paste; errors that are shown have to come."""
    lines = []
    for example in doctest.DocTestParser().get_examples(visible(page)):
        source = "    " + example.source.rstrip().replace("\n", "\n    ")
        if example.exc_msg is None:
            lines.append(example.source)
        else:
            error = example.exc_msg.partition(":")[0]
            lines.append(f"try:\n{source}\nexcept {error}: pass\nelse: assert False\n")
    return "".join(lines)


def test_comments_are_not_pasted():
    page = (
        ".. _label:\n\n>>> a = 1\n\n.. Hidden.\n\n   >>> a = 2\n\nText.\n\n>>> b = a\n"
    )
    assert as_script(page) == "a = 1\nb = a\n"


def test_errors_have_to_come():
    page = ">>> 1 / 0\nTraceback (most recent call last):\n    ...\nValueError: no\n"
    with pytest.raises(ZeroDivisionError):
        exec(as_script(page), {})
    with pytest.raises(AssertionError):
        exec(as_script(page.replace("1 / 0", "1")), {})
    exec(as_script(page.replace("ValueError", "ZeroDivisionError")), {})


@pytest.mark.download
@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_pages_run_on_the_real_model(page):
    """From the first visible line, in a new process; the site's checks compare more."""
    script = as_script((FOLDER / f"{page}.rst").read_text("utf-8"))
    assert "fetch_smollm2()" in script
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
