# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Anderson mixing where it does not help: kinks and saturating reactions."""

import warnings

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer
from skperf.games import BaseGameShift, PerformativeGame
from skperf.retraining import Snapshot
from skperf.risk_minimization import _anderson, anderson
from skperf.risk_minimization._safeguard import RECENT, accelerate
from skperf.shift import FunctionShift, Sample

SAME = LinearRegression(fit_intercept=False)
X = np.ones((2, 1))


class Cournot(BaseGameShift):
    """Quantities answer the total of all by an arcsinh."""

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        total = y_pred.mean(axis=1)
        return [Sample(X, reply(total)) for _ in y_pred.T]


def reply(quantity):
    return 10 - 8 * np.arcsinh(2 * (quantity - 5))


STABLE = brentq(lambda quantity: reply(quantity) - quantity, 0, 20)


def test_a_reaction_that_saturates():
    shift = FunctionShift(lambda X, y, y_pred: (X, reply(y_pred)))
    model = AffineRiskMinimizer(SAME, shift, coefficients="anderson", max_iter=150)
    model.fit(X, np.ones(2))
    assert model.diagnosis_ == "converged"
    assert model.predict(X[:1])[0] == pytest.approx(STABLE, abs=1e-4)


def test_a_game_of_them():
    player = AffineRiskMinimizer(SAME, coefficients="anderson")
    players = [("one", player), ("other", player)]
    game = PerformativeGame(players, Cournot(), max_iter=200)
    game.fit(X, np.ones(2))
    assert game.diagnosis_ == "converged"
    assert game.predict(X[:1])[0] == pytest.approx(STABLE, abs=1e-3)


def make_snapshots(predictions, residuals):
    sample = Sample(X, np.ones(2), support="base")
    return [
        Snapshot(sample, np.array([f]), None if r is None else np.array([r]))
        for f, r in zip(predictions, residuals, strict=True)
    ]


def mixes(predictions, residuals):
    """Return whether Anderson mixing goes on: averages count all the same."""
    snapshots = make_snapshots(predictions, residuals)
    _, coefficients = accelerate(snapshots)
    counted = coefficients[np.flatnonzero(coefficients)]
    expected = anderson(snapshots)[-len(coefficients) :]
    return np.ptp(counted) > 0 or np.array_equal(coefficients, expected)


def test_three_models_that_are_the_same_and_not_stable():
    assert mixes([1.0, 2.0, 2.0], [1.0, 0.5, 0.4])
    same = make_snapshots([1.0, 2.0, 2.0, 2.0], [1.0, 0.5, 0.4, 0.3])
    snapshots, coefficients = accelerate(same)
    assert snapshots == same
    np.testing.assert_array_equal(coefficients, [0.25] * 4)
    assert mixes([1.0, 2.0, 2.0, 2.0], [1.0, 0.5, 0.4, 0.0])


def test_rounds_that_do_not_come_nearer():
    steps = np.arange(11.0)
    assert mixes(steps, 0.5**steps)
    assert mixes(steps[:9], [1.0] * 9)  # too early to tell
    assert mixes(steps[:10], [*[1.0] * 9, 0.5])  # just in time
    assert mixes(steps[:10], [1.0, 0.5, *[1.0] * 8])
    for residuals in ([1.0] * 10, 1 - 0.005 * steps[:10], 1 + steps[:10]):
        snapshots = make_snapshots(steps[:10], residuals)
        kept, coefficients = accelerate(snapshots)
        assert kept == tuple(snapshots)
        np.testing.assert_array_equal(coefficients, [0.0] * 9 + [1.0])


def test_averages_begin_where_mixing_was_left_and_stay():
    """Progress of the averages is no reason to give them up."""
    residuals = [None, *[1.0] * 10, *0.5 ** np.arange(20)]
    kept = ()
    for n, snapshot in enumerate(make_snapshots(np.arange(31.0), residuals)):
        kept, coefficients = accelerate((*kept, snapshot))
        if n < 10:
            continue
        n_averaged = n - 9
        models = [s.n_models for s in kept]
        assert models == [1] * min(n + 1, 12) if n < 12 else [*[1] * 11, n - 10]
        np.testing.assert_array_equal(coefficients[:10], np.zeros(10))
        assert coefficients[-1] == pytest.approx((n - 10 or 1) / n_averaged)
        assert coefficients.sum() == pytest.approx(1)
    assert kept[-1].y_pred == pytest.approx(np.arange(11, 31).mean())


def test_a_window_limits_what_counts():
    steps = np.arange(14.0)
    kept, coefficients = accelerate(make_snapshots(steps, [1.0] * 14), size=3)
    assert len(kept) == 14
    np.testing.assert_allclose(coefficients, [0.0] * 11 + [1 / 3] * 3)
    kept, coefficients = accelerate(make_snapshots(steps, 0.5**steps), size=3)
    assert len(kept) == RECENT
    np.testing.assert_array_equal(coefficients[:-3], np.zeros(RECENT - 3))
    expected = anderson(make_snapshots(steps[-3:], 0.5 ** steps[-3:]))
    np.testing.assert_array_equal(coefficients[-3:], expected)


@pytest.mark.parametrize(
    ("level", "strength", "steepness"),
    [(10, 8, 2), (30, 30, 3), (30, 9, 100)]
    + [
        pytest.param(*market, marks=pytest.mark.slow)
        for market in [(10, 2, 1), (79, 70, 1), (5, 1, 5)]
    ],
)
@pytest.mark.parametrize(
    ("n_players", "n_rounds"),
    [
        (1, 80),
        pytest.param(2, 80, marks=pytest.mark.slow),
        pytest.param(5, 160, marks=pytest.mark.slow),
    ],
)
def test_as_good_as_averages_a_dozen_rounds_later(
    level, strength, steepness, n_players, n_rounds
):
    """Cournot competition: demand falls with the arcsinh of the total quantity."""

    class Market(BaseGameShift):
        def sample(
            self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
        ):
            total = y_pred.sum(axis=1)
            price = level - strength * np.arcsinh(1 + steepness * total)
            return [Sample(X, price - (total - own) / 2) for own in y_pred.T]

    def best_reply(quantity):
        price = level - strength * np.arcsinh(1 + steepness * n_players * quantity)
        return price - (n_players - 1) * quantity / 2

    stable = brentq(lambda quantity: best_reply(quantity) - quantity, -1e3, 1e3)

    def error(coefficients, max_iter):
        player = AffineRiskMinimizer(SAME, coefficients=coefficients)
        players = [(f"firm {i}", player) for i in range(n_players)]
        game = PerformativeGame(players, Market(), max_iter=max_iter, tol=1e-9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            game.fit(X, np.ones(2))
        return max(abs(one.predict(X[:1])[0] - stable) for one in game.players_)

    averages = error("uniform", n_rounds)
    assert error("anderson", n_rounds + 12) <= max(2 * averages, 1e-8)


def test_condition_of_a_triangle():
    triangle = np.triu(np.random.default_rng(0).normal(size=(5, 5)))
    condition = _anderson._condition(triangle)
    assert condition == pytest.approx(np.linalg.cond(triangle, 1))
    triangle[2, 2] = 0
    assert _anderson._condition(triangle) == np.inf


def test_least_squares_that_do_not_end(monkeypatch):
    def go_round(*args, **kwargs):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(_anderson, "nnls", go_round)
    snapshots = make_snapshots([1.0, 2.0, 3.0], [1.0, 0.5, -0.4])
    coefficients = anderson(snapshots, convex=True)
    assert coefficients.sum() == 1
    assert coefficients[-1] == 1
