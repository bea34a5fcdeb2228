# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A pytest plugin: break a line of the package, or note how long each test takes.

``SKPERF_MUTANT=skperf.shift._dice:17`` breaks that module by its mutant 17 whenever it
is imported; no file is changed. ``SKPERF_DURATIONS=path`` writes the seconds of each
test to a JSON file.
"""

import json
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

from operators import mutate


class BreakingLoader(SourceFileLoader):
    """Compiles a file with one mutant in it, and caches nothing."""

    def __init__(self, fullname, path, number):
        super().__init__(fullname, path)
        self.number = number

    def get_code(self, fullname):
        """Return the broken module."""
        source = self.get_data(self.path).decode()
        return compile(mutate(source, self.number), self.path, "exec")


class BreakingFinder(MetaPathFinder):
    """Finds one module of the package and leaves all others to Python."""

    def __init__(self, module, number):
        self.module, self.number = module, number

    def find_spec(self, fullname, path=None, target=None):
        """Return how to load the module."""
        if fullname != self.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        spec.loader = BreakingLoader(fullname, spec.origin, self.number)
        return spec


if "SKPERF_MUTANT" in os.environ:
    name, _, place = os.environ["SKPERF_MUTANT"].partition(":")
    sys.meta_path.insert(0, BreakingFinder(name, int(place)))


seconds: dict[str, float] = {}


def pytest_runtest_logreport(report):
    """Add up setup, call and teardown of each test."""
    seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session):
    """Write them down, where nobody else collects them."""
    if "SKPERF_DURATIONS" in os.environ and not hasattr(session.config, "workerinput"):
        Path(os.environ["SKPERF_DURATIONS"]).write_text(json.dumps(seconds))
