# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Slopes of a score that nobody can differentiate.

The step suits the precision of the model, which may be lower than that of the table: a
float32 model does not see a hundred-thousandth of a standard deviation in a column of
years.
"""

from collections.abc import Callable

import numpy as np

from skperf.shift._sample import Floats, Rows, Table
from skperf.utils._tables import add_to_columns, column_values, take_rows

#: A relative move that float64 sees and float32 does not, but for a few values that lie
#: between two of its numbers.
_FINE = 2.0**-44
_FEW_ROWS = 0.01
_LESS = 0.25  # of a step, at which slopes are still there, and jumps steeper


def central_differences(
    score: Callable[[Table], Floats], X: Table, columns: Rows
) -> Floats:
    """Return the slopes of `score` along each column, of shape (n_samples, k).

    A jump is no slope: where the score is flat on both sides of one, it is flat.
    """
    base = np.asarray(score(add_to_columns(X, columns, np.zeros(len(columns)))))
    if base.ndim > 1:
        raise ValueError(
            "StrategicResponse needs a score of one number a row; the predictor gave "
            "several. Respond to one output, or write the response as FunctionShift."
        )
    eps = _precision(score, X, columns, base)
    base = base.astype(float)
    return np.column_stack([_slopes(score, X, base, c, eps) for c in columns])


def _slopes(
    score: Callable[[Table], Floats], X: Table, base: Floats, column: int, eps: float
) -> Floats:
    """Return slopes along one column, those of few rows only if a finer step agrees.

    Few rows with a slope among flat ones may be those near the jumps of trees.
    """
    values = column_values(X, column)
    # eps^(1/3) of the scale balances rounding and curvature
    scale = np.nanstd(values)
    step = np.cbrt(eps) * (scale if scale > 0 else 1.0)
    kind = float if eps <= np.finfo(float).eps else np.float32
    finest = 4 * np.finfo(kind).eps * np.abs(values)
    step = np.maximum(step, np.maximum(finest, np.finfo(kind).tiny))
    slopes = _one_step(score, X, base, column, step, kind)
    steep = np.flatnonzero((slopes != 0) & np.isfinite(slopes))
    if not 0 < 2 * len(steep) < len(slopes):
        return slopes
    near = take_rows(X, steep)
    again = _one_step(score, near, base[steep], column, _LESS * step[steep], kind)
    agree = np.abs(again - slopes[steep]) < np.abs(slopes[steep]) / 2
    slopes[steep[~agree]] = 0
    return slopes


def _one_step(
    score: Callable[[Table], Floats],
    X: Table,
    base: Floats,
    column: int,
    step: Floats,
    kind: type,
) -> Floats:
    """Return differences between points that the model can tell from each other.

    Where the two sides differ much, the lower of their slopes, and 0 of opposite ones.
    """
    values = column_values(X, column)
    up, down = ((values + move).astype(kind).astype(float) for move in (step, -step))
    above, below = (
        np.asarray(score(add_to_columns(X, [column], (there - values)[:, None])), float)
        for there in (up, down)
    )
    right, left = (above - base) / (up - values), (base - below) / (values - down)
    flatter = np.where(np.abs(right) < np.abs(left), right, left)
    flatter = np.where(right * left < 0, 0.0, flatter)
    apart = np.abs(right - left) > np.maximum(np.abs(right), np.abs(left)) / 2
    return np.where(apart, flatter, (above - below) / (up - down))


def _precision(
    score: Callable[[Table], Floats], X: Table, columns: Rows, base: Floats
) -> float:
    """Return the spacing of the numbers that the model computes with.

    It is that of its score, or of float32 if a move is not seen that float32 cannot
    see. A score that is flat, between the steps of trees, shows nothing, and needs a
    small step.
    """
    values = np.column_stack([column_values(X, column) for column in columns])

    def moved(share: float) -> Floats:
        return np.asarray(score(add_to_columns(X, columns, share * values)))

    fine, coarse = float(np.finfo(float).eps), float(np.finfo(np.float32).eps)
    if base.dtype.kind == "f" and base.dtype.itemsize < 8:
        coarse = float(np.finfo(base.dtype).eps)
    elif _differ(moved(_FINE), base):
        return fine
    return coarse if _differ(moved(8 * coarse), base) else fine


def _differ(scores: Floats, others: Floats) -> bool:
    """Return whether more than a few rows have other scores."""
    return bool(np.mean((scores != others) & (others == others)) > _FEW_ROWS)
