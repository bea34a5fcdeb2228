# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The rate of retraining as its record tells it."""

import contextlib
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.metrics import contraction_rate
from skperf.metrics._contraction import measured_rate
from skperf.shift import OutcomeShift, ResampleIfRejected, SelfFulfillingShift

X, Y = make_classification(
    300, 4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
)


def record(models):
    """Return what the history of such a path of models holds."""
    models = np.reshape(models, (len(models), -1))
    gaps = np.linalg.norm(np.diff(models, axis=0), axis=1)
    over_two = np.linalg.norm(models[2:] - models[:-2], axis=1)
    return {
        "prediction_gap": gaps,
        "two_back_gap": np.concatenate([[np.nan], over_two]),
        "stability_residual_estimate": gaps,
    }


def linear(J, n_rounds, start=2.0):
    J = np.atleast_2d(J)
    models = [np.full(len(J), start)]
    for _ in range(n_rounds):
        models.append(J @ models[-1])
    return np.array(models)


def noisy(rate, n_rounds, n_numbers, seed):
    rng = np.random.default_rng(seed)
    models = np.zeros((n_rounds + 21, n_numbers))
    for before, after in pairwise(models):
        after[:] = rate * before + rng.normal(size=n_numbers)
    return models[20:]


@pytest.mark.parametrize("rate", [0.99, 0.6, 0.05, -0.05, -0.6, -0.99, 1.3, -1.3])
@pytest.mark.parametrize("n_rounds", [3, 12])
def test_one_factor(rate, n_rounds):
    models = linear(rate, n_rounds)
    contraction = contraction_rate(record(models))
    assert contraction.kind == "steps"
    # differences of models keep as many digits as are left of their size
    digits = 1e-13 * np.abs(models).max() / np.abs(np.diff(models, axis=0)).min()
    assert_allclose(contraction[:3], rate, rtol=digits + 1e-12)
    assert contraction.sign == np.sign(rate)
    away = abs(models[-1, 0])  # the stable model is 0
    if rate < 1:
        assert_allclose(contraction.distance, away, rtol=1e3 * digits + 1e-9)
    if abs(rate) < 1:
        bound = away * (1 - rate) / (1 - abs(rate))
        assert_allclose(contraction.distance_bound, bound, rtol=1e3 * digits + 1e-9)
    else:
        assert contraction.distance_bound == np.inf


def test_the_slowest_direction_is_what_is_left():
    contraction = contraction_rate(record(linear(np.diag([0.7, -0.3]), 40)))
    assert_allclose(contraction.rate, 0.7, rtol=1e-6)
    assert contraction.low <= contraction.rate <= contraction.high


def test_steps_that_turn():
    turn = 0.8 * np.array([[0.0, -1.0], [1.0, 0.0]])
    contraction = contraction_rate(record(linear(turn, 20)))
    assert contraction.kind == "turns"
    assert_allclose(contraction[:3], 0.8, rtol=1e-9)
    assert contraction.sign == 0
    assert np.isnan(contraction.distance)
    away = np.linalg.norm(linear(turn, 20)[-1])
    assert away <= contraction.distance_bound


def test_two_models_in_turns():
    contraction = contraction_rate(record(linear(-1.0, 8)))
    assert contraction.rate == contraction.low == -1
    assert contraction.distance_bound == np.inf


def test_models_that_come_again_have_no_rate():
    angle = 2 * np.pi / 3
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    with pytest.raises(ValueError, match="same models come again"):
        contraction_rate(record(linear(turn, 40)))


@pytest.mark.parametrize("rate", [0.6, 0.0, -0.7])
@pytest.mark.parametrize(
    ("n_rounds", "n_numbers"),
    [
        (60, 5),
        pytest.param(120, 20, marks=pytest.mark.slow),
        pytest.param(40, 1, marks=pytest.mark.slow),
    ],
)
def test_intervals_by_noise(rate, n_rounds, n_numbers):
    """95 of 100; three standard errors of 200 seeds, and few batches, below."""
    found = [
        contraction_rate(record(noisy(rate, n_rounds, n_numbers, seed)))
        for seed in range(200)
    ]
    assert {one.kind for one in found} == {"noise"}
    assert np.mean([one.low < rate < one.high for one in found]) > 0.89
    spread = np.std([one.rate for one in found]) / np.sqrt(200)
    # a ratio of sums over half of the rounds has a bias of about one over these
    assert abs(np.mean([one.rate for one in found]) - rate) < 4 * spread + 3 / n_rounds
    assert np.isnan(found[0].distance)


@pytest.mark.parametrize("n_rounds", [3, 5, 8])
def test_a_few_rounds_of_noise_tell_nothing(n_rounds):
    """Chance looks like steps in one or two of a hundred."""
    told = []
    for seed in range(100):
        with contextlib.suppress(ValueError):
            told.append(contraction_rate(record(noisy(-0.1, n_rounds, 11, seed))))
    assert len(told) <= 5


def test_the_first_rounds_do_not_count():
    models = noisy(0.0, 80, 20, seed=0)
    far = np.concatenate([linear(np.eye(20) * 0.1, 10, start=1e3)[:-1], models])
    near = contraction_rate(record(models[10:]))
    contraction = contraction_rate(record(far))
    assert contraction.kind == "noise"
    assert near.low < contraction.rate < near.high


def test_measured_as_it_is():
    """Labels that come true: the last ratio of gaps, and steps that go on."""
    shift = SelfFulfillingShift(0.5)
    model = RepeatedRiskMinimizer(LogisticRegression(tol=1e-8), shift, tol=1e-6)
    gaps = model.fit(X, Y).history_["prediction_gap"]
    contraction = contraction_rate(model.history_)
    assert contraction.sign == 1
    assert_allclose(contraction.rate, gaps[-1] / gaps[-2], rtol=0.05)


def test_averages_settle_otherwise_than_steps():
    """F3: the window 2 at k = -1.2 multiplies by sqrt(k / 2) and turns."""
    rows, targets = np.arange(6.0)[:, None], np.arange(6.0)
    model = AffineRiskMinimizer(
        LinearRegression(), OutcomeShift(-1.2), window=2, max_iter=60, tol=1e-5
    ).fit(rows, targets)
    contraction = contraction_rate(model.history_)
    assert contraction.kind == "turns"
    # turns of which not all are whole
    assert_allclose(contraction.rate, np.sqrt(0.6), rtol=0.1)
    assert contraction.low < np.sqrt(0.6) < contraction.high


def test_noise_of_mixtures_tells_no_rate():
    shift = ResampleIfRejected(0.3, resampling="drawn")
    model = AffineRiskMinimizer(
        LogisticRegression(), shift, window=3, max_iter=30, tol=0, random_state=0
    )
    with pytest.warns(UserWarning, match="noise floor"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match="mixtures of past samples"):
        contraction_rate(model.history_)


@pytest.mark.parametrize("word", ["plateau", "cycle", "settled in risk"])
def test_jumps_are_no_noise(word):
    model = RepeatedRiskMinimizer(LogisticRegression(), ResampleIfRejected(0.1))
    model.history_ = record(noisy(0.0, 40, 3, seed=0))
    model.diagnosis_ = "noise floor"
    assert measured_rate(model) == contraction_rate(model.history_)
    model.diagnosis_ = word
    with pytest.raises(ValueError, match=f"'{word}': models move by jumps"):
        measured_rate(model)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (linear(0.5, 2), "has 2 rounds"),
        (linear(0.5, 0), "has 0 rounds"),
        (linear(0.0, 8), "exactly as it was"),
        (noisy(0.0, 12, 5, seed=0), "neither shrink nor grow"),
    ],
)
def test_refuses(models, message):
    with pytest.raises(ValueError, match=message):
        contraction_rate(record(models))


def test_a_search_for_the_optimum_has_no_rate():
    history = record(linear(0.5, 8))
    history["prediction_gap"][:] = np.nan
    with pytest.raises(ValueError, match="finite distance"):
        contraction_rate(history)


def test_a_frame_is_a_record():
    history = record(linear(0.5, 8))
    assert contraction_rate(pd.DataFrame(history)) == contraction_rate(history)


@pytest.mark.parametrize("history", [{"residual": [1.0]}, LogisticRegression(), [1.0]])
def test_what_is_no_record(history):
    with pytest.raises(
        TypeError, match=r"the record of one minimizer: model\.history_"
    ):
        contraction_rate(history)
