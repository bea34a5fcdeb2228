# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is public can be had from the top level, and costs nothing until then."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import skperf

NO_PART_OF_IT = {"utils"}  # nothing there is public
OPTIONAL = {"llm": "transformers", "neural_network": "torch"}
SUBPACKAGES = sorted(
    name
    for _, name, _ in pkgutil.iter_modules(skperf.__path__)
    if not name.startswith("_") and name not in NO_PART_OF_IT
)


@pytest.fixture(params=SUBPACKAGES)
def subpackage(request):
    if request.param in OPTIONAL:
        pytest.importorskip(OPTIONAL[request.param])
    return importlib.import_module(f"skperf.{request.param}")


def run(code):
    """Return what the code prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_subpackages_are_there():
    assert [name for name in dir(skperf) if name in SUBPACKAGES] == SUBPACKAGES


def test_subpackages_are_imported_when_first_used():
    names = [name for name in SUBPACKAGES if name not in OPTIONAL]
    code = f"import skperf; print(*(getattr(skperf, n).__name__ for n in {names}))"
    assert run(code).split() == [f"skperf.{name}" for name in names]


def test_all_public_classes_are_there(subpackage):
    for name in getattr(subpackage, "__all__", ()):
        member = getattr(subpackage, name)
        if inspect.isclass(member):
            assert getattr(skperf, name) is member
            assert name in dir(skperf)


def test_nothing_else_is_there():
    for name in {*dir(skperf), *skperf.__all__} - {*SUBPACKAGES, "__version__"}:
        home = skperf._CLASSES[name]
        if home in OPTIONAL:
            pytest.importorskip(OPTIONAL[home])
        assert name in importlib.import_module(f"skperf.{home}").__all__


def test_an_unknown_name():
    message = "module 'skperf' has no attribute 'Minimizer'"
    with pytest.raises(AttributeError, match=message):
        _ = skperf.Minimizer
    with pytest.raises(ImportError, match="cannot import name 'Minimizer'"):
        from skperf import Minimizer  # noqa: F401


def test_the_version_is_a_literal():
    """A build reads it, and must not need scikit-learn for that."""
    tree = ast.parse(Path(skperf.__file__).read_text(encoding="utf-8"))
    (value,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"
    ]
    assert ast.literal_eval(value) == skperf.__version__


@pytest.mark.slow
def test_import_needs_nothing_that_scikit_learn_does_not():
    listing = "import sys, {}; print(*sys.modules)"
    ours, theirs = (
        set(run(listing.format(name)).split()) for name in ("skperf", "sklearn")
    )
    assert ours - theirs == {"skperf"}


@pytest.mark.slow
def test_import_star_needs_no_torch():
    code = "import sys; from skperf import *; print('torch' in sys.modules)"
    assert run(code) == "False\n"
    assert set(OPTIONAL).isdisjoint(map(skperf._CLASSES.get, skperf.__all__))
