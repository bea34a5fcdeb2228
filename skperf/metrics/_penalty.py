# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The squared penalty that a linear model is trained with, and its slope."""

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from skperf.shift._gradients import scale_of


def penalty_of(model):
    """Return the slope of the penalty, for losses that are summed over rows.

    Parameters
    ----------
    model : OutputModel
        A linear model.

    Returns
    -------
    penalty : callable
        Takes the numbers of the model and the sample that it is trained on: scalers
        before the model are fitted on that too, and change what a coefficient costs.
    """
    strength = _strength(model.last)
    n_coefs = model.coef.size

    def penalty(values, sample):
        slope = np.zeros(len(values))
        if np.any(strength):
            coef = values[:n_coefs].reshape(model.coef.shape)
            slope[:n_coefs] = (strength * coef * _cost(model, sample) ** 2).ravel()
        return slope

    return penalty


def _strength(last):
    """Return what a coefficient is multiplied by; estimators not known have none."""
    if type(last) is Ridge:
        n_outputs = len(np.atleast_2d(last.coef_))  # over which errors are averaged
        return 2 * np.reshape(last.alpha, (-1, 1)) / n_outputs
    if type(last) is LogisticRegression:
        return 1 / last.C
    return 0.0


def _cost(model, sample):
    """Return by what coefficients grow behind scalers that are fitted on a sample."""
    X, again = sample.X, []
    for scaler in model.scalers:
        again.append(clone(scaler).fit(X))
        X = again[-1].transform(X)
    return model.factor / scale_of(again) if again else 1.0
