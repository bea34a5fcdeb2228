# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The ride-share game: prices diverge at 10 dollars, unless past demand is mixed."""

from functools import partial

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import make_ride_share
from skperf.games import GameOutcomeShift, PerformativeGame

BEST_RESPONSE = TransformedTargetRegressor(
    LinearRegression(fit_intercept=False),
    func=partial(np.multiply, 1 / 70),
    inverse_func=partial(np.clip, a_min=-30, a_max=30),
    check_inverse=False,
)
REPEATED = RepeatedRiskMinimizer(BEST_RESPONSE)
ANDERSON = AffineRiskMinimizer(BEST_RESPONSE, coefficients="anderson")
ORDERS = ["simultaneous", "alternating"]
CENT = 0.01


def make_game(data, player, **params):
    shift = GameOutcomeShift(data.feedback, spread=data.spread)
    return PerformativeGame([("lyft", player), ("uber", player)], shift, **params)


def error(game, data):
    """Return the root mean squared distance to the equilibrium, in dollars."""
    return np.sqrt(np.mean((game.predict(data.data) - data.stable_prediction) ** 2))


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_repeated_retraining_diverges_to_the_bound_at_ten_dollars(order):
    data = make_ride_share(10, random_state=0)
    start = make_game(data, REPEATED, order=order, max_iter=1)
    game = make_game(data, REPEATED, order=order, max_iter=200)
    with pytest.warns(ConvergenceWarning):
        start.fit(data.data, data.target)
    with pytest.warns(ConvergenceWarning, match="The game is not stable after 200"):
        game.fit(data.data, data.target)
    assert not game.converged_
    assert error(game, data) > 3 * error(start, data)
    assert abs(game.predict(data.data)).max() == data.price_bound


def test_growth_of_the_error():
    """By the spectral radii of a round of Jacobi and of Gauss-Seidel."""
    data = make_ride_share(10, random_state=0)
    first, second = data.feedback[0, 0], data.feedback[1, 1]
    radii = {
        "simultaneous": abs(data.eigenvalues).max(),
        # complex pairs [[a, c], [ac, b + c^2]] / 70 with the determinant ab / 70^2
        "alternating": np.sqrt(first * second).max() / 70,
    }
    plain = LinearRegression(fit_intercept=False)  # without a bound
    for order, radius in radii.items():
        demand = data.target / 70
        shift = GameOutcomeShift(data.feedback / 70)
        players = [(name, RepeatedRiskMinimizer(plain)) for name in ("lyft", "uber")]
        errors = []
        for n_rounds in (40, 80):
            game = PerformativeGame(players, shift, order=order, max_iter=n_rounds)
            with pytest.warns(ConvergenceWarning):
                game.fit(data.data, demand)
            errors.append(
                np.linalg.norm(game.predict(data.data) - data.stable_prediction)
            )
        growth = (errors[1] / errors[0]) ** (1 / 40)
        # complex eigenvalues turn the error, and smaller ones still count a little
        assert growth == pytest.approx(radius, rel=0.03)
        assert radius > 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("window", [2, 4, None])
def test_averages_converge_at_ten_dollars(order, window):
    data = make_ride_share(10, random_state=0)
    player = AffineRiskMinimizer(BEST_RESPONSE, window=window)
    game = make_game(data, player, order=order, max_iter=30, tol=CENT)
    game.fit(data.data, data.target)
    assert game.converged_
    # residual = (I - J) error with a symmetric J whose eigenvalues are below -0.37
    assert error(game, data) <= game.stability_residual_ / 1.37


@pytest.mark.parametrize("price", [10, 15])
@pytest.mark.parametrize(
    ("order", "n_rounds"), [("simultaneous", 6), ("alternating", 7)]
)
def test_anderson_converges_in_a_few_rounds(price, order, n_rounds):
    for seed in range(3):
        data = make_ride_share(price, random_state=seed)
        game = make_game(data, ANDERSON, order=order, max_iter=n_rounds, tol=CENT)
        game.fit(data.data, data.target)
        assert game.converged_
        assert error(game, data) < CENT


@pytest.mark.parametrize("order", ORDERS)
def test_everything_converges_at_fifteen_dollars(order):
    data = make_ride_share(15, random_state=0)
    for player in (REPEATED, AffineRiskMinimizer(BEST_RESPONSE, window=2), ANDERSON):
        game = make_game(data, player, order=order, tol=CENT).fit(
            data.data, data.target
        )
        assert game.converged_
        assert error(game, data) < CENT


@pytest.mark.parametrize("order", ORDERS)
def test_own_residuals_are_no_acceleration_of_the_game(order):
    """Each company's residuals vanish, as it has more models than prices.

    Averages then take over, and are slower.
    """
    data = make_ride_share(10, random_state=0)
    errors = {}
    for residuals in ("joint", "own"):
        game = make_game(data, ANDERSON, order=order, residuals=residuals)
        game.set_params(max_iter=20, tol=0)
        with pytest.warns(ConvergenceWarning):
            game.fit(data.data, data.target)
        errors[residuals] = error(game, data)
    assert errors["joint"] < 1e-6
    assert errors["own"] > 1e-4


def test_one_company_that_mixes_speeds_the_other_up():
    data = make_ride_share(15, random_state=0)
    n_rounds = {}
    for name, player in [("repeated", REPEATED), ("anderson", ANDERSON)]:
        game = make_game(data, REPEATED, tol=1e-6, max_iter=100)
        game.set_params(uber=player).fit(data.data, data.target)
        assert error(game, data) < 1e-5
        n_rounds[name] = game.n_iter_
    assert n_rounds["anderson"] < n_rounds["repeated"]


def test_noise():
    """Demand drawn with a standard deviation of 1 moves best responses by 1 / 70."""
    data = make_ride_share(10, random_state=0)
    player = AffineRiskMinimizer(BEST_RESPONSE)
    game = make_game(data, player, max_iter=40, random_state=0)
    game.set_params(shift__noise=1.0)
    with pytest.warns(ConvergenceWarning):
        game.fit(data.data, data.target)
    assert game.diagnosis_ != "diverging"
    # the average over 40 rounds leaves less of it
    assert error(game, data) < 1 / 70
