# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People who have moved are asked about where they are: what the move does to it."""

from collections.abc import Callable, Sequence

import numpy as np

from skperf.shift._differences import central_differences
from skperf.shift._predictor import PredictionFunction
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._sample import Floats, Rows, Table
from skperf.utils._tables import add_to_columns, column_values, numeric_columns

_STEP = 3e-4  # of a slope of slopes, which may themselves be differences


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
    outputs = pull_back.v.reshape(len(pull_back.v), -1).T

    def output(k: int) -> Callable[[Table], Floats]:
        return lambda X: np.asarray(predictor(X)).reshape(len(outputs[k]), -1)[:, k]

    effects = np.zeros((len(pull_back.v), len(columns)))
    for k, v in enumerate(outputs):
        effects += v[:, None] * central_differences(output(k), pull_back.X, columns)
    return effects


def _by_gradient(
    predictor: PredictionFunction, X: Table, U: Floats, columns: Rows
) -> Floats:
    """Return the derivatives of ``sum(U * predictor.gradient(X))`` by X.

    The second derivatives are symmetric, so these are slopes of the gradient along U.
    """
    gradient = predictor.gradient(X, columns)
    if gradient is not None and not gradient.strides[0]:  # the same everywhere
        return np.zeros(U.shape)
    scales = np.array([np.std(column_values(X, column)) for column in columns])
    longest = np.abs(U / np.where(scales > 0, scales, 1.0)).max(axis=1, keepdims=True)
    step = np.divide(_STEP, longest, out=np.zeros_like(longest), where=longest > 0)
    above, below = (
        _gradient(predictor, add_to_columns(X, columns, sign * step * U), columns)
        for sign in (1, -1)
    )
    run = np.where(step > 0, 2 * step, 1.0)
    return (above - below) / run


def _gradient(predictor: PredictionFunction, X: Table, columns: Rows) -> Floats:
    """Return the gradient of the score, by differences where it is not known."""
    known = predictor.gradient(X, columns)
    if known is not None:
        return known
    return central_differences(predictor.score, X, columns)
