# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Optima that are known in closed form, and where stable models are instead."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.metrics import performative_risk
from skperf.shift import (
    BaseShift,
    Cotangent,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    StrategicResponse,
    TransformedPredictionShift,
)

METHODS = pytest.mark.parametrize("method", ["retrain", "gradient"])


class LocationScale(BaseShift):
    """Targets have the mean m + a f and the standard deviation s0 + s1 f."""

    is_random = False

    def __init__(self, m, a, s0, s1):
        self.m = m
        self.a = a
        self.s0 = s0
        self.s1 = s1

    def sample(self, X, y, y_pred, *, predictor=None, sample_weight=None, **_):
        return Sample(X, self.m + self.a * y_pred + (self.s0 + self.s1 * y_pred) * y)

    def pull_back(self, cotangent, X, y, y_pred, **_):
        by_target = cotangent.y * (self.s0 + self.s1 * y_pred)
        return Cotangent(cotangent.weight, by_target), cotangent.y * (
            self.a + self.s1 * y
        )


def fit_constant(shift, method, y=(-1.0, 1.0)):
    """Return the constant that a method finds, and its risk."""
    mean = LinearRegression(fit_intercept=False)
    minimizer = PerformativeRiskMinimizer(
        mean, shift, method=method, tol=1e-9, max_iter=300
    )
    minimizer.fit(np.ones((len(y), 1)), np.asarray(y))
    assert minimizer.diagnosis_ == "stationary"
    return minimizer.estimator_.coef_[0], minimizer.performative_risk_


@METHODS
@pytest.mark.parametrize(
    ("m", "a", "s0", "s1"),
    [(1, 0.6, 0.3, 0.8), (1, -0.5, 0.2, 0.1), (2, 0.9, 1, 0.5), (2, 0, 0, 3)],
)
def test_location_scale(method, m, a, s0, s1):
    """(2, 0, 0, 3) is the scale family whose stable risk is 1 + 3^2 times as large."""
    optimum = ((1 - a) * m - s0 * s1) / ((1 - a) ** 2 + s1**2)
    found, risk = fit_constant(LocationScale(m, a, s0, s1), method)
    assert_allclose(found, optimum, atol=1e-6)

    def risk_at(t):
        return (m + (a - 1) * t) ** 2 + (s0 + s1 * t) ** 2

    assert_allclose(risk, risk_at(optimum), atol=1e-9)
    if (a, s0) == (0, 0):
        assert_allclose(risk_at(m) / risk, 1 + s1**2, rtol=1e-6)


@METHODS
@pytest.mark.parametrize("a", [-0.9, -0.3, 0.4])
def test_outcomes_with_a_spread(method, a):
    """Each target y becomes y + b or y - b, with the mean y + a f."""
    y = 0.3
    if a == 0.4:
        spread = 1.5  # moves stay below it
        found, _ = fit_constant(OutcomeShift(a, spread=spread), method, [y, y])
    else:
        found, _ = fit_constant(OutcomeShift(a, spread=5.0), method, [y, y])
    # E(f - y')^2 = (f - y - a f)^2 + spread^2 - (a f)^2
    assert_allclose(found, (1 - a) * y / (1 - 2 * a), atol=1e-6)


@METHODS
@pytest.mark.parametrize("norm", [0.3, 0.95])
def test_a_matrix_of_feedback(method, norm):
    """The optimum is least squares on (I - A) X; a stable model is another."""
    rng = np.random.default_rng(0)
    X, y, A = rng.normal(size=(30, 3)), rng.normal(size=30), rng.normal(size=(30, 30))
    A *= -norm / np.linalg.norm(A, 2)
    minimizer = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False),
        OutcomeShift(A),
        method=method,
        tol=1e-8,
        max_iter=100,
    ).fit(X, y)
    optimum = np.linalg.lstsq((np.eye(30) - A) @ X, y, rcond=None)[0]
    assert_allclose(minimizer.estimator_.coef_, optimum, atol=1e-6)
    assert minimizer.converged_


@pytest.mark.parametrize(
    "a",
    [-0.7, 0.5]
    + [pytest.param(a, marks=pytest.mark.slow) for a in (-0.99, -0.414, -0.2, 0.8)],
)
def test_damping_makes_every_feedback_below_one_converge(a):
    """Undamped it does so for (1 - a)^2 < 2 only; a stable model is optimal here."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    minimizer = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False),
        OutcomeShift(a),
        method="retrain",
        tol=1e-9,
        max_iter=600,
    ).fit(X, y)
    assert minimizer.converged_
    assert_allclose(
        minimizer.estimator_.coef_,
        np.linalg.lstsq(X, y, rcond=None)[0] / (1 - a),
        atol=1e-6,
    )
    damped = minimizer.history_["damping"][-1] > 0
    assert damped == ((1 - a) ** 2 > 1.8)


def test_two_atoms_resampled_if_rejected():
    """The optimum of a cubic polynomial, beside the stable point .369061."""
    X = np.array([[1.0], [1.0], [0.5], [0.5]])
    y, weights = np.array([0.5, 0.0, 0.5, 0.0]), np.array([0.45, 0.05, 0.05, 0.45])
    shift = TransformedPredictionShift(ResampleIfRejected(0.5), double)
    minimizer = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False), shift, method="gradient"
    ).fit(X, y, weights)
    retrained = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False), shift, method="retrain", tol=1e-9
    ).fit(X, y, weights)
    for found in (minimizer, retrained):
        assert_allclose(found.estimator_.coef_, 0.367911, atol=1e-6)
        assert_allclose(found.performative_risk_ / 2, 0.01767833, atol=1e-8)


def double(f):
    return 2 * f


def revenue(estimator, X, y, sample_weight=None):
    return np.mean(estimator.predict(X))


@pytest.fixture
def demand():
    """100 products with a demand of mu0 - 1.5 theta; the best revenue."""
    rng = np.random.default_rng(0)
    mu0 = rng.uniform(3, 8, 100)
    noise = rng.normal(size=(50, 100))
    return mu0 + noise - noise.mean(axis=0), np.sum(mu0**2) / (4 * 1.5)


def test_pricing_by_a_score(demand):
    """Demand answers to prices; the stable prices mu0 / eps earn nothing."""
    X, best = demand
    minimizer = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False), StrategicResponse(1.5), scoring=revenue
    ).fit(X, np.zeros(len(X)))
    assert_allclose(-minimizer.performative_risk_, best, rtol=1e-6)
    assert_allclose(minimizer.estimator_.coef_, X.mean(axis=0) / 3, rtol=1e-6)
    minimizer.estimator_.coef_ = X.mean(axis=0) / 1.5
    at_rest = performative_risk(minimizer, minimizer.shift, X, X[:, 0], scoring=revenue)
    assert_allclose(at_rest, 0, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Training did not converge")
def test_pricing_by_a_torch_module_with_its_own_loss(demand):
    nn = pytest.importorskip("torch.nn")
    from skperf.neural_network import TorchRegressor

    X, best = demand
    seller = TorchRegressor(
        nn.Linear,
        module_params={"bias": False},
        loss=negative,
        optimizer="sgd",  # whose first step is a start; there is nowhere to end
        optimizer_params={"lr": 1e-3},
        max_iter=1,
        random_state=0,
    )
    minimizer = PerformativeRiskMinimizer(seller, StrategicResponse(1.5))
    minimizer.fit(X, np.zeros(len(X)))
    assert minimizer.diagnosis_ == "stationary"
    assert_allclose(-minimizer.performative_risk_, best, rtol=1e-6)


def negative(output, target):
    return -output


@pytest.mark.parametrize("elasticity", [77.2, 43.8])
def test_a_seller_who_knows_that_demand_answers(elasticity):
    """One firm with a price of z / (lambda + 2 a), stable at z / (lambda + a)."""
    z, penalty = 400.0, 70.0

    def profit(estimator, X, y, sample_weight=None):
        return revenue(estimator, X, y) - penalty / 2 * estimator.coef_[0] ** 2

    minimizer = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False),
        StrategicResponse(elasticity),
        scoring=profit,
    ).fit(np.full((2, 1), z), np.zeros(2))
    optimum = z / (penalty + 2 * elasticity)
    assert_allclose(minimizer.estimator_.coef_, optimum, rtol=1e-6)
    stable = z / (penalty + elasticity)
    earned = stable * (z - elasticity * stable) - penalty / 2 * stable**2
    ratio = 1 + elasticity**2 / (penalty * (penalty + 2 * elasticity))
    assert_allclose(-minimizer.performative_risk_ / earned, ratio, rtol=1e-6)


@pytest.fixture(scope="module")
def borrowers():
    rng = np.random.default_rng(0)
    X = np.c_[np.ones(400), rng.normal(size=(400, 2))]
    return X, (rng.random(400) < expit(X @ [-0.3, 1.0, -0.7])).astype(int)


def penalized_risk(model, X, y, strength):
    """The objective of LogisticRegression(C=0.25) where warnings are heeded."""
    f = model.predict_proba(X)[:, 1]
    q = y * (1 - strength * f)
    loss = -np.mean(q * np.log(f) + (1 - q) * np.log(1 - f))
    return loss + np.sum(model.coef_**2) / (2 * 0.25 * len(y))


def test_self_defeating_predictions_need_damping(borrowers):
    """Undamped the rounds go round; retraining rests elsewhere."""
    X, y = borrowers
    shift = SelfFulfillingShift(0.95, direction="defeating")
    model = LogisticRegression(
        C=0.25, fit_intercept=False, solver="newton-cholesky", tol=1e-12
    )
    settings = {"method": "retrain", "tol": 1e-7, "max_iter": 60}
    damped = PerformativeRiskMinimizer(model, shift, **settings).fit(X, y)
    assert damped.diagnosis_ == "stationary"
    assert 0.5 < damped.history_["damping"][-1] < 1.5
    found = penalized_risk(damped.estimator_, X, y, 0.95)
    assert_allclose(found, 0.57461, atol=1e-5)
    undamped = PerformativeRiskMinimizer(model, shift, damping=0.0, **settings)
    with pytest.warns(UserWarning, match="cycle.*raise damping"):
        undamped.fit(X, y)
    assert undamped.diagnosis_ == "cycle"
    stable = RepeatedRiskMinimizer(model, shift, tol=1e-7, max_iter=60).fit(X, y)
    assert_allclose(penalized_risk(stable.estimator_, X, y, 0.95), 0.57920, atol=1e-5)


@pytest.mark.parametrize(
    "direction", ["fulfilling", pytest.param("defeating", marks=pytest.mark.slow)]
)
def test_both_ways_end_at_the_same_model(borrowers, direction):
    X, y = borrowers
    shift = SelfFulfillingShift(0.6, direction=direction)
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)
    ways = [
        PerformativeRiskMinimizer(model, shift, method=method, tol=1e-8, max_iter=100)
        for method in ("retrain", "gradient")
    ]
    retrained, descended = (way.fit(X[:, 1:], y) for way in ways)
    assert retrained.converged_
    assert descended.converged_
    assert_allclose(retrained.estimator_.coef_, descended.estimator_.coef_, atol=1e-5)
    stable = RepeatedRiskMinimizer(model, shift, max_iter=60).fit(X[:, 1:], y)
    risk = performative_risk(stable, shift, X[:, 1:], y)
    assert retrained.performative_risk_ < risk - 1e-3
