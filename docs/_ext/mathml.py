# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

r"""Formulas as MathML: browsers draw it by themselves, without a script or a network.

Docutils reads most of TeX. Three things it gets wrong, silently, so they are put right
here: ``\frac12`` is a half and not 12 over what comes next, ``\operatorname*`` has no
star in its name, and the index in ``\hat y_t`` stands beside the y, not below it.
"""

import re
from html import unescape
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

MATHML = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", MATHML)


def to_mathml(formula, as_block=False):
    """Return a formula of TeX as an element of MathML."""
    formula = re.sub(r"(\\[td]?frac)\s*(\w)\s*(\w)", r"\1{\2}{\3}", formula)
    formula = formula.replace(r"\operatorname*", r"\operatorname")
    written = tex2mathml(formula, as_block=as_block)
    written = re.sub(r"&(?!amp|lt|gt)\w+;", lambda found: unescape(found[0]), written)
    tree = ElementTree.fromstring(written)
    for node in tree.iter(f"{{{MATHML}}}munderover"):
        base, index, above = node
        if above.get("stretchy") == "false":  # an accent, not the end of a sum
            accented = ElementTree.Element(f"{{{MATHML}}}mover", accent="true")
            accented.extend([base, above])
            node.tag = f"{{{MATHML}}}msub"
            node[:] = [accented, index]
    return ElementTree.tostring(tree, encoding="unicode")


def write_inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(to_mathml(node.astext()))
    raise nodes.SkipNode


def write_block(translator, node):
    """Write a formula that stands by itself."""
    translator.body.append(translator.starttag(node, "div", CLASS="formula"))
    translator.body.append(to_mathml(node.astext(), as_block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(write_inline, None),
        block_renderers=(write_block, None),
    )
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
