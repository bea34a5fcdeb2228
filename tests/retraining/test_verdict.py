# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.games import BaseGameShift, PerformativeGame
from skperf.retraining._measured import Measured
from skperf.retraining._orbit import NOWHERE, extend_orbit, period_of
from skperf.retraining._verdict import diagnose
from skperf.shift import FunctionShift, Sample


def make_history(residual):
    residual = np.asarray(residual, dtype=float)
    return {"stability_residual": residual, "stability_residual_estimate": residual}


def make_orbit(y_preds, sample_weight=None):
    orbit = NOWHERE
    for y_pred in y_preds:
        orbit = extend_orbit(orbit, y_pred, sample_weight)
    return orbit


def judge(y_preds, *, random=False):
    """Diagnose a path of these predictions, whose residuals are its steps."""
    steps = np.sqrt(np.mean(np.diff(y_preds, axis=0) ** 2, axis=1))
    history, measured = make_history(steps), Measured(steps[-1])
    cycles = period_of(make_orbit(y_preds)) is not None
    return diagnose(history, measured, 0, random=random, cycles=cycles)


def go_round(period, n_models, *, n_rows=200, factor=1.0):
    """Return predictions that come again, ever nearer to zero with a factor below 1."""
    models = np.random.default_rng(period).normal(size=(period, n_rows))
    rounds = np.arange(n_models)
    return models[rounds % period] * factor ** rounds[:, None]


@pytest.mark.parametrize("period", range(2, 13))
@pytest.mark.parametrize("n_rows", [1, 3, 61, 200])
def test_models_that_come_again_are_a_cycle(period, n_rows):
    path = go_round(period, 2 * period + 3, n_rows=n_rows)
    assert judge(path) == judge(path, random=True) == "cycle"
    noise = 0.001 * np.random.default_rng(0).normal(size=path.shape)
    assert judge(path + noise) == "cycle"


def test_two_periods_must_be_seen():
    assert period_of(make_orbit(go_round(5, 11))) == 5
    assert period_of(make_orbit(go_round(5, 10))) is None
    assert period_of(make_orbit(go_round(13, 60))) is None


@pytest.mark.parametrize("period", [2, 3, 5])
def test_a_spiral_is_no_cycle(period):
    assert judge(go_round(period, 30, factor=0.95)) == "slow"
    assert judge(go_round(period, 30, factor=1.05)) == "diverging"
    assert judge(go_round(period, 30, factor=0.995)) == "cycle"


@pytest.mark.parametrize("random", [True, False])
def test_jumps_are_no_cycle(random):
    expected = "noise floor" if random else "plateau"
    for seed in range(5):
        jumps = np.random.default_rng(seed).normal(size=(30, 200))
        assert judge(jumps, random=random) == expected


def test_rows_without_weight_do_not_count():
    path = go_round(3, 12, n_rows=100)
    weight = np.arange(100) % 2.0
    path[:, ::2] = np.random.default_rng(0).normal(size=(12, 50))
    assert period_of(make_orbit(path, weight)) == 3
    assert period_of(make_orbit(path)) is None


def test_several_outputs():
    path = go_round(3, 12, n_rows=200).reshape(12, 100, 2)
    assert period_of(make_orbit(path)) == 3
    assert period_of(make_orbit(path, np.arange(100.0))) == 3


@pytest.mark.parametrize("random", [True, False])
def test_a_mixture_that_stands_still_is_no_cycle(random):
    # an average of all models may repeat itself to the last digit and not be stable
    expected = "noise floor" if random else "plateau"
    assert period_of(make_orbit(np.ones((9, 20)))) is None
    found = diagnose(
        make_history([1e-3] * 8), Measured(1e-3), 0, random=random, cycles=False
    )
    assert found == expected


@pytest.mark.parametrize("window", [2, 3, 5])
def test_mixtures_go_round_too(window):
    """A steep reaction within limits: averages of w models repeat after w + 1 rounds.

    People do the most they can against the mean of the last w models.
    """

    def reply(X, y, y_pred):
        return X, np.clip(0.3 - 50 * y_pred, -1, 1)

    X = np.ones((2, 1))
    model = AffineRiskMinimizer(
        LinearRegression(fit_intercept=False),
        FunctionShift(reply),
        window=window,
        max_iter=60,
    )
    with pytest.warns(ConvergenceWarning, match="The same models replace each other"):
        model.fit(X, np.ones(2))
    assert model.diagnosis_ == "cycle"


def test_players_go_round_together():
    """Matching pennies: each follows or flees the other, and all repeats in fours."""

    class Pennies(BaseGameShift):
        def sample(
            self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
        ):
            follower, fugitive = y_pred.T
            return [Sample(X, np.sign(fugitive)), Sample(X, -np.sign(follower))]

    X = np.ones((2, 1))
    player = RepeatedRiskMinimizer(LinearRegression(fit_intercept=False))
    game = PerformativeGame([("a", player), ("b", player)], Pennies(), max_iter=20)
    with pytest.warns(ConvergenceWarning, match="Diagnosis: cycle"):
        game.fit(X, np.ones(2))


@pytest.mark.parametrize(
    ("step", "expected"), [(0.5, "cycle"), (0.05, "(plateau|settled in risk)")]
)
def test_models_that_differ_by_little_are_no_cycle_to_break(step, expected):
    """People differ by a standard deviation of 1, and models by a step."""
    X = np.array([[-1.0], [1.0]])

    def jump(X, y, y_pred):
        move = np.where(y_pred.mean() > 0, -step / 2, step / 2)
        return X, X[:, 0] + move

    model = RepeatedRiskMinimizer(LinearRegression(), FunctionShift(jump))
    with pytest.warns(ConvergenceWarning, match=f"Diagnosis: {expected}"):
        model.fit(X, X[:, 0])
