# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Data with a stable and an optimal point, against retraining and numeric search.

The search knows nothing of the formulas: it asks for the performative risk.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.linear_model import LinearRegression

from skperf import RepeatedRiskMinimizer
from skperf.datasets import (
    make_linear_feedback,
    make_location_scale,
    make_pricing,
    make_two_group_prophecy,
    make_two_group_rejection,
)
from skperf.metrics import performative_risk
from skperf.shift import (
    Cotangent,
    OutcomeShift,
    Predictor,
    ResampleIfRejected,
    SelfFulfillingShift,
)

SAME = LinearRegression(fit_intercept=False)


def told(data):
    return SelfFulfillingShift(data.strength, direction=data.direction)


def outcomes(data):
    return OutcomeShift(data.feedback)


def rejected(data):
    return ResampleIfRejected(data.delta)


CASES = {
    "location-scale": (make_location_scale(30, random_state=0), outcomes),
    "negative": (
        make_location_scale(
            20, offset=1.0, contraction=-0.5, noise=0.2, noise_slope=0.1, random_state=1
        ),
        outcomes,
    ),
    "strong": (
        make_location_scale(
            20, offset=2.0, contraction=0.9, noise=1.0, noise_slope=0.5, random_state=2
        ),
        outcomes,
    ),
    "scale only": (
        make_location_scale(20, offset=2, contraction=0, noise=0, noise_slope=3),
        outcomes,
    ),
    "rejection": (make_two_group_rejection(), rejected),
    "prophecy": (make_two_group_prophecy(), told),
    "strong prophecy": (make_two_group_prophecy((2, 7), strength=0.6), told),
    "steering": (make_two_group_prophecy((1, 8), strength=1.0), told),
    "concave, low": (make_two_group_prophecy((1, 8), strength=0.8), told),
    "no prophecy": (make_two_group_prophecy(strength=0.0), told),
    "defeating": (make_two_group_prophecy(direction="defeating"), told),
    "all defeated": (
        make_two_group_prophecy(strength=1.0, direction="defeating", n_rows=7),
        told,
    ),
}
cases = pytest.mark.parametrize(
    ("data", "shift"), [(d, s(d)) for d, s in CASES.values()], ids=CASES
)


def coefficients(data, y_pred):
    return np.linalg.lstsq(data.data, y_pred, rcond=None)[0]


def deployed(data, coef):
    """Return a model with these coefficients."""
    model = LinearRegression(fit_intercept=False).fit(data.data, data.target)
    model.coef_ = np.asarray(coef, dtype=float)
    return model


def risk_of(data, shift, coef):
    return performative_risk(deployed(data, coef), shift, data.data, data.target)


@cases
def test_retraining_ends_at_the_stable_point(data, shift):
    model = RepeatedRiskMinimizer(SAME, shift, max_iter=1000, tol=1e-10)
    model.fit(data.data, data.target)
    assert model.diagnosis_ == "converged"
    found = model.predict(data.data)
    # the error is at most the residual / (1 - .9), .9 being the largest contraction
    assert_allclose(found, data.stable_prediction, rtol=0, atol=1e-8)
    assert model.stability_residual_ < 1e-9


@cases
def test_risks(data, shift):
    for name in ("stable", "optimal"):
        coef = coefficients(data, data[f"{name}_prediction"])
        risk = risk_of(data, shift, coef)
        assert risk == pytest.approx(data[f"{name}_risk"], rel=1e-12, abs=1e-15)
    assert data.optimal_risk <= data.stable_risk + 1e-15


@cases
def test_a_search_finds_nothing_better(data, shift):
    """From several starts, within the predictions that the shift takes."""
    bounds = (
        [(0, 1)] * data.data.shape[1] if not isinstance(shift, OutcomeShift) else None
    )
    optimum = coefficients(data, data.optimal_prediction)
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 1, (4, data.data.shape[1]))
    found = min(
        (
            minimize(lambda t: risk_of(data, shift, t), start, bounds=bounds, tol=1e-14)
            for start in starts
        ),
        key=lambda result: result.fun,
    )
    assert found.fun == pytest.approx(data.optimal_risk, abs=1e-9)
    # the root of the precision of a risk, over its curvature
    assert_allclose(found.x, optimum, rtol=0, atol=1e-4)


@cases
def test_the_gradient_vanishes(data, shift):
    """By the pull-back, at the optimum; at an end it points outwards."""
    optimum = coefficients(data, data.optimal_prediction)
    slopes = performative_gradient(data, shift, data.optimal_prediction)
    ends = not isinstance(shift, OutcomeShift)
    low, high = (ends & (np.abs(optimum - end) < 1e-12) for end in (0, 1))
    inner = ~low & ~high
    # sums of up to 40 terms of this size
    atol = 1e-13 * max(1.0, np.abs(data.optimal_prediction).max())
    assert_allclose(slopes[inner], 0, rtol=0, atol=atol)
    assert np.all(slopes[low] >= 0)
    assert np.all(slopes[high] <= 0)
    if not np.allclose(data.optimal_prediction, data.stable_prediction):
        stable = performative_gradient(data, shift, data.stable_prediction)
        assert np.abs(stable).max() > 1e-5


def performative_gradient(data, shift, y_pred):
    """Return the derivatives of the mean squared error by each coefficient."""
    model = deployed(data, coefficients(data, y_pred))
    world = shift.bind(data.data, data.target)
    sample, _ = world.react(world.start(), Predictor(model))
    f, y = model.predict(sample.X), np.asarray(sample.y, dtype=float)
    weights = np.ones(len(y)) if sample.sample_weight is None else sample.sample_weight
    share = weights / weights.sum()
    losses = (f - y) ** 2
    cotangent = Cotangent(
        (losses - share @ losses) / weights.sum(), y=-2 * share * (f - y)
    )
    _, [asked] = world.pull_back(world.start(), Predictor(model), cotangent)
    direct = (2 * share * (f - y)).reshape(-1, len(y_pred)).sum(axis=0)
    return (asked.v + direct) @ data.data


# What is known of these


def test_a_ridge_penalty_lands_on_the_optimum_of_a_scale_family():
    """Retraining with the penalty noise_slope^2 rests there, exactly."""
    data = CASES["scale only"][0]
    ratio = data.stable_risk / data.optimal_risk
    assert ratio == pytest.approx(1 + 3**2, rel=1e-12)
    ridge = data.target.mean() / (1 + 3**2)
    assert data.optimal_prediction[0] == pytest.approx(ridge, rel=1e-12)


def test_location_scale_by_hand():
    data = make_location_scale(50, random_state=3)
    assert_allclose(data.stable_prediction, 2.5)
    assert_allclose(data.optimal_prediction, 0.2)
    assert data.stable_risk == pytest.approx(2 * 2.645)
    assert data.optimal_risk == pytest.approx(2 * 0.529)
    for f in (-1.0, 0.7):
        y = data.target + data.feedback * f
        assert y.mean() == pytest.approx(1 + 0.6 * f)
        assert y.std() == pytest.approx(abs(0.3 + 0.8 * f))


def test_rejection_by_hand():
    data = make_two_group_rejection()
    assert data.optimal_coef / 2 == pytest.approx(0.367911, abs=1e-6)
    assert data.stable_coef / 2 == pytest.approx(0.369061, abs=1e-6)
    assert_array_equal(data.optimal_prediction, data.optimal_coef * np.array([1, 0.5]))


def test_stable_is_optimal_where_the_loss_stays_at_the_margin():
    """Under a number and the squared error, and no spread."""
    data = make_linear_feedback(20, contraction=0.4, noise=1.0, random_state=0)
    shift = OutcomeShift(data.feedback)
    found = minimize(lambda t: risk_of(data, shift, t), [0.0], tol=1e-14)
    assert found.x[0] == pytest.approx(data.stable_prediction[0], abs=1e-6)


def test_least_squares_on_what_is_left_of_the_predictions():
    """Under a matrix A the optimum regresses y on (I - A) X."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    A = 0.1 * rng.normal(size=(12, 12))
    shift = OutcomeShift(A)
    optimum = np.linalg.lstsq(X - A @ X, y, rcond=None)[0]
    stable = np.linalg.solve(X.T @ (X - A @ X), X.T @ y)

    def risk(coef):
        model = LinearRegression(fit_intercept=False).fit(X, y)
        model.coef_ = np.asarray(coef)
        return performative_risk(model, shift, X, y)

    found = minimize(risk, [0.0, 0.0], tol=1e-14)
    assert_allclose(found.x, optimum, rtol=0, atol=1e-6)
    model = RepeatedRiskMinimizer(SAME, shift, max_iter=500, tol=1e-12).fit(X, y)
    assert_allclose(model.estimator_.coef_, stable, rtol=0, atol=1e-9)
    assert risk(optimum) < risk(stable)


def test_outcomes_with_a_spread():
    """Two outcomes y +- b: stable at y / (1 - a), optimal at (1 - a) y / (1 - 2 a)."""
    a, y = 0.3, 0.2
    shift = OutcomeShift(a, spread=1.0)

    def risk(coef):
        model = LinearRegression(fit_intercept=False).fit([[1.0]], [y])
        model.coef_ = np.asarray(coef)
        return performative_risk(model, shift, np.ones((1, 1)), np.array([y]))

    found = minimize(risk, [0.0], tol=1e-14)
    assert found.x[0] == pytest.approx((1 - a) * y / (1 - 2 * a), abs=1e-6)
    model = RepeatedRiskMinimizer(SAME, shift, tol=1e-12, max_iter=100)
    model.fit(np.ones((1, 1)), [y])
    assert model.predict([[1.0]])[0] == pytest.approx(y / (1 - a), abs=1e-10)


def test_rejection_is_a_covariance():
    """Risk under whole rows: E l - (1 - delta) Cov(f, l), with both moments before."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(30, 2))
    y = rng.uniform(size=30)
    model = LinearRegression().fit(X, y)
    model.coef_, model.intercept_ = np.array([0.5, 0.3]), 0.1
    f = model.predict(X)
    losses = (f - y) ** 2
    expected = losses.mean() - 0.6 * np.cov(f, losses, bias=True)[0, 1]
    risk = performative_risk(model, ResampleIfRejected(0.4), X, y)
    assert risk == pytest.approx(expected, rel=1e-12)


# Pricing


@pytest.mark.parametrize("n_products", [1, 5, 100])
@pytest.mark.parametrize("elasticity", [1.5, 0.2])
def test_pricing(n_products, elasticity):
    data = make_pricing(n_products, elasticity=elasticity, random_state=0)

    def revenue(prices):
        sample = OutcomeShift(data.feedback).sample(data.data, data.target, prices)
        return np.sum(sample.y * prices)

    assert data.target.min() >= 5
    assert data.target.max() <= 8
    assert_array_equal(data.data, np.eye(n_products))
    scale = data.optimal_revenue
    assert revenue(data.stable_prediction) == pytest.approx(0, abs=1e-14 * scale)
    assert data.stable_revenue == 0
    assert revenue(data.optimal_prediction) == pytest.approx(scale, rel=1e-14)
    start = np.zeros(n_products)
    found = minimize(lambda p: -revenue(p) / scale, start, tol=1e-12)
    assert -found.fun == pytest.approx(1, abs=1e-9)
    assert_allclose(found.x, data.optimal_prediction, rtol=1e-3)


def test_at_the_stable_prices_nobody_would_move_them():
    """The demand, which the loss -demand * f has as slope, is zero."""
    data = make_pricing(random_state=1)
    shift = OutcomeShift(data.feedback)
    sample = shift.sample(data.data, data.target, data.stable_prediction)
    assert_allclose(sample.y, 0, rtol=0, atol=1e-14 * data.target.max())


# Parameters


def test_what_a_seed_decides():
    for make in (make_pricing, make_location_scale):
        first, again = (make(random_state=0) for _ in range(2))
        assert_array_equal(first.target, again.target)
        assert np.any(make(random_state=1).target != first.target)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (make_location_scale, {"contraction": 1}, "contraction=1 has no stable point"),
        (make_location_scale, {"n_samples": 1}, "n_samples == 1"),
        (make_pricing, {"elasticity": 0}, "elasticity == 0"),
        (make_pricing, {"n_products": 0}, "n_products == 0"),
        (make_two_group_prophecy, {"strength": 1.1}, "strength == 1.1"),
        (make_two_group_prophecy, {"direction": "up"}, "direction must be"),
        (make_two_group_prophecy, {"positives": (0, 3)}, "from 1 to n_rows - 1 = 9"),
        (make_two_group_prophecy, {"positives": (3, 10)}, "from 1 to n_rows - 1 = 9"),
        (make_two_group_prophecy, {"positives": (3,)}, "two whole numbers"),
        (make_two_group_prophecy, {"positives": (0.5, 2)}, "two whole numbers"),
    ],
)
def test_parameters_that_make_no_sense(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
