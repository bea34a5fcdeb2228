# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Two groups for which resampling if rejected is solved by hand."""

from math import sqrt

import numpy as np
from sklearn.utils import Bunch


def make_two_group_rejection():
    """Generate two groups for which resampling if rejected is solved by hand.

    Half of the population has the feature 1 and the mean outcome 0.9, the other half
    has 1/2 and 0.1. A model predicts ``y_pred = coef * feature``. A row is rejected
    with probability ``delta + (1 - delta) * y_pred`` for delta = 1/2, and a rejected
    row is replaced by a random one, as in [1]_, Section 3. With u = coef / 8 the two
    groups then have the weights 1 - u and 1 + u, and retraining with squared loss gives
    ::

        8 u_next = 2 (0.475 - 0.425 u) / (1.25 - 0.75 u) = coef_next

    The stable point is the smaller root of 3 u^2 - 5.425 u + 0.475 = 0. The risk under
    deployment, ::

        ((1 - u) (8 u - 0.9)^2 + (1 + u) (4 u - 0.1)^2) / 2

    is lowest at the smaller root of 9 u^2 - 11.7 u + 1 = 0, though only by a hundredth
    of a percent: a stable model is nearly optimal here. In the scale of [1]_
    predictions and outcomes are half as large, f = (1 - delta) * y_pred.

    Pair it with ``ResampleIfRejected(delta=data.delta)``, which reweights whole rows
    exactly, and ``LinearRegression(fit_intercept=False)``.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (2, 1)
            The features 1 and 1/2.
        target : ndarray of shape (2,)
            The mean outcomes 0.9 and 0.1.
        delta : float
            The probability 1/2 of a rejection at prediction 0.
        stable_coef : float
            The coefficient of the stable model, about 0.738.
        stable_prediction : ndarray of shape (2,)
            The predictions of the stable model.
        optimal_coef : float
            The coefficient of the model with the lowest performative risk, about 0.736.
        optimal_prediction : ndarray of shape (2,)
            Its predictions.
        stable_risk, optimal_risk : float
            The performative risk, a mean squared error, of both.
        contraction : float
            The derivative of retraining at the stable point, about -0.0314: an error
            changes sign and nearly vanishes each time.

    References
    ----------
    .. [1] Mofakhami, M., Mitliagkas, I. and Gidel, G. (2023). Performative
       Prediction with Neural Networks. AISTATS.

    Examples
    --------
    >>> from skperf.datasets import make_two_group_rejection
    >>> data = make_two_group_rejection()
    >>> print(f"{data.stable_coef:.12f} {data.contraction:.4f}")
    0.738121421642 -0.0314
    """
    optimal = (11.7 - sqrt(11.7**2 - 4 * 9)) / (2 * 9)
    u = (5.425 - sqrt(5.425**2 - 4 * 3 * 0.475)) / (2 * 3)
    X = np.array([[1.0], [0.5]])
    return Bunch(
        data=X,
        target=np.array([0.9, 0.1]),
        delta=0.5,
        stable_coef=8 * u,
        stable_prediction=8 * u * X[:, 0],
        optimal_coef=8 * optimal,
        optimal_prediction=8 * optimal * X[:, 0],
        stable_risk=_risk(u),
        optimal_risk=_risk(optimal),
        contraction=(0.75 * 0.475 - 1.25 * 0.425) / (4 * (1.25 - 0.75 * u) ** 2),
    )


def _risk(u):
    return ((1 - u) * (8 * u - 0.9) ** 2 + (1 + u) * (4 * u - 0.1) ** 2) / 2
