# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where retraining goes on a risk surface, where it rests, and what is lowest."""

import numpy as np
from scipy.optimize import root

from skperf.inspection._margin_rows import InducedRows
from skperf.risk_minimization._descent import descend

_ARROWS = 7  # in each direction
_ROUNDS = 30
_STEPS = 200  # of a descent
_STILL = 1e-6  # of the largest number, by which a round that has ended moves
_SEEN = 1e-5  # of an arrow
_FLAT = 1e-8  # slope of a stable point, as a share of that at the start


def retrain(surface, values, precision=None):
    """Return the numbers that are best on the data that these have induced."""
    slope_at = surface.fixed(values)
    if isinstance(slope_at, InducedRows):  # convex: it is lowest where it is flat
        found = root(slope_at.gradient, values, tol=precision)
        if found.success:
            return found.x
    return descend(slope_at, values, _STEPS).steps[-1].values


def retraining_path(surface, start):
    """Return the numbers before and after each round, of (n_rounds + 1, n_numbers).

    The path ends where it rests, or with the last model that people can react to.
    """
    path = [start]
    for _ in range(_ROUNDS):
        try:
            path.append(retrain(surface, path[-1]))
        except ValueError:  # the world has no answer, or an infinite one
            break
        if np.abs(path[-1] - path[-2]).max() <= _STILL * np.abs(path[-1]).max():
            break
    return np.array(path)


def stable_point(surface, start):
    """Return the numbers that retraining leaves alone, whether or not it gets there.

    Their loss is flat on their own data. None if the search from `start` finds none.
    """

    def slope(values):
        return surface.fixed(values)(values).gradient

    try:
        found = root(slope, start)
    except ValueError:
        return None
    steepest = np.abs(slope(start)).max()
    return found.x if np.abs(found.fun).max() <= max(_FLAT * steepest, 1e-12) else None


def descent_path(slope_at, start):
    """Return the numbers at each step down the performative risk, and the last risk."""
    descent = descend(slope_at, start, _STEPS)
    return np.array([step.values for step in descent.steps]), descent.risk


def survey(surface, values, resolution):
    """Return all that a display shows, by its parameters."""
    start = surface.start
    path = retraining_path(surface, start)
    descent, risk_there = descent_path(surface.slope_at, start)
    stable = stable_point(surface, path[-1])
    if stable is None:
        stable = stable_point(surface, descent[-1])
    stable = np.empty((0, len(start))) if stable is None else stable[None]
    if values is None:
        values = _ranges(np.vstack([path[:2], descent[-1], stable]), resolution)
    points, risk, own = _risks(surface, values)
    optimum, lowest = descent_path(surface.slope_at, points[np.nanargmin(own)])
    best = optimum[-1] if lowest < risk_there else descent[-1]
    return {
        "values": values,
        "risk": risk,
        "stable": stable,
        "optimum": best,
        "retraining_path": path,
        "descent_path": descent,
        "moves": _moves(surface, values) if len(values) > 1 else None,
    }


def _ranges(points, resolution):
    """Return values of each number that hold all points, with room around them."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum(0.3 * (high - low), 0.1 * np.maximum(np.abs(high), 1.0))
    ends = zip(low - room, high + room, strict=True)
    return [np.linspace(low, high, resolution) for low, high in ends]


def _risks(surface, values):
    """Return all points, the risks that are drawn, and each point's on its own data."""
    shape = tuple(map(len, values))
    points = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1)
    points = points.reshape(-1, len(values))
    if len(values) == 1:
        risk = surface.decoupled(points)
        return points, risk, np.diag(risk)
    own = surface.performative(points)
    return points, own.reshape(shape), own


def _moves(surface, values):
    """Return some of the points, and by how much one retraining moves them."""
    few = [np.linspace(v[0], v[-1], _ARROWS + 2)[1:-1] for v in values]
    points = np.stack(np.meshgrid(*few), axis=-1).reshape(-1, len(values))
    moves = [_move(surface, point) for point in points]
    return points, np.array(moves)


def _move(surface, point):
    try:
        return retrain(surface, point, _SEEN) - point
    except ValueError:  # people have no answer to it
        return np.full(len(point), np.nan)
