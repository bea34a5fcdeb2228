# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whatever moment a job is killed at, it ends with the model of one that was not."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="jobs are forked"),
]


@pytest.fixture(params=["folder", "bucket"])
def where(request):
    return request.param


def run(what, where):
    """Run it in a process of its own: what has used deltalake cannot be forked."""
    path = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run(
        [sys.executable, HERE / "crash.py", what, where],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return ast.literal_eval(done.stdout)


def test_15_kills(where):
    figures = run("15", where)
    assert figures["kills"] >= 15
    assert figures["runs"] > 0


def test_jobs_that_write_at_the_same_time(where):
    figures = run("race", where)
    assert figures["done"] == 3
    assert figures["refused"] > 0
