# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Estimates of small or noise-free cases, by formulas and by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import expit

from skperf.shift import (
    Deployment,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    StrategicResponse,
    estimate_shift,
)
from skperf.shift._predictor import PredictionFunction

F = np.linspace(0.05, 0.95, 10)
X = np.arange(10.0)[:, None]
ZEROS = np.zeros(10)
MOVED = np.array([1, 0, 0, 1, 1, 0, 1, 1, 0, 1], dtype=bool)


def strength(shift, deployments, **settings):
    ((_, value),) = estimate_shift(shift, deployments, **settings).params.items()
    return value


def error(shift, deployments):
    ((_, value),) = estimate_shift(shift, deployments).standard_errors.items()
    return value


# Rejected


def rejected(moved=MOVED, X=X, **fields):
    after = np.where(moved[:, None], X + 100, X)
    before = Sample(X, ZEROS, **fields)
    return Deployment(before, Sample(after, ZEROS), y_pred=F, paired=True)


def test_pairs_by_maximum_likelihood():
    """sum over moved of (1 - f) / g = number of others / (1 - delta)."""
    seen = 0.9 * F, 0.9 * (1 - F)  # one of ten donors is like the row itself

    def score(delta):
        g = seen[0] + seen[1] * delta
        return np.sum((seen[1] / g)[MOVED]) - np.sum((seen[1] / (1 - g))[~MOVED])

    expected = brentq(score, -0.05, 0.99)
    assert_allclose(strength(ResampleIfRejected(0.9), rejected()), expected, rtol=1e-9)


def test_pairs_with_weights_are_pairs_that_stand_several_times():
    counts = np.array([1, 2, 1, 3, 1, 1, 2, 1, 1, 1])
    rows = np.repeat(np.arange(10), counts)
    weighted = rejected(sample_weight=counts.astype(float))
    several = rejected(MOVED[rows], X[rows] + 0 * rows[:, None])
    several = Deployment(
        Sample(X[rows], np.zeros(14), groups=rows),
        Sample(several.after.X, np.zeros(14)),
        y_pred=F[rows],
        paired=True,
    )
    shift = ResampleIfRejected(0.5)
    assert_allclose(strength(shift, weighted), strength(shift, several), rtol=1e-9)
    assert_allclose(error(shift, weighted), error(shift, several), rtol=1e-9)


def test_donors_that_are_alike_are_counted():
    """Of a column with two values, half of the rejected look as if they were not."""
    rng = np.random.default_rng(0)
    X = np.tile([[0.0], [1.0]], (20_000, 1))
    y_pred = rng.uniform(size=40_000)
    shift = ResampleIfRejected(0.3, strategic_features=[0], resampling="drawn")
    after = shift.bind(X, X[:, 0], random_state=0)(y_pred)
    pairs = Deployment(Sample(X, X[:, 0]), after, y_pred=y_pred, paired=True)
    assert_allclose(strength(shift, pairs), 0.3, atol=0.02)  # 3 standard errors


def test_whole_rows_of_the_exact_law():
    """The expected face is the law, so nothing is left to chance."""
    shift = ResampleIfRejected(0.35)
    after = shift.sample(X, ZEROS, F)._replace(groups=None)
    deployment = Deployment(Sample(X, ZEROS), after, predictor=by_row)
    estimate = estimate_shift(ResampleIfRejected(0.9), deployment)
    assert_allclose(estimate.params["delta"], 0.35, rtol=1e-9)
    assert estimate.form.statistic < 1e-18
    assert_allclose(estimate.shift.delta, 0.35, rtol=1e-9)


def by_row(X):
    return F[np.asarray(X)[:, 0].astype(int)]


def test_whole_rows_with_weights():
    weights = np.linspace(0.2, 3, 10)
    after = ResampleIfRejected(0.35).sample(X, ZEROS, F, sample_weight=weights)
    before = Sample(X, ZEROS, weights)
    deployment = Deployment(before, after, predictor=by_row)
    assert_allclose(strength(ResampleIfRejected(0.9), deployment), 0.35, rtol=1e-9)


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 31)])
def test_strategic_columns_of_the_exact_law(weights):
    """All rows give their column to all: the mean over donors is exact."""
    people = np.random.default_rng(0).normal(size=(30, 2))
    pairs = np.indices((30, 30)).reshape(2, -1)
    moved = np.column_stack([people[pairs[0], 0], people[pairs[1], 1]])
    w = np.ones(30) if weights is None else weights / weights.sum()
    g = 0.35 + 0.65 * two(people)
    shares = w[pairs[0]] / w.sum() * (w * g)[pairs[1]]
    after = Sample(
        np.concatenate([people, moved]),
        np.zeros(930),
        np.concatenate([w * (1 - g), shares]),
    )
    deployment = Deployment(Sample(people, np.zeros(30), weights), after, predictor=two)
    shift = ResampleIfRejected(0.9, strategic_features=[0])
    estimate = estimate_shift(shift, deployment)
    assert_allclose(estimate.params["delta"], 0.35, rtol=1e-9)
    assert estimate.form.statistic < 1e-15


def two(X):
    return expit(X[:, 0] - 0.5 * X[:, 1])


def test_form_of_rejection():
    """Rejection that falls with the prediction is none of this form."""
    rng = np.random.default_rng(0)
    f = rng.uniform(size=500)
    moved = rng.uniform(size=500) < 0.6 - 0.4 * f
    people = rng.normal(size=(500, 1))
    after = Sample(people + moved[:, None], np.zeros(500))
    pairs = Deployment(Sample(people, np.zeros(500)), after, y_pred=f, paired=True)
    assert estimate_shift(ResampleIfRejected(0.5), pairs).form.p_value < 1e-6


# Outcomes


def test_wald_without_covariates():
    told = np.array([1.0, 1, 1, 1, 0, 0, 0, 0]) + np.tile([0.01, -0.01], 4)
    y = np.array([3.0, 4, 2, 3, 1, 1.5, 0.5, 1])
    arms = [
        Deployment(None, Sample(np.zeros((4, 1)), y[s]), y_pred=told[s])
        for s in (slice(4), slice(4, None))
    ]
    assert_allclose(strength(OutcomeShift(0.0), arms), 2.0, rtol=1e-9)
    rest = (y - 2 * told).reshape(2, 4)
    expected = np.sqrt(np.sum(rest.var(axis=1, ddof=1) / 4))
    assert_allclose(error(OutcomeShift(0.0), arms), expected, rtol=1e-9)


def test_arms_of_different_sizes():
    """Variances of means add, whatever the share of each arm."""
    rng = np.random.default_rng(0)
    sizes, told = (40, 10), (1.0, 0.0)
    arms = [
        Deployment(None, Sample(np.zeros((n, 1)), rng.normal(size=n)), y_pred=[f] * n)
        for n, f in zip(sizes, told, strict=True)
    ]
    variances = [arm.after.y.var(ddof=1) / len(arm.after.y) for arm in arms]
    found = error(OutcomeShift(0.0), arms)
    assert_allclose(found, np.sqrt(np.sum(variances)), rtol=1e-9)


def test_perturbation_is_the_slope_of_least_squares():
    rng = np.random.default_rng(0)
    people = rng.normal(size=(100, 2))
    lot = rng.choice([-0.5, 0.5], 100)
    told = np.tanh(people[:, 0]) + lot
    y = people @ [1.0, 2.0] + 0.3 * told + rng.normal(size=100)
    known = np.column_stack([np.ones(100), people, told - lot, lot])
    expected = np.linalg.lstsq(known, y, rcond=None)[0][-1]
    seen = Sample(people, y)
    recorded = Deployment(None, seen, y_pred=told, perturbation=lot)
    assert_allclose(strength(OutcomeShift(0.0), recorded), expected, rtol=1e-9)
    asked = Deployment(
        None, seen, predictor=lambda X: np.tanh(X[:, 0]), perturbation=lot
    )
    assert_allclose(strength(OutcomeShift(0.0), asked), expected, rtol=1e-9)


def test_outcome_pairs_by_least_squares():
    moves = 0.4 * F + np.tile([0.1, -0.1], 5)
    before, after = Sample(X, ZEROS), Sample(X, moves)
    pairs = Deployment(before, after, y_pred=F, paired=True)
    expected = np.sum(F * moves) / np.sum(F**2)
    assert_allclose(strength(OutcomeShift(0.0), pairs), expected, rtol=1e-9)


def test_people_without_a_model_are_an_arm():
    """They were told nothing, which moves nobody."""
    y = np.array([0.0, 2.0, 1.0, 1.0])
    before, after = Sample(np.zeros((4, 1)), y), Sample(np.ones((4, 1)) * 0, y + 0.6)
    deployment = Deployment(before, after, predictor=lambda X: np.full(4, 2.0))
    assert_allclose(strength(OutcomeShift(0.0), deployment), 0.3, rtol=1e-9)


@pytest.mark.parametrize("direction", ["fulfilling", "defeating"])
@pytest.mark.parametrize("names", [[0, 1], [-1.0, 1.0]])
def test_two_arms_of_the_exact_law(direction, names):
    """Weights are the law; the outcomes without a model are never seen."""
    y = np.array(names)[np.arange(10) % 2]
    shift = SelfFulfillingShift(0.6, direction=direction)
    arms = []
    for f in (0.9 * F, 0.3 * F):
        after = shift.sample(X, y, f)
        arms.append(Deployment(None, after, y_pred=np.tile(f, 2)))
    start = SelfFulfillingShift(0.0, direction=direction)
    assert_allclose(strength(start, arms), 0.6, rtol=1e-8)


class Bad(PredictionFunction):
    """The probability of the class that is not the last."""

    pos_label = "bad"

    def __init__(self, scale):
        self.scale = scale

    def __call__(self, X):
        return self.scale * by_row(X)


def test_the_class_is_told_by_the_predictor():
    y = np.array(["bad", "good"])[np.arange(10) % 2]

    arms = []
    for scale in (0.9, 0.3):
        predictor = Bad(scale)
        after = SelfFulfillingShift(0.6).bind(X, y)(predictor(X), predictor)
        arms.append(Deployment(None, after, predictor=predictor))
    assert_allclose(strength(SelfFulfillingShift(0.0), arms), 0.6, rtol=1e-8)


@pytest.mark.parametrize("direction", ["fulfilling", "defeating"])
def test_pairs_of_people_who_turned(direction):
    """The likelihood of those who could: turned with probability a f."""
    base = np.zeros(10) if direction == "fulfilling" else np.ones(10)
    before = Sample(np.r_[X, X], np.r_[base, 1 - base])
    after = before._replace(y=np.r_[np.where(MOVED, 1 - base, base), 1 - base])
    f = np.r_[F, F] * 0.8
    pairs = Deployment(before, after, y_pred=f, paired=True)

    def score(a):
        return MOVED.sum() / a - np.sum((f[:10] / (1 - a * f[:10]))[~MOVED])

    found = strength(SelfFulfillingShift(0.0, direction=direction), pairs)
    assert_allclose(found, brentq(score, 0.1, 1 / f.max() - 1e-6), rtol=1e-9)


# Features


class Curved:
    """A score that bends, with its gradient."""

    def __call__(self, X):
        return np.sin(np.asarray(X)[:, 0]) + 0.5 * np.asarray(X)[:, 1]

    def gradient(self, X, columns=None):
        X = np.asarray(X)
        return np.column_stack([np.cos(X[:, 0]), np.full(len(X), 0.5)])[:, columns]


class NoGradient(Curved):
    gradient = None


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("responds", [None, [1]])
@pytest.mark.parametrize("columns", [None, [0]])
def test_moves_without_noise(paired, responds, columns):
    """The same people, so that even means tell exactly; others stay where they are."""
    people = np.random.default_rng(0).normal(size=(50, 2))
    y = np.arange(50) % 2
    shift = StrategicResponse(0.25, strategic_features=columns, responds=responds)
    after = shift.sample(people, y, None, predictor=Curved())
    deployment = Deployment(Sample(people, y), after, predictor=Curved(), paired=paired)
    start = StrategicResponse(0.0, strategic_features=columns, responds=responds)
    assert_allclose(strength(start, deployment), 0.25, rtol=1e-8)


def test_moves_by_differences():
    people = np.random.default_rng(0).normal(size=(50, 2))
    after = StrategicResponse(0.25).sample(people, ZEROS, None, predictor=Curved())
    before = Sample(people, np.zeros(50))
    pairs = Deployment(
        before,
        Sample(after.X, np.zeros(50)),
        predictor=lambda X: Curved()(X),
        paired=True,
    )
    assert_allclose(strength(StrategicResponse(0.0), pairs), 0.25, rtol=1e-6)


def test_form_of_moves():
    """People who move along one column only do not follow the gradient."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(200, 2))
    moves = 0.1 * rng.normal(size=(200, 2)) - [0.3, 0]
    y = np.zeros(200)
    pairs = Deployment(
        Sample(people, y),
        Sample(people + moves, y),
        predictor=lambda X: X[:, 0] + X[:, 1],
        paired=True,
    )
    assert estimate_shift(StrategicResponse(0.0), pairs).form.p_value < 1e-6


# Tables


def as_tables(df_module, X):
    return df_module.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": ["x"] * len(X)})


def test_frames(df_module):
    """Columns of text stand beside the numbers; names say which are strategic."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(60, 2))
    frame, y = as_tables(df_module, people), df_module.Series(np.zeros(60))

    def predict(X):
        return expit(X["a"].to_numpy() - X["b"].to_numpy())

    shift = ResampleIfRejected(0.3, strategic_features=["a"], resampling="drawn")
    after = shift.bind(frame, y, random_state=0)(predict(frame))
    plain = Sample(np.asarray(after.X[["a", "b"]], dtype=float), np.zeros(60))
    plain_shift = ResampleIfRejected(0.3, strategic_features=[0])
    for paired in (True, False):
        by_name = Deployment(Sample(frame, y), after, predictor=predict, paired=paired)
        by_place = Deployment(
            Sample(people, np.zeros(60)),
            plain,
            predictor=lambda X: expit(X[:, 0] - X[:, 1]),
            paired=paired,
        )
        assert_allclose(
            strength(shift, by_name), strength(plain_shift, by_place), rtol=1e-9
        )


@pytest.mark.parametrize("make", [list, sparse.csr_array, "frame"])
def test_covariates_of_any_table(make):
    rng = np.random.default_rng(0)
    people = rng.normal(size=(80, 2))
    told = people[:, 0] + rng.choice([-1, 1], 80)
    y = people.sum(axis=1) + 0.5 * told + rng.normal(size=80)
    lot = told - people[:, 0]
    if make == "frame":
        table = as_tables(pytest.importorskip("pandas"), people)
    else:
        table = make(people.tolist() if make is list else people)
    found, expected = (
        strength(
            OutcomeShift(0.0),
            Deployment(None, Sample(t, y), y_pred=told, perturbation=lot),
        )
        for t in (table, people)
    )
    assert_allclose(found, expected, rtol=1e-9)
