# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score, log_loss, zero_one_loss

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.metrics import (
    decoupled_performative_risk,
    performative_risk,
    stability_gap,
)
from skperf.shift import FunctionShift, OutcomeShift

MU, EPS = 0.2, 0.3


def biased_coin(X, y, y_pred):
    """Map to the law y | x ~ Bernoulli(1/2 + (mu + eps * theta) x), as weights."""
    theta = y_pred[0] - 0.5  # the prediction at x = 1 is 1/2 + theta
    heads = 0.5 + (MU + EPS * theta) * X[:, 0]
    return X, y, np.where(y == 1, heads, 1 - heads) / 2


@pytest.fixture
def coin():
    """Both sides of the coin with both outcomes."""
    return np.array([[1.0], [1.0], [-1.0], [-1.0]]), np.array([1, 0, 1, 0])


class Line(DummyRegressor):
    """The regressor f(x) = 1/2 + theta x."""

    def __init__(self, theta=0.0):
        self.theta = theta

    def fit(self, X, y, sample_weight=None):
        return self

    def predict(self, X):
        return 0.5 + self.theta * X[:, 0]

    def __sklearn_is_fitted__(self):
        return True


@pytest.mark.parametrize("theta", [0.0, MU / (1 - EPS), MU / (1 - 2 * EPS), 0.9])
def test_performative_risk_of_the_biased_coin(coin, theta):
    # Perdomo et al. (2020): PR = 1/4 - (mu + eps t)^2 + (mu - (1 - eps) t)^2
    closed = 0.25 - (MU + EPS * theta) ** 2 + (MU - (1 - EPS) * theta) ** 2
    risk = performative_risk(Line(theta), FunctionShift(biased_coin), *coin)
    assert risk == pytest.approx(closed, abs=1e-14)


def test_stable_point_is_not_the_optimum(coin):
    shift = FunctionShift(biased_coin)
    stable, optimal = Line(MU / (1 - EPS)), Line(MU / (1 - 2 * EPS))
    assert performative_risk(stable, shift, *coin) == pytest.approx(0.168367, abs=1e-6)
    assert performative_risk(optimal, shift, *coin) == pytest.approx(0.15, abs=1e-12)
    # on the data of the stable model no other line is better
    for theta in (0.0, 0.28, 0.29, 0.5):
        risk = decoupled_performative_risk(stable, Line(theta), shift, *coin)
        assert risk > performative_risk(stable, shift, *coin)


def test_decoupled_risk_keeps_the_two_models_apart():
    X, y = make_classification(200, random_state=0)
    shift = ResampleIfRejected(0.4)
    strong, weak = (LogisticRegression(C=C).fit(X, y) for C in (1.0, 1e-3))
    weights = shift.sample(X, y, strong.predict_proba(X)[:, 1]).sample_weight
    expected = log_loss(y, weak.predict_proba(X), sample_weight=weights)
    risk = decoupled_performative_risk(strong, weak, shift, X, y)
    assert risk == pytest.approx(expected, rel=1e-12)
    assert risk != decoupled_performative_risk(weak, strong, shift, X, y)


@pytest.mark.parametrize(
    ("estimator", "scoring", "expected"),
    [
        (
            LogisticRegression(),
            "accuracy",
            lambda y, p, w: -accuracy_score(y, p, sample_weight=w),
        ),
        (RidgeClassifier(), None, lambda y, p, w: zero_one_loss(y, p, sample_weight=w)),
    ],
)
def test_scoring_and_default_of_hard_classifiers(estimator, scoring, expected):
    X, y = make_classification(200, random_state=0)
    model = clone(estimator).fit(X, y)
    shift = ResampleIfRejected(0.4)
    weights = shift.sample(X, y, model.predict(X).astype(float)).sample_weight
    risk = performative_risk(
        model, shift, X, y, scoring=scoring, response_method="predict"
    )
    assert risk == pytest.approx(expected(y, model.predict(X), weights), rel=1e-12)


def test_sample_weight_counts_as_copies():
    X, y = make_classification(100, random_state=0)
    weights = np.random.RandomState(0).randint(0, 3, size=100)
    model = LogisticRegression().fit(X, y)
    shift = ResampleIfRejected(0.4)
    risk = performative_risk(model, shift, X, y, sample_weight=weights)
    copies = performative_risk(
        model, shift, np.repeat(X, weights, axis=0), np.repeat(y, weights)
    )
    assert risk == pytest.approx(copies, rel=1e-12)


def test_stability_gap_vanishes_at_the_stable_point_only():
    X, y = make_classification(300, random_state=0)
    shift = ResampleIfRejected(0.3)
    # nearly unregularized, so that fit minimizes the very risk that is measured
    base = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-12)
    stable = RepeatedRiskMinimizer(base, shift, tol=1e-10).fit(X, y)
    assert stability_gap(stable, shift, X, y) == pytest.approx(0, abs=1e-10)
    assert stability_gap(clone(base).fit(X, y), shift, X, y) > 1e-6


def test_stability_gap_of_a_constant():
    # f = mean(y) = 1/2, D(f) has mean 3/4: retraining saves (1/4)^2
    X, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    model = DummyRegressor().fit(X, y)
    assert stability_gap(model, OutcomeShift(0.5), X, y) == pytest.approx(1 / 16)
