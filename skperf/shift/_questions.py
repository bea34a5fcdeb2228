# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People who have moved are asked about where they are: what the move does to it."""

from collections.abc import Callable, Sequence

import numpy as np

from skperf.shift._differences import central_differences
from skperf.shift._predictor import PredictionFunction
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._sample import Floats, Rows, Table
from skperf.utils._tables import (
    add_to_columns,
    column_values,
    numeric_columns,
    take_rows,
)

_FINE = float(np.cbrt(np.finfo(float).eps))  # balances rounding and curvature
_COARSE = 3e-4  # for slopes of slopes, which may themselves be differences
_FEW_ROWS = 500
_SHARE = 1e-6  # what rounding and third derivatives may do across a gradient


def move_questions(
    predictor: PredictionFunction, pull_backs: Sequence[PullBack], cotangent: Cotangent
) -> Cotangent:
    """Add to derivatives by features what they do to predictions and gradients.

    Where derivatives by features are not wanted they are left out.
    """
    if cotangent.X is None:
        return cotangent
    by_feature = cotangent.X.copy()
    for pull_back in pull_backs:
        if not pull_back.of_base:
            continue
        columns = numeric_columns(pull_back.X)
        if pull_back.v.any():
            by_feature[:, columns] += _by_prediction(predictor, pull_back, columns)
        if pull_back.U is not None:
            along = pull_back.U[:, columns]
            by_feature[:, columns] += _by_gradient(
                predictor, pull_back.X, along, columns
            )
    return cotangent._replace(X=by_feature)


def _by_prediction(
    predictor: PredictionFunction, pull_back: PullBack, columns: Rows
) -> Floats:
    """Return the derivatives of ``sum(v * predictor(X))`` by X."""
    X, v = pull_back.X, pull_back.v
    gradient = predictor.gradient(X, columns) if v.ndim == 1 else None
    if gradient is not None:
        slope = _slope_by_score(predictor, X, gradient, columns)
        if slope is not None:
            return (v * slope)[:, None] * gradient
    outputs = v.reshape(len(v), -1).T

    def output(k: int) -> Callable[[Table], Floats]:
        return lambda X: np.asarray(predictor(X)).reshape(len(v), -1)[:, k]

    effects = np.zeros((len(v), len(columns)))
    for k, by_output in enumerate(outputs):
        slopes = central_differences(output(k), X, columns)
        effects += by_output[:, None] * slopes
    return effects


def _slope_by_score(
    predictor: PredictionFunction, X: Table, gradient: Floats, columns: Rows
) -> Floats | None:
    """Return the slopes of predictions by the score, None if they follow more than it.

    Two predictions along the gradient tell, and two across it, on some rows, whether
    that is all: the probability of one of several classes moves there too.
    """
    scales = _scales(X, columns)
    along = gradient * scales**2
    steepness = (along * gradient).sum(axis=1)
    rise, run = _difference(predictor, X, along, scales, columns, _FINE)
    few = np.linspace(0, len(rise) - 1, min(len(rise), _FEW_ROWS)).astype(int)
    across = np.cos(np.arange(1.0, len(columns) + 1)) * scales  # some direction
    share = _divide(gradient[few] @ across, steepness[few])
    across = across - share[:, None] * along[few]
    rise_across, _ = _difference(
        predictor, take_rows(X, few), across, scales, columns, _FINE
    )
    if np.abs(rise_across).max() > _SHARE * np.abs(rise).max():
        return None
    return _divide(rise, run * steepness)


def _by_gradient(
    predictor: PredictionFunction, X: Table, U: Floats, columns: Rows
) -> Floats:
    """Return the derivatives of ``sum(U * predictor.gradient(X))`` by X.

    The second derivatives are symmetric, so these are slopes of the gradient along U.
    """
    gradient = predictor.gradient(X, columns)
    if gradient is not None and not gradient.strides[0]:  # the same everywhere
        return np.zeros(U.shape)

    def ask(X: Table) -> Floats:
        known = predictor.gradient(X, columns)
        if known is not None:
            return known
        return central_differences(predictor.score, X, columns)

    rise, run = _difference(ask, X, U, _scales(X, columns), columns, _COARSE)
    return _divide(rise, run[:, None])


def _difference(
    ask: Callable[[Table], Floats],
    X: Table,
    direction: Floats,
    scales: Floats,
    columns: Rows,
    size: float,
) -> tuple[Floats, Floats]:
    """Return the difference of answers along a direction, and how long it was.

    Each row moves by `size` standard deviations in the column that moves furthest, and
    not at all where the direction is zero.
    """
    longest = np.abs(direction / scales).max(axis=1, keepdims=True)
    step = _divide(np.full_like(longest, size), longest)
    above, below = (
        np.asarray(ask(add_to_columns(X, columns, sign * step * direction)))
        for sign in (1, -1)
    )
    return above - below, 2 * step[:, 0]


def _scales(X: Table, columns: Rows) -> Floats:
    """Return the standard deviations of columns, 1 where they are zero."""
    scales = np.array([np.nanstd(column_values(X, column)) for column in columns])
    return np.where(scales > 0, scales, 1.0)


def _divide(values: Floats, divisors: Floats) -> Floats:
    """Return quotients, zero where the divisor is."""
    where = np.broadcast_to(divisors > 0, values.shape)
    return np.divide(values, divisors, out=np.zeros_like(values), where=where)
