# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a reader pastes from a page, in order and into a fresh process, works.

Only what is on the page counts: no fixture, no hidden line. What is printed is compared
with what the page shows, on the pages about language models too, where it holds for a
real model here and for a small one in the tests. Code without a prompt talks to a
server, and formulas are no code. The gallery has a test of its own.
"""

import contextlib
import doctest
import io
import multiprocessing
import os
import re
import sys
import types

import pytest

# A fork of a process that has imported these and done nothing is as good as a new one.
import skperf.llm
import skperf.neural_network  # noqa: F401

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NO_PASTE = ("auto_examples/", "_modules/")


def test_pasted(page, parse, tmp_path, request):
    name = request.node.callspec.id
    blocks = [block.get_text() for block in parse(page).select("div.highlight pre")]
    pasted = "\n".join(mark_empty_lines(b) for b in blocks if ">>> " in b)
    if name.startswith(NO_PASTE) or not pasted:
        pytest.skip("nothing to paste")
    fork = multiprocessing.get_context("fork")
    receive, send = fork.Pipe(duplex=False)
    process = fork.Process(target=run, args=(pasted, name, tmp_path, send))
    process.start()
    send.close()
    report = receive.recv()
    process.join()
    assert report == ""


def mark_empty_lines(block):
    """Tell an empty line within an output, as Python shows it, from the end of one."""
    return re.sub(r"\n(?=\n(?!\s*>>> |\s*$))", "\n<BLANKLINE>", block)


def run(pasted, name, folder, send):
    """Run it, and send what differs from what the page shows."""
    os.chdir(folder)
    test = doctest.DocTestParser().get_doctest(pasted, {}, name, name, 0)
    pasted_into = sys.modules["__main__"] = types.ModuleType("__main__")
    test.globs = vars(pasted_into)
    report = io.StringIO()
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    with contextlib.redirect_stderr(io.StringIO()):
        runner.run(test, out=report.write)
    send.send(report.getvalue())
