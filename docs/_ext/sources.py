# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inherited methods and properties link to their source, as a class's own methods do.

``sphinx.ext.viewcode`` looks a name up in the class that a page is about. What a class
inherits is written in another one, so it is told that one's name. A source's way back
leads to the name that it knows, so each signature can be found by it, too.
"""

import importlib
import inspect

from sphinx import addnodes


def find(module, path):
    """Return what a page describes, without what is wrapped around it."""
    found = importlib.import_module(module)
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    found = getattr(found, "__func__", getattr(found, "fget", found))
    found = getattr(found, "fn", found)  # of sklearn's available_if
    return inspect.unwrap(found)


def name_origins(app, doctree):
    """Tell viewcode in which module and under which name each thing was written."""
    for signature in doctree.findall(addnodes.desc_signature):
        if "fullname" not in signature:
            continue
        written = find(signature["module"], signature["fullname"])
        module = getattr(written, "__module__", None) or ""
        if module.startswith("skperf."):
            signature["module"], signature["fullname"] = module, written.__qualname__
            parts = module.split(".")
            for end in range(2, len(parts) + 1):
                known = ".".join([*parts[:end], written.__qualname__])
                if known not in signature["ids"]:
                    signature["ids"].append(known)


def let_titles_break(app, pagename, templatename, context, doctree):
    """Let the long name of a module go on in the next line after a dot."""
    if pagename.startswith("_modules/") and "body" in context:
        title, end, rest = context["body"].partition("</h1>")
        context["body"] = title.replace(".", ".<wbr>") + end + rest


def setup(app):
    app.connect("doctree-read", name_origins, priority=400)  # viewcode has 500
    app.connect("html-page-context", let_titles_break)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
