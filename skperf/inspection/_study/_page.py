# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A page in one file: no script, nothing from a network, right on a phone.

Whatever comes from a user's names is escaped here, where it becomes HTML.
"""

from html import escape

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

STYLE = """
.skperf-study { --ink: #1b1f24; --faint: #57606a; --paper: #ffffff; --line: #d0d7de;
  --strong: #0550ae; --soft: #f2f5f8; --second: #9a4a00; --third: #1a7f37;
  color: var(--ink); background: var(--paper); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  max-width: 60rem; margin: 0 auto; padding: 1rem; box-sizing: border-box;
  overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { .skperf-study { --ink: #e6edf3;
  --faint: #9da7b3; --paper: #0d1117; --line: #3d444d; --strong: #79c0ff;
  --soft: #161b22; --second: #ffa657; --third: #7ee787; } }
.skperf-study h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
.skperf-study h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
.skperf-study .decision { background: var(--soft); padding: 0.25rem 1rem 0.75rem;
  border-left: 4px solid var(--strong); }
.skperf-study .decision h2 { margin-top: 0.75rem; }
.skperf-study .decision li { font-size: 1.05rem; }
.skperf-study ul { margin: 0.5rem 0; padding-left: 1.25rem; }
.skperf-study li { margin: 0.3rem 0; }
.skperf-study .note, .skperf-study figcaption { color: var(--faint);
  font-size: 0.875rem; }
.skperf-study table { border-collapse: collapse; width: 100%; font-size: 0.9rem;
  margin: 1rem 0; color: var(--ink); background: var(--paper); }
.skperf-study th, .skperf-study td { text-align: left; vertical-align: top;
  padding: 0.35rem 0.6rem; border-bottom: 1px solid var(--line);
  min-width: 5.5em; color: var(--ink); background: var(--paper); }
.skperf-study thead th { color: var(--faint); font-weight: 600; }
.skperf-study thead th:last-child { overflow-wrap: break-word; }
.skperf-study .pictures { display: flex; flex-wrap: wrap; gap: 1rem 2rem; }
.skperf-study figure { margin: 0.5rem 0; width: 26rem; max-width: 100%; }
.skperf-study svg { display: block; width: 100%; height: auto; }
.skperf-study svg text { fill: var(--ink); font-size: 12px; font-family: inherit; }
.skperf-study svg .name { paint-order: stroke; stroke: var(--paper);
  stroke-width: 5px; }
.skperf-study svg .tick { fill: var(--faint); font-size: 11px; }
.skperf-study svg .middle { text-anchor: middle; }
.skperf-study svg .end { text-anchor: end; }
.skperf-study svg .grid { stroke: var(--line); }
.skperf-study svg .zero { stroke: var(--faint); stroke-dasharray: 3 3; }
.skperf-study svg .bar { stroke: var(--faint); stroke-width: 2; }
.skperf-study svg .bar.marked { stroke: var(--strong); }
.skperf-study svg circle { fill: var(--faint); }
.skperf-study svg circle.marked { fill: var(--strong); }
.skperf-study svg .line { fill: none; stroke-width: 2; stroke: var(--strong); }
.skperf-study svg .kind1 { stroke: var(--second); stroke-dasharray: 6 3; }
.skperf-study svg .kind2 { stroke: var(--third); stroke-dasharray: 2 3; }
.skperf-study svg .kind3 { stroke: var(--ink); stroke-dasharray: 8 3 2 3; }
@media (max-width: 40rem) {
  .skperf-study thead { position: absolute; width: 1px; height: 1px;
    overflow: hidden; clip-path: inset(50%); }
  .skperf-study table, .skperf-study tbody, .skperf-study tr, .skperf-study td {
    display: block; }
  .skperf-study tr { border: 1px solid var(--line); margin: 0.6rem 0;
    padding: 0.3rem 0.6rem; }
  .skperf-study td { border: none; padding: 0.15rem 0; }
  .skperf-study td::before { content: attr(data-label) ": "; color: var(--faint); }
}
"""
_BODY = """
html { color-scheme: light dark; }
body { margin: 0; background: #ffffff; }
@media (prefers-color-scheme: dark) { body { background: #0d1117; } }
"""


def page(title, body):
    """Return a whole file."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>{_BODY}{STYLE}</style>\n</head>\n"
        f'<body>\n<main class="skperf-study">\n{body}\n</main>\n</body>\n</html>\n'
    )


def part(body):
    """Return a piece for another page, with the style that it needs."""
    return f'<div class="skperf-study"><style>{STYLE}</style>{body}</div>'


def section(title, *parts, kind=""):
    """Return a section of elements."""
    name = f' class="{kind}"' if kind else ""
    return (
        f"<section{name}>\n<h2>{escape(title)}</h2>\n" + "\n".join(parts) + "</section>"
    )


def bullets(sentences):
    """Return a list of sentences."""
    items = "\n".join(f"<li>{escape(each)}</li>" for each in sentences)
    return f"<ul>\n{items}\n</ul>"


def note(text):
    """Return a remark in small letters."""
    return f'<p class="note">{escape(text)}</p>'


def pictures(figures):
    """Return figures side by side, where there is room."""
    return f'<div class="pictures">{"".join(figures)}</div>' if figures else ""


def table(rows):
    """Return a table, which on a phone becomes a card a row.

    Parameters
    ----------
    rows : list of dict of str to str
        Texts by the heads of their columns, the same in all rows.

    Returns
    -------
    html : str
        The table; nothing where there are no rows.
    """
    if not rows:
        return ""
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in rows[0])
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td data-label="{escape(name)}">{escape(cell)}</td>'
            for name, cell in row.items()
        )
        + "</tr>"
        for row in rows
    )
    return (
        f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )
