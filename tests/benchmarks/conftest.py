# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Benchmarks: ratios in one run on one thread, in CPU seconds.

``make bench`` runs them. CPU time counts what the process did, not what else the
machine was doing; still, close other programs before quoting a figure.
"""

import os
from time import process_time

import pytest
import torch

from skperf.datasets import fetch_give_me_some_credit

_lines = []


def pytest_collection_modifyitems(items):
    for item in items:
        if "benchmarks" in item.path.parts:
            item.add_marker(pytest.mark.benchmark)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    if os.environ.get("OMP_NUM_THREADS") != "1":
        pytest.fail("Set OMP_NUM_THREADS=1: ratios of several threads do not compare.")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def credit():
    """The paper's data: 18,357 rows, 11 columns."""
    return fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)


@pytest.fixture
def report():
    """Print a line below the results."""
    return _lines.append


def pytest_terminal_summary(terminalreporter):
    if _lines:
        terminalreporter.section("ratios (OMP_NUM_THREADS=1, CPU seconds)")
        for line in _lines:
            terminalreporter.write_line(line)


class Stopwatch:
    """CPU seconds and the model after each fit of a minimizer, as a callback.

    What it does itself is not counted.
    """

    def __init__(self):
        self.seconds = []
        self.models = []
        self._start = process_time()

    def setup(self, estimator, context):
        """Nothing to prepare."""

    def teardown(self, estimator, context):
        """Nothing to clean up."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing to note."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        now = process_time()
        self.seconds.append(now - self._start)
        self.models.append(fitted_estimator.estimator_)
        self._start += process_time() - now


@pytest.fixture
def stopwatch():
    return Stopwatch()
