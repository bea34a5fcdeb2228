# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Strategic response: people move their features against the score's gradient."""

from math import prod
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from skperf.shift._base import BaseShift, Sample, require_predictor
from skperf.utils._sklearn import Interval, LinearClassifierMixin, LinearModel
from skperf.utils._tables import add_to_columns, column_indices, column_values


class StrategicResponse(BaseShift):
    r"""People move their features a step against the gradient of the score.

    Strategic columns become :math:`x_s - \epsilon\,\nabla_{x_s} s(x)`, where the score
    s is the decision function of a classifier that has one and the prediction
    otherwise. For a linear score this is the best response to the quadratic cost
    :math:`\lVert x' - x \rVert^2 / (2 \epsilon)`.

    Parameters
    ----------
    epsilon : float
        Step length. People lower their score when it is positive and raise it when it
        is negative.

    strategic_features : int, str, slice or array-like, default=None
        The columns that people can change, all numeric: positions, names of a
        DataFrame's columns, or a mask. None means all columns.

    See Also
    --------
    ResampleIfRejected : Rejected people draw new features at random.

    Notes
    -----
    The gradient is exact for linear models, alone or behind scalers in a Pipeline, and
    for predictors with a method ``gradient(X)``. Others get central differences, two
    predictions a strategic column. Trees have a gradient of zero nearly everywhere, so
    under this shift nobody moves.

    References
    ----------
    .. [1] J. Perdomo, T. Zrnic, C. Mendler-Dünner, M. Hardt, "Performative
       Prediction", ICML 2020, section 5.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import StrategicResponse
    >>> X, y = np.array([[0.0, 0.0], [2.0, 1.0]]), np.array([0, 1])
    >>> shift = StrategicResponse(epsilon=0.5, strategic_features=[0])
    >>> score = lambda X: X @ np.array([2.0, 1.0])
    >>> shift.sample(X, y, score(X), predictor=score).X.round(6)
    array([[-1.,  0.],
           [ 1.,  1.]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "epsilon": [Interval(Real, None, None, closed="neither")],
        "strategic_features": [Integral, str, slice, "array-like", None],
    }

    def __init__(self, epsilon, *, strategic_features=None):
        self.epsilon = epsilon
        self.strategic_features = strategic_features

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        """Return the population after its move.

        Parameters
        ----------
        X, y, y_pred, predictor, sample_weight, random_state
            As in :meth:`BaseShift.sample`. People ask `predictor`, not `y_pred`.

        Returns
        -------
        sample : Sample
            The moved features with the same targets and weights.

        Raises
        ------
        ValueError
            If `predictor` is None, or its score is not one number a row.
        """
        self._validate_params()
        require_predictor(self, predictor)
        features = self.strategic_features
        everything = slice(None) if features is None else features
        columns = column_indices(X, everything)
        step = -self.epsilon * score_gradient(predictor, X, columns)
        return Sample(add_to_columns(X, columns, step), y, sample_weight)


def score_gradient(predictor, X, columns):
    """Return the gradient of the score in `columns`, of shape (n, k) or (k,).

    Of shape (k,) when it is the same everywhere.
    """
    if hasattr(predictor, "gradient"):
        return np.asarray(predictor.gradient(X))[:, columns]
    coef = _linear_coef(predictor)
    if coef is not None:
        return coef[columns]
    return _central_differences(getattr(predictor, "score", predictor), X, columns)


def _linear_coef(predictor):
    """Return the score's coefficients, or None unless it is a scaled linear model."""
    estimator = getattr(predictor, "estimator", None)
    steps = estimator.steps if isinstance(estimator, Pipeline) else [("", estimator)]
    *scalers, model = [step for _, step in steps if step != "passthrough"]
    if not isinstance(model, LinearModel | LinearClassifierMixin):
        return None
    factors = [_score_coef(model, predictor), *map(_scale, scalers)]
    return None if any(factor is None for factor in factors) else prod(factors)


def _score_coef(model, predictor):
    """Return the coefficients of the one score, or None if there are several."""
    coef = np.atleast_2d(model.coef_)
    if not is_classifier(model):
        return coef[0] if len(coef) == 1 else None
    if len(model.classes_) == 2:
        return coef[0] if predictor.pos_index == 1 else -coef[0]
    return coef[predictor.pos_index]


def _scale(scaler):
    """Return what a scaler multiplies columns by, or None if it does more than that."""
    if isinstance(scaler, MinMaxScaler):
        return None if scaler.clip else scaler.scale_
    if isinstance(scaler, StandardScaler | RobustScaler | MaxAbsScaler):
        return 1.0 if scaler.scale_ is None else 1 / scaler.scale_
    return None


def _central_differences(score, X, columns):
    """Return the slopes of `score` along each column, of shape (n_samples, k)."""
    slopes = []
    for column in columns:
        step = _difference_step(X, column)
        up = score(add_to_columns(X, [column], step))
        down = score(add_to_columns(X, [column], -step))
        slopes.append((up - down) / (2 * step))
    slopes = np.column_stack(slopes)
    if slopes.shape != (X.shape[0], len(columns)):
        raise ValueError(
            "StrategicResponse needs a score of one number a row; the predictor gave "
            "several. Respond to one output, or write the response as FunctionShift."
        )
    return slopes


def _difference_step(X, column):
    """Return a step that balances rounding and curvature: eps^(1/3) of the scale."""
    scale = np.nanstd(column_values(X, column))
    return np.cbrt(np.finfo(float).eps) * (scale if scale > 0 else 1.0)
