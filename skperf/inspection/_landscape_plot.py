# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How a risk landscape is drawn."""

import numpy as np

_LEVELS = 25
_RETRAINING, _SEARCH = "tab:red", "black"


def draw(display, ax, contour_kw):
    """Draw a display; return the filled contours."""
    first, *second = display.values
    second = second[0] if second else first
    risk = np.ma.masked_invalid(np.transpose(display.risk))
    style = {"levels": _levels(risk), "cmap": "viridis", **contour_kw}
    surface = ax.contourf(first, second, risk, **style)
    ax.figure.colorbar(surface, ax=ax, label=display.risk_name, format="%.3g")
    ax.set(xlim=first[[0, -1]], ylim=second[[0, -1]], autoscale_on=False)
    _draw_paths(display, ax)
    _draw_points(display, ax)
    names = display.names or ["parameter"] * len(display.values)
    labels = names
    if len(display.values) == 1:
        labels = f"{names[0]}, deployed", f"{names[0]}, evaluated"
    ax.set(xlabel=labels[0], ylabel=labels[1])
    if ax.get_legend_handles_labels()[0]:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, 1.18)}
        ax.legend(ncols=2, frameon=False, **place)
    return surface


def _levels(risk):
    """Return levels between which areas are equal: corners may be as high as towers."""
    levels = np.quantile(risk.compressed(), np.linspace(0, 1, _LEVELS))
    lowest, highest = levels[[0, -1]]
    least = 1e-6 * max(highest - lowest, abs(highest), 1e-300)
    kept = [lowest]
    for level in levels[1:]:
        if level > kept[-1] + least:
            kept.append(level)
    return kept if len(kept) > 1 else [lowest, lowest + least]


def _draw_paths(display, ax):
    retraining, search = map(
        np.asarray, (display.retraining_path, display.descent_path)
    )
    if len(display.values) == 1:
        ax.plot(*[display.values[0][[0, -1]]] * 2, color="white", linewidth=0.8)
        retraining, search = _cobweb(retraining), np.repeat(search, 2).reshape(-1, 2)
    if display.moves is not None:
        _draw_moves(*display.moves, display.values, ax)
    style = {"marker": ".", "linewidth": 1.2, "markersize": 5}
    if len(retraining) > 1:
        ax.plot(*retraining.T, color=_RETRAINING, label="retraining", **style)
    if len(search) > 1:
        ax.plot(*search.T, color=_SEARCH, label="search for the optimum", **style)


def _cobweb(path):
    """Return points that go to the retrained model, then to its own data, in turns."""
    path = np.ravel(path)
    if not len(path):
        return np.empty((0, 2))
    return np.column_stack([np.repeat(path, 2)[:-1], np.repeat(path, 2)[1:]])


def _draw_moves(points, moves, values, ax):
    """Draw arrows of which the longest reach the next."""
    cells = np.array([np.ptp(v) for v in values]) / np.sqrt(len(points))
    longest = np.nanmax(np.abs(moves / cells))
    if longest > 0:
        shown = moves / max(longest, 1.0)
        style = {"angles": "xy", "scale_units": "xy", "scale": 1, "color": "white"}
        ax.quiver(*points.T, *shown.T, width=0.004, **style)


def _draw_points(display, ax):
    stable = np.reshape(display.stable, (-1, len(display.values)))
    _mark(stable, "s", "stable", ax)
    if display.optimum is not None:
        _mark(np.atleast_2d(display.optimum), "*", "optimum", ax)


def _mark(points, marker, label, ax):
    """Mark the points that are in the picture, also in whole at its rim."""
    if points.shape[1] == 1:
        points = np.repeat(points, 2, axis=1)
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    points = points[((low <= points) & (points <= high)).all(axis=1)]
    style = {"facecolor": "white", "edgecolor": "black", "zorder": 3, "clip_on": False}
    size = 150 if marker == "*" else 55
    if len(points):
        ax.scatter(*points.T, s=size, marker=marker, label=label, **style)
