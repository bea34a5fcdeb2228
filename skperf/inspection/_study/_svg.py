# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Pictures of a page as SVG, in its colours and without a script.

They take the page's colours by class, so that they are right in light and dark, and
one unit is one pixel at most: a phone makes them smaller.
"""

from html import escape
from typing import NamedTuple

import numpy as np

_WIDTH = 340
_ROW = 34  # a name, and below it its value
_TOP, _BOTTOM = 4, 20
_MOST = 42  # letters in a line


class Point(NamedTuple):
    """A value with an interval, and what it is called."""

    name: str
    value: float
    low: float = np.nan
    high: float = np.nan
    is_marked: bool = False


def draw_points(points, label, *, from_zero=False):
    """Return a picture of values with their intervals, one below the other.

    Parameters
    ----------
    points : list of Point
        From top to bottom.

    label : str
        What is drawn.

    from_zero : bool, default=False
        Whether zero has a line.

    Returns
    -------
    svg : str
        An element for a page.
    """
    spread = [v for p in points for v in p[1:4] if np.isfinite(v)]
    place, ticks = _scale([*spread, 0.0] if from_zero else spread, 8, _WIDTH - 8)
    height = _TOP + _ROW * len(points)
    parts = [_line(place(0), _TOP, place(0), height, "zero")] if from_zero else []
    for number, point in enumerate(points):
        parts += _point(point, place, _TOP + _ROW * number)
    parts += _axis(place, ticks, height)
    return _svg(parts, height + _BOTTOM, label)


def draw_lines(lines, label):
    """Return a picture of values by round.

    Parameters
    ----------
    lines : dict of str to array-like
        Values of the rounds, from the first on, by name. NaN is left out.

    label : str
        What is drawn.

    Returns
    -------
    svg : str
        An element for a page.
    """
    lines = {name: np.asarray(each, float) for name, each in lines.items()}
    known = [v for each in lines.values() for v in each if np.isfinite(v)]
    lift, ticks = _scale(known, 130, _TOP + 6)
    longest = max(map(len, lines.values()))
    across, _ = _scale([1, max(longest, 2)], 52, _WIDTH - 8)
    parts = [_line(48, lift(t), _WIDTH, lift(t), "grid") for t in ticks]
    parts += [_text(44, lift(t) + 4, _number(t), "tick end") for t in ticks]
    rounds = sorted({1, longest})
    parts += [_text(across(r), 148, f"round {r}", "tick end") for r in rounds]
    for number, (name, values) in enumerate(lines.items()):
        kind = f"line kind{number % 4}"
        path = " ".join(
            f"{across(i):.1f},{lift(v):.1f}"
            for i, v in enumerate(values, 1)
            if np.isfinite(v)
        )
        parts.append(f'<polyline points="{path}" class="{kind}"/>')
        y = 166 + 16 * number
        parts += [_line(8, y - 4, 28, y - 4, kind), _text(34, y, _short(name), "name")]
    return _svg(parts, 160 + 16 * len(lines), label)


def _point(point, place, top):
    """Return a row: the name, the interval and the value."""
    kind = "marked" if point.is_marked else "plain"
    y = top + 22
    parts = [_text(8, top + 12, _short(point.name), "name")]
    if np.isfinite(point.low):
        parts.append(_line(place(point.low), y, place(point.high), y, f"bar {kind}"))
    if np.isfinite(point.value):
        at = f'cx="{place(point.value):.1f}" cy="{y}"'
        parts.append(f'<circle {at} r="4" class="{kind}"/>')
    return parts


def _axis(place, ticks, height):
    parts = [_line(8, height, _WIDTH - 8, height, "grid")]
    for tick in ticks:
        x = min(max(place(tick), 20), _WIDTH - 20)
        parts.append(_text(x, height + 14, _number(tick), "tick middle"))
    return parts


def _scale(values, start, end):
    """Return a function to places, and a few round values on the way."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        low, high = low - 0.5, high + 0.5
    pad = 0.05 * (high - low)
    low, high = low - pad, high + pad
    step = 10.0 ** np.floor(np.log10((high - low) / 2))
    step *= max(f for f in (1, 2, 5) if f * step <= (high - low) / 2)
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step

    def place(value):
        return float(start + (value - low) / (high - low) * (end - start))

    return place, ticks.tolist()


def _line(x1, y1, x2, y2, kind):
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} class="{kind}"/>'


def _text(x, y, text, kind):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(str(text))}</text>'


def _short(name):
    """Return what fits into a line; tables have the whole name."""
    return name if len(name) <= _MOST else f"{name[: _MOST - 1]}…"


def _number(value):
    return f"{value + 0.0:.4g}"  # no minus zero


def _svg(parts, height, label):
    box = f'viewBox="0 0 {_WIDTH} {height:.0f}" role="img"'
    name = escape(label)
    return (
        f'<figure><svg {box} aria-label="{name}">{"".join(parts)}</svg>'
        f"<figcaption>{name}</figcaption></figure>"
    )
