# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import re
import subprocess
import sys
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

import skperf
from skperf.datasets import fetch_smollm2

ROOT = Path(__file__).parents[1]

project = "skperf"
author = "The skperf developers"
copyright = author
version = release = skperf.__version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
from public import PUBLIC, guide_page  # noqa: E402

extensions = [
    "mathml",
    "myst_parser",
    "numpydoc",
    "public",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.bibtex",
    "sources",
]
exclude_patterns = ["_build", "changes"]
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = "skperf"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
# Pages by themselves have no section to show beside them.
html_sidebars = {
    page: []
    for page in (
        "genindex",
        "install",
        "quickstart",
        "which",
        "glossary",
        "whats_new",
        "references",
    )
}
html_theme_options = {
    "header_links_before_dropdown": 6,
    "logo": {"text": f"skperf {release}"},
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
}
toc_object_entries_show_parents = "hide"

# What is named as an object of ours must be one. Other packages' are not looked up.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(numpy|pandas|scipy|sklearn|matplotlib|torch|transformers)\..*"),
]

# Links to other projects need the network, which a build must not depend on.
if "SKPERF_INTERSPHINX" in os.environ:
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "sklearn": ("https://scikit-learn.org/stable", None),
    }

autodoc_preserve_defaults = True
autodoc_typehints = "none"
autosummary_context = {"guide_pages": {name: guide_page(name) for name in PUBLIC}}
autosummary_ignore_module_all = False
autosummary_imported_members = True

numpydoc_show_class_members = False
# Types in docstrings are links, to our own objects: others need the network.
DEFAULT_LINKS.clear()
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {name: f"{PUBLIC[name]}.{name}" for name in PUBLIC}
numpydoc_validation_checks = {"GL08", "PR01", "PR02", "PR03", "PR10", "RT01", "SS01"}

# A protocol has no parameters: what stands for its constructor takes anything.
numpydoc_validation_exclude = {r"\.(DifferentiableWorld|Parameters|Store|World)$"}

bibtex_bibfiles = ["references.bib"]

# A change log starts at its second level when it stands below a page title.
suppress_warnings = ["myst.header"]

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "abort_on_example_error": True,
    "backreferences_dir": "api/backreferences",
    "doc_module": ("skperf",),
    "download_all_examples": False,
    "examples_dirs": "../examples",
    "filename_pattern": "plot_",
    "gallery_dirs": "auto_examples",
    "show_memory": False,
    "subsection_order": [
        f"../examples/{name}"
        for name in ("first_steps", "optimum", "reaction", "games", "texts", "papers")
    ],
    "within_subsection_order": "FileNameSortKey",
    "write_computation_times": False,  # its page fetches scripts
}


def skip_generated(app, what, name, obj, skip, options):
    """Leave out what is inherited: routing methods, field aliases, torch's own."""
    routing = re.fullmatch(r"get_metadata_routing|set_\w+_request", name)
    alias = (obj.__doc__ or "").startswith("Alias for field number")
    foreign = (getattr(obj, "__module__", None) or "").startswith("torch.")
    return True if routing or alias or foreign else None


def hide_constructor(app, what, name, obj, options, signature, annotation):
    """Show no signature of a protocol."""
    return ("", None) if getattr(obj, "_is_protocol", False) else None


def fetch_model(app):
    """Have the language model there before a page would show how it is fetched."""
    if str(app.config.sphinx_gallery_conf.get("plot_gallery", True)) in ("True", "1"):
        fetch_smollm2()


def write_changes(app):
    """Join the notes of the next release and those of the past ones."""
    towncrier = [sys.executable, "-m", "towncrier", "build", "--draft"]
    command = [*towncrier, "--version", release, "--date", "unreleased"]
    draft = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    changelog = ROOT / "CHANGELOG.md"
    past = changelog.read_bytes() if changelog.exists() else b""
    target = ROOT / "docs" / "_build" / "changes.md"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(draft.stdout + past)


def setup(app):
    app.connect("autodoc-process-signature", hide_constructor)
    app.connect("autodoc-skip-member", skip_generated)
    app.connect("builder-inited", fetch_model, priority=100)  # the gallery has 500
    app.connect("builder-inited", write_changes)
