# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from scipy.stats import linregress
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.games import BaseGameShift, PerformativeGame
from skperf.retraining._measured import Measured
from skperf.retraining._orbit import NOWHERE, extend_orbit, period_of
from skperf.retraining._verdict import (
    _has_fallen,
    _log_trend,
    _residuals,
    diagnose,
    verdict,
)
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


@pytest.mark.parametrize(
    ("residual", "at_rest", "expected"),
    [
        (3.2, False, ("slow", "slow")),
        (2.8, False, ("plateau", "noise floor")),
        (3.2, True, ("plateau", "noise floor")),
        (np.nan, False, ("plateau", "noise floor")),
    ],
)
def test_small_moves_among_people_who_are_behind(residual, at_rest, expected):
    """Three times the largest of the last four moves is more than they tell."""
    history = make_history([9.0, 9.0, 0.9, 1.0, 0.9, 0.9])
    found = tuple(
        diagnose(
            history,
            Measured(residual),
            0,
            random=random,
            cycles=False,
            at_rest=at_rest,
        )
        for random in (False, True)
    )
    assert found == expected


def test_two_periods_must_be_seen():
    assert period_of(make_orbit(go_round(5, 11))) == 5
    assert period_of(make_orbit(go_round(5, 10))) is None
    assert period_of(make_orbit(go_round(13, 60))) is None


@pytest.mark.parametrize("period", [2, 3, 5])
def test_a_spiral_is_no_cycle(period):
    assert judge(go_round(period, 30, factor=0.95)) == "slow"
    assert judge(go_round(period, 30, factor=1.05)) == "diverging"
    assert judge(go_round(period, 30, factor=0.995)) == "cycle"


@pytest.mark.parametrize(
    ("rate", "expected"), [(-0.015, True), (0.015, True), (-0.025, False)]
)
@pytest.mark.parametrize("period", [2, 3])
def test_how_fast_a_cycle_may_settle(period, rate, expected):
    path = go_round(period, 30, factor=np.exp(rate))
    assert (period_of(make_orbit(path)) == period) == expected


@pytest.mark.parametrize(("drift", "expected"), [(0.09, 2), (0.12, None)])
def test_how_near_a_model_comes_again(drift, expected):
    """Steps of 2, and a move by twice the drift in a period."""
    rounds = np.arange(12)[:, None]
    assert period_of(make_orbit((-1.0) ** rounds + drift * rounds)) == expected


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


@pytest.mark.parametrize("window", [2, 3, pytest.param(5, marks=pytest.mark.slow)])
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
    ("step", "expected"),
    [(0.5, "cycle"), (0.12, "cycle"), (0.08, "(plateau|settled in risk)")],
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


# Where residuals are heading


def name(residual, *, cycles=False):
    """Diagnose a path by its residuals."""
    measured = Measured(residual[-1])
    return diagnose(make_history(residual), measured, 0, random=False, cycles=cycles)


@pytest.mark.parametrize("n_rounds", [4, 7, 20])
def test_slope_and_error_are_those_of_a_regression(n_rounds):
    values = np.random.default_rng(n_rounds).uniform(0.1, 1, n_rounds)
    slope, error = _log_trend(values)
    expected = linregress(np.arange(n_rounds), np.log(values))
    assert slope == pytest.approx(expected.slope)
    assert error == pytest.approx(expected.stderr)


def test_four_rounds_are_needed():
    assert name([1.0, 0.9, 1.1]) == "slow"
    assert name([1.0, 0.9, 1.1, 0.95]) == "plateau"
    assert name([1.0, 0.9, 1.1, 0.95], cycles=True) == "cycle"
    assert name([1.0, 0.9, 1.1], cycles=True) == "slow"


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (-0.0015, "slow"),
        (-0.0005, "plateau"),
        (0.0, "plateau"),
        (0.0005, "plateau"),
        (0.0015, "diverging"),
    ],
)
def test_a_change_of_a_thousandth_a_round(rate, expected):
    assert name(np.exp(rate * np.arange(20))) == expected


@pytest.mark.parametrize(("n_errors", "expected"), [(5.5, "slow"), (4.5, "plateau")])
def test_five_standard_errors(n_errors, expected):
    """Residuals that fall by so many errors of their slope, and by the least slope."""
    time, noise = np.arange(12), 0.1 * (-1.0) ** np.arange(12)
    fitted = linregress(time, noise)
    noise -= fitted.intercept + fitted.slope * time
    error = linregress(time, noise).stderr
    fall = np.exp(noise - (n_errors * error + 0.001) * time)
    before = np.full(12, fall[0])  # the first half of a path does not count
    assert name(np.append(before, fall)) == expected


def test_growth_that_has_ended_is_no_divergence():
    grown = np.exp(0.1 * np.arange(20))
    assert name(grown) == "diverging"
    assert name(np.append(grown, grown[-1] - 1e-3)) == "plateau"


@pytest.mark.parametrize(("last", "expected"), [(0.3, True), (0.35, False)])
def test_peaks_that_fall_to_a_third(last, expected):
    assert _has_fallen(np.array([1.0, 0.1, last, 0.1])) == expected
    assert _has_fallen(np.array([1.0, 0.1, 0.9, 0.1, last, 0.1])) == expected
    assert not _has_fallen(np.array([1.0, 0.1, 0.9, last]))
    assert not _has_fallen(np.array([3.0, 1.0]))


def test_the_last_half_of_a_path_is_looked_at():
    flat = [1.0, 1.1, 0.9, 1.0, 1.1, 0.9]
    assert name([*flat, 10.0, 10.0, 1.0, 1.1, 1.0, 1.1]) == "slow"
    assert name([*flat, 10.0, 10.0, *flat, 1.0, 1.1]) == "plateau"


@pytest.mark.parametrize("strange", [np.inf, np.nan])
def test_numbers_that_are_none(strange):
    assert name([1.0, strange]) == "diverging"


def test_estimates_below_the_tolerance_are_not_trusted():
    """There it is what was measured of the same model, in the round after."""
    history = {
        "stability_residual_estimate": np.array([1.0, 0.1, 0.2, 0.1]),
        "stability_residual": np.array([np.nan, 5.0, 3.0, np.nan]),
    }
    found = _residuals(history, Measured(4.0), tol=0.1)
    np.testing.assert_array_equal(found, [1.0, 3.0, 0.2, 4.0])
    empty = {name: np.empty(0) for name in history}
    assert len(_residuals(empty, Measured(4.0), tol=0.1)) == 0


@pytest.mark.parametrize(
    ("measured", "word", "converged"),
    [
        (Measured(0.1), "converged", True),
        (Measured(0.1, "small steps"), "small steps", False),
        (Measured(0.1, "untrained"), "untrained", False),
        (Measured(0.2, "untrained"), "untrained", False),
        (Measured(0.2, "small steps"), "small steps", False),
        (Measured(0.2), "plateau", False),
        (Measured(np.nan), "plateau", False),  # nobody asked the world
    ],
)
def test_what_is_measured_decides(measured, word, converged):
    history = make_history([0.2, 0.21, 0.19, 0.2, 0.21])
    found = verdict(history, measured, 0.1, random=False, cycles=False)
    assert found["diagnosis_"] == word
    assert found["converged_"] == converged
    assert found["settled_risk_"] is None
    np.testing.assert_equal(found["stability_residual_"], measured.residual)


def test_small_steps_are_told_though_the_residual_still_falls():
    falling = make_history(0.1 * 2.0 ** -np.arange(6))
    measured = Measured(0.1, "small steps")
    assert diagnose(falling, measured, 0.1, random=False, cycles=False) == "small steps"


@pytest.mark.parametrize(
    ("random", "word"), [(False, "settled in risk"), (True, "noise floor")]
)
def test_a_risk_that_stays(random, word):
    """It is told in the drawn face too, whose verdict is that of the noise."""
    history = make_history([0.2, 0.21, 0.19, 0.2, 0.21])
    moves = {"risk_before": np.ones(5), "prediction_gap": np.ones(5)}
    history |= moves | {"two_back_gap": np.ones(5)}
    errors = [np.eye(5)[i] for i in range(5)]
    found = verdict(
        history, Measured(0.2), 0.1, random=random, cycles=False, errors=errors
    )
    assert found["diagnosis_"] == word
    assert found["settled_risk_"]["round"] == 1
    gone = verdict(
        history, Measured(0.2), 0.1, random=random, cycles=True, errors=errors
    )
    assert gone["diagnosis_"] == "cycle"
    assert gone["settled_risk_"] is None
