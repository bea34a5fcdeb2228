# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Problems whose retraining path or stable point is known in closed form.

With one row for each identity feature, least squares without an intercept and
OutcomeShift, retraining is the linear map f -> y + A f of the predictions.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import (
    make_affine_lower_bound,
    make_label_shift_groups,
    make_linear_feedback,
    make_linear_game,
    make_two_group_rejection,
)
from skperf.shift import FunctionShift, OutcomeShift, ResampleIfRejected, Sample


def norm(f):
    """Return the root mean square: each row of the population counts the same."""
    return np.sqrt(np.mean(np.square(f), axis=-1))


# One number: f -> y + k f


@pytest.mark.parametrize("k", [0.498, 0.5, -0.8])
def test_linear_map_first_ratio_and_stable_point(k, least_squares, retraining_path):
    data = make_linear_feedback(3, contraction=k, offset=0.2)
    model = RepeatedRiskMinimizer(least_squares, OutcomeShift(data.feedback))
    path = retraining_path(model, data.data, data.target, 2)
    stable = 0.2 / (1 - k)
    first, second = path[:2, 0] - stable
    assert second / first == pytest.approx(k, abs=1e-12)

    model = RepeatedRiskMinimizer(
        least_squares, OutcomeShift(data.feedback), max_iter=300, tol=1e-13
    ).fit(data.data, data.target)
    assert model.diagnosis_ == "converged"
    # the gap of 1e-13 leaves an error of at most 1e-13 / (1 - |k|)
    assert_allclose(model.predict(data.data), stable, rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [0.5, -0.8, -3.0])
@pytest.mark.parametrize("window", [None, 1, 3])
def test_the_estimate_of_a_mixture(k, window, least_squares):
    """A gap says as much as the newest data count; no more than the distance."""
    model = AffineRiskMinimizer(
        least_squares, OutcomeShift(k), window=window, max_iter=12, tol=0
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(np.ones((2, 1)), np.ones(2))
    f, expected = [1.0], []
    for _ in range(12):
        mixed = f if window is None else f[-window:]
        new = 1 + k * np.mean(mixed)
        gap, distance = abs(new - f[-1]), abs(new - np.mean(mixed))
        expected.append(min(gap * len(mixed), max(gap, distance)))
        f.append(new)
    found = model.history_["stability_residual_estimate"]
    assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def window_matrix(k, window):
    """Return the companion matrix of e_t = k * mean of the `window` errors before."""
    matrix = np.eye(window, k=-1)
    matrix[0] = k / window
    return matrix


def spectral_radius(matrix):
    return np.abs(np.linalg.eigvals(matrix)).max()


def growth_rate(path, window):
    """Fit the rate of the last `window` errors together, as they oscillate."""
    states = np.lib.stride_tricks.sliding_window_view(path, window)
    sizes = np.log(np.linalg.norm(states, axis=1))[len(path) // 4 :]
    return np.exp(np.polyfit(np.arange(len(sizes)), sizes, 1)[0])


@pytest.mark.parametrize(
    ("k", "window", "rate"),
    [
        (-1.2, 2, 0.7746),
        (0.5, 4, 0.7707),
        (-1.2, 1, 1.2),
        (-1.2, 3, None),
        pytest.param(-1.0, 2, 0.7071, marks=pytest.mark.slow),
        pytest.param(-0.5, 2, 0.5, marks=pytest.mark.slow),
        pytest.param(0.5, 2, 0.6404, marks=pytest.mark.slow),
        pytest.param(0.99, 2, 0.9933, marks=pytest.mark.slow),
        pytest.param(-1.2, 4, 0.7915, marks=pytest.mark.slow),
        pytest.param(0.5, 1, 0.5, marks=pytest.mark.slow),
    ],
)
def test_window_rate(k, window, rate, least_squares, linear_world, retraining_path):
    model = AffineRiskMinimizer(least_squares, linear_world(k), window=window)
    path = retraining_path(model, np.eye(1), np.ones(1), 100)[:, 0]
    expected = [1.0]
    for _ in range(100):
        expected.append(k * np.mean(expected[-window:]))
    exact = spectral_radius(window_matrix(k, window))
    # the map is homogeneous, so rounding stays relative to the latest errors
    assert np.max(np.abs(path - expected) / exact ** np.arange(101)) < 1e-10
    if rate is not None:
        assert exact == pytest.approx(rate, abs=5e-5)
    # oscillation tilts a line through 75 rounds by less than 1 %
    assert growth_rate(path, window) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize(
    "window", [1, 3, *(pytest.param(w, marks=pytest.mark.slow) for w in (2, 4))]
)
def test_window_stability_limit(window, least_squares, linear_world, retraining_path):
    """Negative feedback is stable down to k = -window, with no margin."""
    rates = []
    for k in (-0.9 * window, -1.1 * window):
        model = AffineRiskMinimizer(least_squares, linear_world(k), window=window)
        path = retraining_path(model, np.eye(1), np.ones(1), 100)[:, 0]
        rates.append(growth_rate(path, window))
    assert rates[0] < 0.99
    assert rates[1] > 1.01


def test_oscillation_diverges_without_averaging(least_squares, linear_world):
    shift = linear_world(-1.2)
    repeated = RepeatedRiskMinimizer(least_squares, shift)
    with pytest.warns(ConvergenceWarning, match="Diagnosis: diverging"):
        repeated.fit(np.eye(1), np.ones(1))
    averaged = AffineRiskMinimizer(least_squares, shift, window=2, max_iter=60)
    assert averaged.fit(np.eye(1), np.ones(1)).diagnosis_ == "converged"


@pytest.mark.parametrize(
    ("k", "spread", "n_rounds"), [(0.5, 1.0, 100), (-0.8, 1.0, 100), (0.5, None, 30)]
)
def test_full_window_is_polynomial(
    k, spread, n_rounds, least_squares, linear_world, retraining_path
):
    """With a spread the average over all models is kept as one snapshot."""
    shift = linear_world(k, spread=spread)
    model = AffineRiskMinimizer(least_squares, shift, window=None)
    path = retraining_path(model, np.eye(1), np.ones(1), n_rounds)[:, 0]
    t = np.arange(n_rounds + 1)
    means = path.cumsum() / (t + 1)
    closed = np.exp(gammaln(t + 1 + k) - gammaln(1 + k) - gammaln(t + 2))
    # each prediction is a difference of two numbers near 1 / 2: error 1e-16 a round
    assert_allclose(means, closed, rtol=1e-9, atol=1e-14)
    if spread is not None:
        assert model.history_["n_rows"][-1] == 2


# The biased coin: y = 1 with probability 1/2 + mu x + eps theta x, x = -1 or 1


MU, EPS = 0.2, 0.3
COIN_X, COIN_Y = np.array([[1.0], [1.0], [-1.0], [-1.0]]), np.array([0, 1, 0, 1])


def toss(X, y, y_pred, sample_weight=None):
    heads = 0.5 + MU * X[:, 0] + EPS * (y_pred - 0.5)
    return Sample(X, y, np.where(y == 1, heads, 1 - heads))


def performative_risk(theta):
    y_pred = 0.5 + theta * COIN_X[:, 0]
    _, y, weights, *_ = FunctionShift(toss).sample(COIN_X, COIN_Y, y_pred)
    return np.average((y - y_pred) ** 2, weights=weights)


def test_coin_stable_is_not_optimal():
    model = RepeatedRiskMinimizer(
        LinearRegression(), FunctionShift(toss), max_iter=50, tol=1e-13
    ).fit(COIN_X, COIN_Y)
    theta = model.estimator_.coef_[0]
    assert theta == pytest.approx(MU / (1 - EPS), abs=1e-12)
    assert theta == pytest.approx(0.285714, abs=1e-6)
    risk = model.history_["risk_before"][-1]
    assert risk == pytest.approx(0.168367, abs=1e-6)
    assert risk == pytest.approx(performative_risk(theta), abs=1e-12)

    grid = np.linspace(0, 1, 1001)
    risks = [performative_risk(theta) for theta in grid]
    assert grid[np.argmin(risks)] == pytest.approx(MU / (1 - 2 * EPS), abs=1e-9)
    assert min(risks) == pytest.approx(0.15, abs=1e-12)


# Two groups in a ball, with orthogonal feedback


RADIUS, START = 1e-3, np.array([1.0, 0.4]) * 1e-4


def groups(contraction, angle):
    data = make_label_shift_groups(contraction, angle=angle, radius=RADIUS)
    return data.feedback, 2, data.spread


@pytest.fixture
def ball(ball_regression):
    return ball_regression(RADIUS)


def test_opposition_makes_a_cycle_that_averaging_breaks(
    ball, linear_world, retraining_path
):
    shift = linear_world(*groups(1.1, np.pi))
    repeated = RepeatedRiskMinimizer(ball, shift)
    path = retraining_path(repeated, np.eye(2), START, 100)
    assert repeated.diagnosis_ == "cycle"
    assert norm(path[-1]) == pytest.approx(RADIUS, rel=1e-9)
    assert repeated.history_["prediction_gap"][-1] == pytest.approx(2 * RADIUS)

    averaged = AffineRiskMinimizer(ball, shift, window=2)
    path = retraining_path(averaged, np.eye(2), START, 60)
    # two complex roots of modulus sqrt(k / 2); oscillation tilts the line a little
    assert growth_rate(path[:, 0], 2) == pytest.approx(np.sqrt(0.55), rel=0.01)


@pytest.mark.slow
def test_slow_rotation_defeats_the_two_model_average(
    ball, linear_world, retraining_path
):
    """Averaging is no cure for everything: the models turn on the ball's surface."""
    shift = linear_world(*groups(1.1, 0.05))
    averaged = AffineRiskMinimizer(ball, shift, window=2)
    path = retraining_path(averaged, np.eye(2), START, 500)
    assert not averaged.converged_
    assert norm(path[-100:]).min() == pytest.approx(RADIUS, rel=1e-9)
    step = norm(np.diff(path, axis=0))[-100:]
    assert step.min() > 0.03 * RADIUS
    # from the surface the linear map turns by 0.05: a chord of 2 sin(0.025) radii
    f = path[-1]
    moved = shift.sample(np.eye(2), START, f)
    residual = norm(ball.fit(*moved[:3]).predict(np.eye(2)) - f)
    assert residual == pytest.approx(2 * np.sin(0.025) * RADIUS, rel=1e-6)


@pytest.mark.parametrize("angle", [np.pi, 0.05])
def test_anderson_solves_groups_in_a_ball(angle, ball, linear_world):
    model = AffineRiskMinimizer(
        ball,
        linear_world(*groups(1.1, angle)),
        coefficients="anderson",
        max_iter=25,
        tol=1e-8,
    ).fit(np.eye(2), START)
    assert model.diagnosis_ == "converged"
    # (1 - kO) is at least 0.1 on the plane: |f| <= residual / 0.1
    assert norm(model.predict(np.eye(2))) < 1e-7


@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi])
def test_contraction_comes_close_to_the_guarantee(
    angle, least_squares, linear_world, retraining_path
):
    data = make_label_shift_groups(0.9, n_groups=2, angle=angle, radius=RADIUS)
    shift = linear_world(data.feedback, 2, data.spread)
    starts = START, np.array([-2.0, 1.0]) * 1e-4
    first, second = (
        retraining_path(
            RepeatedRiskMinimizer(least_squares, shift), data.data, start, 10
        )
        for start in starts
    )
    distance = norm(first - second)
    ratios = distance[1:] / distance[:-1]
    # labels of size 1 leave 1e-16 in predictions of 1e-4
    assert_allclose(ratios, 0.9, rtol=1e-9)
    assert ratios.max() <= data.guaranteed_rate
    assert ratios.min() >= 0.998 * data.guaranteed_rate


# No affine mixture can be fast


def random_affine(snapshots):
    rng = np.random.default_rng(len(snapshots))
    weights = rng.normal(size=len(snapshots)) + 1.0
    return weights / weights.sum()


LOWER_BOUND_MINIMIZERS = {
    "repeated": (RepeatedRiskMinimizer, {}),
    "window=2": (AffineRiskMinimizer, {"window": 2}),
    "window=4": (AffineRiskMinimizer, {"window": 4}),
    "half": (AffineRiskMinimizer, {"window": 0.5}),
    "all": (AffineRiskMinimizer, {"window": None}),
    "random": (AffineRiskMinimizer, {"coefficients": random_affine}),
    "anderson": (AffineRiskMinimizer, {"coefficients": "anderson"}),
}


@pytest.mark.parametrize("name", LOWER_BOUND_MINIMIZERS)
def test_affine_lower_bound(name, least_squares, retraining_path):
    data = make_affine_lower_bound(12)
    minimizer, params = LOWER_BOUND_MINIMIZERS[name]
    shift = OutcomeShift(data.feedback, spread=10.0)
    model = minimizer(least_squares, shift, **params)
    path = retraining_path(model, data.data, data.target, 11)
    errors = np.abs(path - data.stable_prediction).sum(axis=1)
    for i, (f, error) in enumerate(zip(path, errors, strict=True)):
        n_rounds = i + 1  # the first fit has the first coordinate already
        # 24 coordinates from labels of size 10 with errors of 1e-15 each
        assert np.abs(f[n_rounds:]).max() < 1e-13
        assert error >= data.lower_bound[n_rounds] - 1e-12
    if name == "repeated":
        assert np.all(np.abs(path[np.arange(12), np.arange(12)]) > 1e-9)


# Sensitivity in the Wasserstein distance is not enough


def put_everyone_at_slope(X, y, y_pred):
    return np.full_like(X, y_pred[-1] / X[-1, 0]), y


PROPOSITION_X = np.linspace(0, 3, 31)[:, None]


def test_point_mass_alternates(proportional_model, retraining_path):
    shift = FunctionShift(put_everyone_at_slope)
    model = RepeatedRiskMinimizer(proportional_model(), shift)
    path = retraining_path(model, PROPOSITION_X, np.zeros(31), 10)
    u = path[:, -1] / 3
    assert_allclose(u[1:], 3.75 / u[:-1], rtol=1e-12)
    assert_allclose(u[2:], u[:-2], rtol=1e-12)
    assert abs(u[1] - u[0]) > 0.1
    assert model.diagnosis_ == "cycle"


def test_point_mass_average_converges(proportional_model, retraining_path):
    shift = FunctionShift(put_everyone_at_slope)
    model = AffineRiskMinimizer(proportional_model(), shift, window=2)
    path = retraining_path(model, PROPOSITION_X, np.zeros(31), 60)
    errors = np.abs(path[:, -1] / 3 - np.sqrt(15) / 2)
    assert errors[-1] < 1e-9
    # complex roots turn by bounded factors: 2 % over 32 rounds, a multiple of 8
    rate = (errors[40] / errors[8]) ** (1 / 32)
    assert rate == pytest.approx(np.sqrt(0.5), rel=0.02)


@pytest.mark.parametrize("window", [2, 4, None])
@pytest.mark.parametrize("X", [PROPOSITION_X, np.full((3, 1), 2.5)])
def test_point_mass_anderson(window, X, proportional_model):
    """From any first model: here u = 1.84, and u = 3/2 where tanh(theta) = -1/2."""
    model = AffineRiskMinimizer(
        proportional_model(),
        FunctionShift(put_everyone_at_slope),
        window=window,
        coefficients="anderson",
        max_iter=25,
        tol=1e-8,
    ).fit(X, np.zeros(len(X)))
    assert model.converged_
    assert model.estimator_.u_ == pytest.approx(np.sqrt(15) / 2, abs=1e-7)


# Resample if rejected


def test_rejection_of_three_rows():
    """The density of section 3 of the paper, where f = (1 - delta) * y_pred."""
    p, f, delta = np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.35, 0.05]), 0.6
    sample = ResampleIfRejected(delta).sample(
        np.eye(3), np.zeros(3), f / (1 - delta), sample_weight=p
    )
    assert_allclose(sample.sample_weight, [0.21, 0.24, 0.55], rtol=1e-14)


def test_two_group_rejection(least_squares, retraining_path):
    data = make_two_group_rejection()
    shift = ResampleIfRejected(data.delta)
    model = RepeatedRiskMinimizer(least_squares, shift, tol=1e-14)
    model.fit(data.data, data.target)
    # the smaller root of 3 u^2 - 5.425 u + 0.475, with theta = 4 u in the paper's
    # scale, where predictions are half as large
    theta = 4 * (5.425 - np.sqrt(5.425**2 - 4 * 3 * 0.475)) / 6
    assert theta == pytest.approx(0.369060710821, abs=1e-12)
    assert model.estimator_.coef_[0] / 2 == pytest.approx(theta, abs=1e-12)

    path = retraining_path(model.set_params(shift=shift), data.data, data.target, 4)
    errors = path[:, 0] - 2 * theta
    # of second order in an error of 2e-5 and in its rounding of 1e-16
    assert errors[3] / errors[2] == pytest.approx(data.contraction, rel=1e-3)
    assert data.contraction == pytest.approx(-0.0314, abs=5e-5)


# A game of two players in eleven places


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_anderson_solves_the_game(seed, least_squares):
    game = make_linear_game(random_state=seed)
    repeated = RepeatedRiskMinimizer(least_squares, OutcomeShift(game.feedback))
    with pytest.warns(ConvergenceWarning, match="coefficients='anderson'"):
        repeated.fit(game.data, game.target)
    assert repeated.diagnosis_ == "diverging"

    model = AffineRiskMinimizer(
        least_squares,
        OutcomeShift(game.feedback, spread=game.spread),
        coefficients="anderson",
        max_iter=25,
        tol=1e-8,
    ).fit(game.data, game.target)
    assert model.converged_
    # I - B has eigenvalues from 1.37 to 2.52 and a condition number of at most 3
    assert_allclose(model.predict(game.data), game.stable_prediction, atol=1e-7)
