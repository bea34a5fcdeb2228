# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Slopes of a function of predictions that treats each row by itself."""

from collections.abc import Callable

import numpy as np

from skperf.shift._sample import Floats, Rows

_EPS = float(np.finfo(float).eps)
_STEP = np.cbrt(_EPS)  # balances rounding and curvature
_ROUNDING = 1e3 * _EPS


def row_slopes(func: Callable[[Floats], Floats], y_pred: Floats) -> Floats:
    """Return the slope of each row's value by its predictions, in their shape.

    Raises
    ------
    ValueError
        If the value of a row depends on the predictions of others.
    """
    columns = y_pred.reshape(len(y_pred), -1)
    low, high = _range(columns)
    slopes = np.empty(columns.shape)
    for output, values in enumerate(columns.T):
        step = _STEP * np.maximum(np.abs(values), 1.0)
        points = np.minimum(values + step, high), np.maximum(values - step, low)
        for half in range(2):
            rows = np.arange(half, len(values), 2)
            up, down = (
                func(_with(columns, rows, output, p).reshape(y_pred.shape))
                for p in points
            )
            _require_own_rows(func, up, down, rows)
            run = points[0][rows] - points[1][rows]
            slopes[rows, output] = (up - down)[rows] / run
    return slopes.reshape(y_pred.shape)


def _range(y_pred: Floats) -> tuple[float, float]:
    """Return where predictions may be: probabilities stay probabilities."""
    if y_pred.min() >= 0 and y_pred.max() <= 1:
        return 0.0, 1.0
    return -np.inf, np.inf


def _with(columns: Floats, rows: Rows, output: int, points: Floats) -> Floats:
    """Return the predictions with one output of some rows moved."""
    moved = columns.copy()
    moved[rows, output] = points[rows]
    return moved


def _require_own_rows(
    func: Callable[[Floats], Floats], up: Floats, down: Floats, rows: Rows
) -> None:
    """Raise where the rows whose predictions stayed have got other values."""
    change = np.delete(np.abs(up - down), rows)
    if np.any(change > _ROUNDING * np.abs(up).max(initial=1.0)):
        name = getattr(func, "__name__", type(func).__name__)
        raise ValueError(
            f"The func {name!r} of TransformedPredictionShift mixes rows: the value of "
            "one changes with the predictions of others, so it has no slope of its "
            "own. Give a function that treats each row by itself."
        )
