# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whoever looks a public object up finds it, and an example of it."""

import importlib
import pkgutil

import pytest
from conftest import SITE

import skperf

PUBLIC = [
    (f"skperf.{package.name}", name)
    for package in pkgutil.iter_modules(skperf.__path__)
    if package.name != "utils"
    for name in importlib.import_module(f"skperf.{package.name}").__all__
]
PUBLIC += [
    ("skperf.testing.strategies", name)
    for name in importlib.import_module("skperf.testing.strategies").__all__
]


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_object(package, name, parse):
    whole = f"{package}.{name}"
    page = SITE / "api" / "generated" / f"{whole}.html"
    assert page.is_file(), f"{whole} has no page; is its package in docs/api/index.rst?"
    described = parse(page).find("dt", id=whole).parent
    examples = described.select("div.highlight pre")
    assert any(">>> " in block.get_text() for block in examples), "no example"
    notes = parse(page).select("[role=doc-footnote], .citation, .footnote")
    assert not any(note.select("ol") for note in notes), "a name is read as a list"
    links = parse(SITE / "genindex.html").find_all("a", href=True)
    assert f"api/generated/{whole}.html#{whole}" in [link["href"] for link in links]


@pytest.mark.parametrize("package", sorted({package for package, _ in PUBLIC}))
def test_package(package, parse):
    """A package's page names all that is public, in links."""
    page = parse(SITE / "api" / "generated" / f"{package}.html")
    shown = {link["href"] for link in page.select("table.autosummary a[href]")}
    names = [name for owner, name in PUBLIC if owner == package]
    assert {f"{package}.{n}.html#{package}.{n}" for n in names} <= shown
