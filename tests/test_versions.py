# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Lower bounds of what is needed: all stated, and those that are tested."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def requirements(*extras):
    groups = [PROJECT["optional-dependencies"][extra] for extra in extras]
    every = [Requirement(line) for group in groups for line in group]
    return [one for one in every if one.name != "skperf"]


def lower_bound(requirement):
    bounds = [s.version for s in requirement.specifier if s.operator == ">="]
    return Version(bounds[0]) if bounds else None


def pins(name):
    lines = (ROOT / name).read_text().splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {name.lower().replace("_", "-"): Version(version) for name, version in pairs}


NEEDED = [Requirement(line) for line in PROJECT["dependencies"]]
OLDEST = [*NEEDED, *requirements("plot", "progress", "store", "torch", "llm", "test")]
ALL = [*NEEDED, *requirements(*PROJECT["optional-dependencies"])]


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_the_pinned_version_is_in_the_range(requirement):
    assert lower_bound(requirement) is not None
    assert requirement.specifier.contains(pins("constraints.txt")[requirement.name])


@pytest.mark.parametrize("requirement", OLDEST, ids=str)
def test_the_lower_bound_is_what_is_tested(requirement):
    oldest, lowest = pins("constraints-oldest.txt"), lower_bound(requirement)
    found = oldest[requirement.name]
    assert found.release[: len(lowest.release)] == lowest.release
