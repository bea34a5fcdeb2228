# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Anderson mixing where it does not help: kinks and saturating reactions."""

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer
from skperf.games import BaseGameShift, PerformativeGame
from skperf.retraining import Snapshot
from skperf.risk_minimization import _coefficients
from skperf.risk_minimization._coefficients import accelerates, anderson
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
    sample = Sample(X, np.ones(2))
    return [
        Snapshot(sample, np.array([f]), np.array([r]))
        for f, r in zip(predictions, residuals, strict=True)
    ]


def test_three_models_that_are_the_same_and_not_stable():
    assert accelerates(make_snapshots([1.0, 2.0, 2.0], [1.0, 1.0, 1.0]))
    assert not accelerates(make_snapshots([1.0, 2.0, 2.0, 2.0], [1.0] * 4))
    assert accelerates(make_snapshots([1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 0.0]))


def test_rounds_that_do_not_come_nearer():
    steps = np.arange(11.0)
    assert accelerates(make_snapshots(steps, 0.5**steps))
    assert not accelerates(make_snapshots(steps, [1.0] * 11))
    assert not accelerates(make_snapshots(steps, 1 - 0.005 * steps))
    assert accelerates(make_snapshots(steps[:9], [1.0] * 9))  # too early to tell


def test_least_squares_that_do_not_end(monkeypatch):
    def go_round(*args, **kwargs):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(_coefficients, "nnls", go_round)
    snapshots = make_snapshots([1.0, 2.0, 3.0], [1.0, 0.5, -0.4])
    coefficients = anderson(snapshots, convex=True)
    assert coefficients.sum() == 1
    assert coefficients[-1] == 1
