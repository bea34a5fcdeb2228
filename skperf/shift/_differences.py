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
from skperf.utils._tables import add_to_columns, column_values

#: A relative move that float64 sees and float32 does not, but for a few values that lie
#: between two of its numbers.
_FINE = 2.0**-44
_FEW_ROWS = 0.01


def central_differences(
    score: Callable[[Table], Floats], X: Table, columns: Rows
) -> Floats:
    """Return the slopes of `score` along each column, of shape (n_samples, k)."""
    eps = _precision(score, X, columns)
    differences = [_slopes(score, X, column, eps) for column in columns]
    slopes = np.column_stack(differences)
    if slopes.shape != (len(differences[0]), len(columns)):
        raise ValueError(
            "StrategicResponse needs a score of one number a row; the predictor gave "
            "several. Respond to one output, or write the response as FunctionShift."
        )
    return slopes


def _slopes(
    score: Callable[[Table], Floats], X: Table, column: int, eps: float
) -> Floats:
    """Return differences between points that the model can tell from each other."""
    values = column_values(X, column)
    kind = float if eps <= np.finfo(float).eps else np.float32
    # eps^(1/3) of the scale balances rounding and curvature
    scale = np.nanstd(values)
    step = np.cbrt(eps) * (scale if scale > 0 else 1.0)
    step = np.maximum(step, 4 * np.finfo(kind).eps * np.abs(values))
    up, down = ((values + move).astype(kind).astype(float) for move in (step, -step))
    above = score(add_to_columns(X, [column], (up - values)[:, None]))
    below = score(add_to_columns(X, [column], (down - values)[:, None]))
    rise = np.asarray(above, dtype=float) - np.asarray(below, dtype=float)
    return (rise.T / (up - down)).T


def _precision(score: Callable[[Table], Floats], X: Table, columns: Rows) -> float:
    """Return the spacing of the numbers that the model computes with.

    It is that of its score, or of float32 if a move is not seen that float32 cannot
    see. A score that is flat, between the steps of trees, shows nothing, and needs a
    small step.
    """
    values = np.column_stack([column_values(X, column) for column in columns])

    def moved(share: float) -> Floats:
        return np.asarray(score(add_to_columns(X, columns, share * values)))

    fine, coarse = float(np.finfo(float).eps), float(np.finfo(np.float32).eps)
    base = moved(0.0)
    if base.dtype.kind == "f" and base.dtype.itemsize < 8:
        coarse = float(np.finfo(base.dtype).eps)
    elif _differ(moved(_FINE), base):
        return fine
    return coarse if _differ(moved(8 * coarse), base) else fine


def _differ(scores: Floats, others: Floats) -> bool:
    """Return whether more than a few rows have other scores."""
    return bool(np.mean((scores != others) & (others == others)) > _FEW_ROWS)
