# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whatever moment a job is killed at, it ends with the model of one that was not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="jobs are forked")
def test_15_kills():
    """In a process of its own: what has used the libraries cannot be forked."""
    path = os.pathsep.join([str(HERE), *sys.path])
    done = subprocess.run(
        [sys.executable, HERE / "crash.py", "15"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "'kills': " in done.stdout
