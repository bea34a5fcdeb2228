# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The coefficients of a linear score, through scalers in a Pipeline."""

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from skperf.shift._sample import Floats


def linear_coef(estimator: BaseEstimator, position: int) -> Floats | None:
    """Return the score's coefficients, or None unless it is a scaled linear model.

    `position` is that of the class whose score it is.
    """
    # here, since `import skperf` would pay for them
    from sklearn.pipeline import Pipeline

    from skperf.utils._sklearn import LinearClassifierMixin, LinearModel

    steps = estimator.steps if isinstance(estimator, Pipeline) else [("", estimator)]
    *scalers, model = [step for _, step in steps if step != "passthrough"]
    if not isinstance(model, LinearModel | LinearClassifierMixin):
        return None
    coef = _score_coef(model, position)
    for factor in map(_scale, scalers):
        coef = None if coef is None or factor is None else coef * factor
    return coef


def _score_coef(model: BaseEstimator, position: int) -> Floats | None:
    """Return the coefficients of the one score, or None if there are several."""
    coef = np.atleast_2d(model.coef_)
    if not is_classifier(model):
        return coef[0] if len(coef) == 1 else None
    if len(model.classes_) == 2:
        return coef[0] if position == 1 else -coef[0]
    return coef[position]


def _scale(scaler: BaseEstimator) -> Floats | float | None:
    """Return what a scaler multiplies columns by, or None if it does more than that."""
    from sklearn.preprocessing import (
        MaxAbsScaler,
        MinMaxScaler,
        RobustScaler,
        StandardScaler,
    )

    if isinstance(scaler, MinMaxScaler):
        return None if scaler.clip else scaler.scale_
    if isinstance(scaler, StandardScaler | RobustScaler | MaxAbsScaler):
        return 1.0 if scaler.scale_ is None else 1 / scaler.scale_
    return None
