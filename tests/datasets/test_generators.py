# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression

from skperf.datasets import (
    make_affine_lower_bound,
    make_label_shift_groups,
    make_linear_feedback,
    make_linear_game,
    make_two_group_rejection,
)


def outcome_shift(data):
    """Return the map that moves y by the feedback of the predictions."""
    feedback = data.feedback * np.eye(len(data.target))
    if np.ndim(data.feedback) == 2:
        feedback = data.feedback
    return lambda y_pred: (data.target + feedback @ y_pred, None)


def rejection_shift(data):
    """Return the map that weighs two equally likely rows as rejection does."""

    def sample(y_pred):
        rejected = data.delta + (1 - data.delta) * y_pred
        return data.target, 1 - rejected + rejected.mean()

    return sample


def retrain(data, shift, y_pred):
    y, weights = shift(y_pred)
    model = LinearRegression(fit_intercept=False).fit(data.data, y, weights)
    return model.predict(data.data)


def norm(f):
    """Return the norm that counts each row of the population the same."""
    return np.sqrt(np.mean(f**2))


STABLE = [
    (make_linear_feedback(5, contraction=0.5, noise=1.0, random_state=0)),
    (make_linear_feedback(5, contraction=-3.0, noise=1.0, random_state=0)),
    (make_label_shift_groups(n_groups=4, angle=0.7)),
    (make_affine_lower_bound()),
    (make_linear_game(random_state=0)),
]


@pytest.mark.parametrize("data", STABLE)
def test_stable_prediction_is_a_fixed_point(data):
    again = retrain(data, outcome_shift(data), data.stable_prediction)
    # Both sides are sums of some 20 terms of this size.
    scale = max(1.0, abs(data.stable_prediction).max())
    assert_allclose(again, data.stable_prediction, rtol=0, atol=1e-13 * scale)


# make_linear_feedback


@pytest.mark.parametrize("contraction", [0.498, 0.5, -0.8, -1.2, 0.0])
def test_linear_feedback_error_ratio(contraction):
    data = make_linear_feedback(7, contraction=contraction, noise=0.3, random_state=0)
    y_pred = np.full(7, 3.0)
    for _ in range(5):
        error = y_pred - data.stable_prediction
        y_pred = retrain(data, outcome_shift(data), y_pred)
        new_error = y_pred - data.stable_prediction
        assert_allclose(new_error, contraction * error, rtol=0, atol=1e-13)


def test_linear_feedback_values():
    data = make_linear_feedback(3, contraction=0.498, offset=0.2)
    assert_array_equal(data.data, np.ones((3, 1)))
    assert_array_equal(data.target, np.full(3, 0.2))
    # beta = 1, gamma = 5, epsilon = 2.49: theta = (1 / 5) / (1 - 0.498)
    assert_allclose(data.stable_prediction, 0.398406, rtol=0, atol=5e-7)


def test_linear_feedback_noise():
    n_samples = 10_000
    data = make_linear_feedback(n_samples, offset=2.0, noise=0.5, random_state=0)
    # Four standard errors of a mean and of a standard deviation.
    assert abs(data.target.mean() - 2.0) < 4 * 0.5 / np.sqrt(n_samples)
    assert abs(data.target.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * n_samples)
    assert_allclose(data.stable_prediction, 2 * data.target.mean(), rtol=1e-14)
    again = make_linear_feedback(n_samples, offset=2.0, noise=0.5, random_state=0)
    assert_array_equal(again.target, data.target)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"contraction": 1}, ValueError, "contraction=1 has no stable point"),
        ({"n_samples": 0}, ValueError, "n_samples == 0, must be >= 1"),
        ({"n_samples": 2.5}, TypeError, "n_samples must be an instance of int"),
        ({"noise": -1}, ValueError, "noise == -1, must be >= 0"),
    ],
)
def test_linear_feedback_errors(options, error, message):
    with pytest.raises(error, match=message):
        make_linear_feedback(**options)


# make_label_shift_groups


def label_law(data, f):
    """Return the probabilities of (group, label), label b first."""
    s = data.feedback @ f / data.spread
    return np.stack([1 + s, 1 - s]) / (2 * len(f))


def chi_square(p, q):
    return np.sum((p - q) ** 2 / q)


def predictions_within(radius, n_groups, rng):
    f = rng.normal(size=n_groups)
    return f / norm(f) * radius * rng.uniform() ** (1 / n_groups)


GROUPS = [
    make_label_shift_groups(0.9, n_groups=2, angle=0.7, radius=0.3),
    make_label_shift_groups(1.1, n_groups=3, angle=np.pi, spread=2.0, radius=0.5),
    make_label_shift_groups(0.5, n_groups=1, spread=0.5, radius=0.9),
    make_label_shift_groups(0.9, n_groups=4, angle=-2.0, spread=3.0, radius=1e-3),
]


@pytest.mark.parametrize("data", GROUPS)
def test_groups_law(data):
    """The law is one of probabilities, its mean label is the shifted outcome."""
    rng = np.random.default_rng(0)
    n_groups = len(data.target)
    for _ in range(50):
        f = predictions_within(data.radius, n_groups, rng)
        law = label_law(data, f)
        assert law.min() > 0
        assert_allclose(law.sum(axis=0), 1 / n_groups)
        mean_label = n_groups * data.spread * (law[0] - law[1])
        assert_allclose(mean_label, outcome_shift(data)(f)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("data", GROUPS)
def test_groups_contraction_is_exact(data):
    rng = np.random.default_rng(0)
    for _ in range(10):
        f, g = rng.normal(size=(2, len(data.target)))
        new_f, new_g = (retrain(data, outcome_shift(data), v) for v in (f, g))
        assert norm(new_f - new_g) == pytest.approx(data.contraction * norm(f - g))


@pytest.mark.parametrize("data", GROUPS)
def test_groups_sensitivity_bounds_chi_square(data):
    rng = np.random.default_rng(0)
    n_groups = len(data.target)
    for _ in range(300):
        f = predictions_within(data.radius, n_groups, rng)
        g = predictions_within(data.radius, n_groups, rng)
        change = chi_square(label_law(data, f), label_law(data, g))
        assert change <= data.sensitivity * norm(f - g) ** 2 * (1 + 1e-9)


@pytest.mark.parametrize("data", GROUPS)
def test_groups_constants_are_attained(data):
    n_groups = len(data.target)
    # All of the allowed norm in the one direction that moves the first group alone.
    f = data.feedback.T[:, 0]
    f = f / norm(f) * data.radius
    change = chi_square(label_law(data, 0.5 * f), label_law(data, f))
    assert change == pytest.approx(data.sensitivity * norm(0.5 * f) ** 2)
    # All of it in the first group: the gradient of (f - y)^2 / 2 is f - y.
    f = data.radius * np.sqrt(n_groups) * np.eye(n_groups)[0]
    assert norm(f) == pytest.approx(data.radius)
    assert abs(f[0] - -data.spread) == pytest.approx(data.gradient_bound)
    expected = np.sqrt(data.sensitivity) * data.gradient_bound
    assert data.guaranteed_rate == pytest.approx(expected, rel=1e-14)


def test_groups_guarantee_is_tight():
    data = make_label_shift_groups(0.9, n_groups=2, radius=1e-3)
    assert data.sensitivity == pytest.approx(0.810001, abs=5e-7)
    assert data.guaranteed_rate == pytest.approx(0.901274, abs=5e-7)
    ratios = [
        0.9 / make_label_shift_groups(0.9, radius=radius).guaranteed_rate
        for radius in (1e-1, 1e-2, 1e-3, 1e-6)
    ]
    assert ratios == sorted(ratios)
    assert 1 - 2e-6 < ratios[-1] < 1


@pytest.mark.parametrize(("angle", "sign"), [(0.0, 1), (np.pi, -1), (-2 * np.pi, 1)])
@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_groups_without_rotation(n_groups, angle, sign):
    data = make_label_shift_groups(0.5, n_groups=n_groups, angle=angle)
    assert_array_equal(data.feedback, sign * 0.5 * np.eye(n_groups))


def test_groups_rotation():
    data = make_label_shift_groups(1.0, n_groups=4, angle=0.3, radius=1e-3)
    assert_allclose(data.feedback @ data.feedback.T, np.eye(4), atol=1e-15)
    angles = np.angle(np.linalg.eigvals(data.feedback))
    assert_allclose(np.sort(angles), [-0.3, -0.3, 0.3, 0.3])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contraction": -0.1}, "contraction == -0.1, must be >= 0"),
        ({"n_groups": 0}, "n_groups == 0, must be >= 1"),
        ({"n_groups": 3, "angle": 0.1}, "n_groups must be even, got n_groups=3"),
        ({"spread": 0}, "spread == 0, must be > 0"),
        ({"radius": 0.0}, "radius == 0.0, must be > 0"),
        ({"radius": 1.0}, r"radius=1.0 is too large.*one below 0.785674"),
    ],
)
def test_groups_errors(options, message):
    with pytest.raises(ValueError, match=message):
        make_label_shift_groups(**options)


def test_groups_largest_radius():
    # 1 / (0.9 sqrt(2)) = 0.785674...
    assert make_label_shift_groups(radius=0.785674).sensitivity > 1e5


# make_affine_lower_bound


def test_affine_lower_bound_values():
    data = make_affine_lower_bound(20)
    x = 2.49 / (2 * 5)
    A = np.eye(40) + np.eye(40, k=-1)
    e_1 = np.eye(40)[0]
    solved = np.linalg.solve(5 * np.eye(40) - 2.49 / 2 * A, e_1)
    assert_allclose(data.stable_prediction, solved, rtol=1e-12, atol=1e-16)
    assert_allclose(data.feedback, x * A, rtol=1e-15)
    assert_allclose(data.target, e_1 / 5, rtol=1e-15)
    assert data.contraction == pytest.approx(0.498)
    assert data.lower_bound.shape == (21,)
    t = np.arange(21)
    q = x / (1 - x)
    # The geometric sum over t < i <= 40.
    tail = 2 / 2.49 * q ** (t + 1) * (1 - q ** (40 - t)) / (1 - q)
    assert_allclose(data.lower_bound, tail, rtol=1e-12)


def pool_last(history, rng):
    return history[-1]


def pool_two(history, rng):
    return np.mean(history[-2:], axis=0)


def pool_all(history, rng):
    return np.mean(history, axis=0)


def pool_at_random(history, rng):
    weights = rng.normal(size=len(history)) + 1.0
    return weights / weights.sum() @ np.array(history)


@pytest.mark.parametrize("pool", [pool_last, pool_two, pool_all, pool_at_random])
@pytest.mark.parametrize(
    "options", [{}, {"epsilon": 1.5, "beta": 2.0, "gamma": 2.0}, {"gamma": 50.0}]
)
def test_affine_lower_bound_holds(pool, options):
    data = make_affine_lower_bound(12, **options)
    rng = np.random.default_rng(0)
    history = [np.zeros(24)]
    for t in range(13):
        assert_array_equal(history[-1][t:], 0)  # one more coordinate each round
        error = abs(history[-1] - data.stable_prediction).sum()
        # The sums run over the same numbers in different orders.
        assert error >= data.lower_bound[t] * (1 - 1e-12)
        y_pred = pool(history, rng)
        history.append(data.target + data.feedback @ y_pred)
    start = abs(history[0] - data.stable_prediction).sum()
    assert start == pytest.approx(data.lower_bound[0])


def test_affine_lower_bound_first_fit_is_the_first_round():
    data = make_affine_lower_bound(5)
    first = retrain(data, outcome_shift(data), np.zeros(10))
    assert_allclose(first, data.target, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_rounds": 0}, "n_rounds == 0, must be >= 1"),
        ({"epsilon": 0.0}, "epsilon == 0.0, must be > 0"),
        ({"beta": -1.0}, "beta == -1.0, must be > 0"),
        ({"gamma": 0}, "gamma == 0, must be > 0"),
        ({"epsilon": 10.0}, r"epsilon \* beta must be less than 2 \* gamma"),
    ],
)
def test_affine_lower_bound_errors(options, message):
    with pytest.raises(ValueError, match=message):
        make_affine_lower_bound(**options)


# make_two_group_rejection


def test_two_group_rejection_values():
    data = make_two_group_rejection()
    assert data.stable_coef == pytest.approx(2 * 0.369060710821, abs=2e-12)
    u = data.stable_coef / 8
    assert 3 * u**2 - 5.425 * u + 0.475 == pytest.approx(0, abs=1e-14)
    assert_array_equal(data.stable_prediction, data.stable_coef * np.array([1, 0.5]))
    # Without a shift: (0.9 + 0.1 / 2) / (1 + 1 / 4)
    start = LinearRegression(fit_intercept=False).fit(data.data, data.target)
    assert start.coef_[0] == pytest.approx(0.76)


def test_two_group_rejection_retraining():
    data = make_two_group_rejection()
    shift = rejection_shift(data)
    y_pred = np.array([0.2, 0.1])
    for _ in range(12):  # 0.0314^12 = 1e-18
        y_pred = retrain(data, shift, y_pred)
    assert_allclose(y_pred, data.stable_prediction, rtol=1e-14)


def test_two_group_rejection_contraction():
    data = make_two_group_rejection()
    shift = rejection_shift(data)
    step = 1e-5
    up, down = (
        retrain(data, shift, (data.stable_coef + sign * step) * data.data[:, 0])[0]
        for sign in (1, -1)
    )
    # A central difference: 1e-10 of truncation and 1e-11 of rounding.
    assert data.contraction == pytest.approx((up - down) / (2 * step), abs=1e-9)
    assert round(data.contraction, 4) == -0.0314


def test_two_group_rejection_weights_are_the_law():
    """Draw the rejections and replacements that the weights stand for."""
    data = make_two_group_rejection()
    rng = np.random.default_rng(0)
    n_draws = 200_000
    group = rng.integers(2, size=n_draws)
    rejected = data.delta + (1 - data.delta) * data.stable_prediction[group]
    replaced = rng.uniform(size=n_draws) < rejected
    group = np.where(replaced, rng.integers(2, size=n_draws), group)
    weights = rejection_shift(data)(data.stable_prediction)[1]
    # Four standard errors of a share near one half.
    tolerance = 4 * 0.5 / np.sqrt(n_draws)
    assert_allclose(np.bincount(group) / n_draws, weights / 2, rtol=0, atol=tolerance)


# make_linear_game


@pytest.mark.parametrize("seed", range(5))
def test_linear_game_eigenvalues(seed):
    game = make_linear_game(random_state=seed)
    assert game.data.shape == (22, 22)
    # The basis has a condition number of at most 3, so nothing is lost.
    found = np.linalg.eigvals(game.feedback)
    assert_allclose(np.sort(found.real), np.linspace(-1.52, -0.37, 22), atol=1e-12)
    assert_allclose(found.imag, 0, atol=1e-12)
    assert_allclose(np.sort(found.real), game.eigenvalues, atol=1e-12)
    asymmetry = game.feedback - game.feedback.T
    assert np.linalg.norm(asymmetry) > 0.1 * np.linalg.norm(game.feedback)


@pytest.mark.parametrize("seed", range(5))
def test_linear_game_condition_number(seed):
    game = make_linear_game(random_state=seed)
    # Eigenvectors of length 1. With noise twice as large this is above 3.3.
    basis = np.linalg.eig(game.feedback)[1]
    assert np.linalg.cond(basis) <= 3


def test_linear_game_averaging_helps():
    game = make_linear_game(random_state=0)
    shift = outcome_shift(game)
    last = previous = game.target
    for _ in range(60):
        last, previous = retrain(game, shift, (last + previous) / 2), last
    assert abs(last - game.stable_prediction).max() < 2e-3
    repeated = game.target
    for _ in range(60):
        repeated = retrain(game, shift, repeated)
    # 1.52^60 = 8e10
    assert abs(repeated - game.stable_prediction).max() > 1e8


@pytest.mark.parametrize("seed", range(5))
def test_linear_game_spread_keeps_probabilities(seed):
    game = make_linear_game(random_state=seed, offset=3.0)
    assert game.radius == pytest.approx(1000 * abs(game.stable_prediction).max())
    # The largest |B f| is reached at the signs of one row of B.
    worst = abs(game.feedback @ np.sign(game.feedback).T * game.radius).max()
    assert worst == pytest.approx(game.spread)
    y_pred = game.target
    for _ in range(14):  # the first fit on the base population is a round too
        y_pred = retrain(game, outcome_shift(game), y_pred)
        assert abs(y_pred).max() < game.radius
        assert abs(game.feedback @ y_pred).max() < game.spread


def test_linear_game_options():
    game = make_linear_game(
        3, 2, eigenvalue_range=(1.5, 2.0), offset=-2.0, random_state=0
    )
    assert game.feedback.shape == (6, 6)
    assert game.contraction == 2.0
    assert game.target.min() >= -3.0
    assert game.target.max() <= -1.0
    again = retrain(game, outcome_shift(game), game.stable_prediction)
    assert_allclose(again, game.stable_prediction, rtol=1e-12)
    same = make_linear_game(
        3, 2, eigenvalue_range=(1.5, 2.0), offset=-2.0, random_state=0
    )
    assert_array_equal(same.feedback, game.feedback)
    other = make_linear_game(3, 2, eigenvalue_range=(1.5, 2.0), random_state=1)
    assert abs(other.feedback - game.feedback).max() > 0.01


def test_linear_game_of_one_player_in_one_location():
    game = make_linear_game(1, 1, eigenvalue_range=(-0.5, -0.5), random_state=0)
    assert_allclose(game.feedback, [[-0.5]], rtol=1e-15)
    assert_allclose(game.stable_prediction, game.target / 1.5, rtol=1e-15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_players": 0}, "n_players == 0, must be >= 1"),
        ({"n_locations": 0}, "n_locations == 0, must be >= 1"),
        ({"eigenvalue_range": (0.5, -0.5)}, r"low <= high .* got \(0.5, -0.5\)"),
        ({"eigenvalue_range": (0.5, 1.5)}, "without 1 in between"),
    ],
)
def test_linear_game_errors(options, message):
    with pytest.raises(ValueError, match=message):
        make_linear_game(**options)
