# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Formulas as MathML: browsers draw it by themselves, without a script or a network."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def write_inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def write_block(translator, node):
    """Write a formula that stands by itself."""
    formula = node.astext()
    if r"\\" in formula and r"\begin{" not in formula:
        formula = rf"\begin{{align*}}{formula}\end{{align*}}"
    translator.body.append(translator.starttag(node, "div", CLASS="formula"))
    translator.body.append(tex2mathml(formula, as_block=True))
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
