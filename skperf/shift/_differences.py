# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Slopes of a score that nobody can differentiate."""

from collections.abc import Callable

import numpy as np

from skperf.shift._sample import Floats, Rows, Table
from skperf.utils._tables import add_to_columns, column_values


def central_differences(
    score: Callable[[Table], Floats], X: Table, columns: Rows
) -> Floats:
    """Return the slopes of `score` along each column, of shape (n_samples, k)."""
    differences = [_slopes(score, X, column) for column in columns]
    slopes = np.column_stack(differences)
    if slopes.shape != (len(differences[0]), len(columns)):
        raise ValueError(
            "StrategicResponse needs a score of one number a row; the predictor gave "
            "several. Respond to one output, or write the response as FunctionShift."
        )
    return slopes


def _slopes(score: Callable[[Table], Floats], X: Table, column: int) -> Floats:
    step = _difference_step(X, column)
    up = score(add_to_columns(X, [column], step))
    down = score(add_to_columns(X, [column], -step))
    return (up - down) / (2 * step)


def _difference_step(X: Table, column: int) -> float:
    """Return a step that balances rounding and curvature: eps^(1/3) of the scale."""
    scale = np.nanstd(column_values(X, column))
    return np.cbrt(np.finfo(float).eps) * (scale if scale > 0 else 1.0)
