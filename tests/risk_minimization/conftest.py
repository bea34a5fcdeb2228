# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf.shift import FunctionShift, OutcomeShift


class BallRegression(RegressorMixin, BaseEstimator):
    """Least squares on identity features with predictions in a ball.

    All features have the same weight in every sample here, so that the constrained
    minimizer is the projection of the plain one.
    """

    def __init__(self, radius):
        self.radius = radius

    def fit(self, X, y, sample_weight=None):
        plain = LinearRegression(fit_intercept=False).fit(X, y, sample_weight)
        norm = np.sqrt(np.mean(plain.coef_**2))
        self.coef_ = plain.coef_ * min(1, self.radius / max(norm, 1e-300))
        return self

    def predict(self, X):
        return X @ self.coef_


class ProportionalModel(RegressorMixin, BaseEstimator):
    """f(x) = u x with the loss (f - 15/4)^2 / 2; it has no use for targets."""

    def fit(self, X, y, sample_weight=None):
        x = X[:, 0]
        mean, square = np.average(np.stack([x, x**2]), axis=1, weights=sample_weight)
        self.u_ = 3.75 * mean / square
        return self

    def predict(self, X):
        return self.u_ * X[:, 0]


@pytest.fixture
def ball_regression():
    return BallRegression


@pytest.fixture
def proportional_model():
    return ProportionalModel


@pytest.fixture
def least_squares():
    """Least squares that can reproduce any outcome of identity features."""
    return LinearRegression(fit_intercept=False)


@pytest.fixture
def linear_world():
    """Return f -> feedback @ f as a shift; the base targets are the first model.

    With a spread all samples share their rows and differ in weights.
    """

    def make(feedback, n_rows=1, spread=None):
        world = OutcomeShift(feedback, spread=spread)
        respond = world.bind(np.eye(n_rows), np.zeros(n_rows))
        return FunctionShift(lambda X, y, y_pred: respond(y_pred))

    return make


@pytest.fixture
def retraining_path():
    """Run a minimizer for a number of rounds; return the predictions of its models.

    Shape (n_rounds + 1, n_rows): the predictions of the first model come first.
    """

    def run(minimizer, X, y, n_rounds):
        shift, seen = minimizer.shift, []
        respond = shift.bind(X, y)

        def record(X, y, y_pred, predictor):
            seen.append(y_pred)
            return respond(y_pred, predictor)

        minimizer.set_params(shift=FunctionShift(record), max_iter=n_rounds, tol=0)
        with pytest.warns(ConvergenceWarning):
            minimizer.fit(X, y)
        assert minimizer.n_iter_ == n_rounds
        # the test for randomness asks the shift again at the end
        return np.array([*seen[:n_rounds], minimizer.predict(X)])

    return run
