# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Planned experiments against the formulas of their errors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import norm

from skperf.exceptions import PositiveClassWarning
from skperf.shift import (
    Deployment,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    estimate_shift,
    plan_experiment,
)

RNG = np.random.default_rng(0)
N = 4000
X = RNG.normal(size=(N, 2))
Y = X @ [1.0, 0.5] + RNG.normal(size=N)
LABELS = (Y > 0).astype(int)
Z = norm.ppf(0.975)


def chance(X):
    return expit(X[:, 0])


def test_perturbed_outcomes():
    """Its size is z sd / (precision sqrt n); its cost (1 - a)^2 times the square."""
    plan = plan_experiment(OutcomeShift(0.4), X, Y, precision=0.1)
    known = np.column_stack([np.ones(N), X])
    rest = Y - known @ np.linalg.lstsq(known, Y, rcond=None)[0]
    size = Z * rest.std() / (0.1 * np.sqrt(N))
    assert plan.n_samples == N
    assert_allclose(plan.perturbation, size, rtol=0.02)
    assert_allclose(plan.cost, 0.36 * plan.perturbation**2, rtol=1e-9)
    assert plan.n_pairs is None


def test_a_plan_does_what_it_says():
    plan = plan_experiment(OutcomeShift(0.4), X, Y, precision=0.05, confidence=0.9)
    rng = np.random.default_rng(1)
    lots = plan.perturbation * rng.choice([-1, 1], plan.n_samples)
    people = rng.normal(size=(plan.n_samples, 2))
    y = people @ [1.0, 0.5] + 0.4 * lots + rng.normal(size=plan.n_samples)
    seen = Deployment(None, Sample(people, y), y_pred=lots, perturbation=lots)
    estimate = estimate_shift(OutcomeShift(0.0), seen, confidence=0.9)
    low, high = estimate.confidence_interval()["feedback"]
    assert_allclose((high - low) / 2, 0.05, rtol=0.05)  # 3 standard errors of an sd


def test_predictions_stay_probabilities():
    """Where the people do not do, more of them are asked for."""
    shift = SelfFulfillingShift(0.4)
    few = plan_experiment(shift, X, LABELS, precision=0.1, predictor=chance)
    more = plan_experiment(shift, X, LABELS, precision=0.01, predictor=chance)
    assert few.perturbation == more.perturbation == 0.25
    assert few.n_samples > N
    assert_allclose(more.n_samples, 100 * few.n_samples, rtol=1e-3)


def test_cost_of_perturbed_chances():
    """h^2 (1 - 2 a (1 - m)), m being the share that is positive anyway."""
    plan = plan_experiment(SelfFulfillingShift(0.4), X, LABELS, precision=0.1)
    expected = plan.perturbation**2 * (1 - 0.8 * (1 - LABELS.mean()))
    assert_allclose(plan.cost, expected, rtol=1e-9)


def test_labels_of_any_kind():
    names = np.array(["no", "yes"])[LABELS]
    shift = SelfFulfillingShift(0.4)
    with pytest.warns(PositiveClassWarning):
        plan = plan_experiment(shift, X, names, precision=0.1)
    assert plan == plan_experiment(shift, X, LABELS, precision=0.1)


@pytest.mark.parametrize("columns", [None, [0]])
def test_rejection(columns):
    shift = ResampleIfRejected(0.3, strategic_features=columns)
    plan = plan_experiment(shift, X, LABELS, precision=0.1, predictor=chance)
    f = chance(X)
    information = np.mean((1 - f) / ((0.3 + 0.7 * f) * 0.7))
    assert_allclose(plan.n_pairs, (Z / 0.1) ** 2 / information, rtol=0.05)
    assert plan.perturbation == plan.cost == 0
    rule = 2 * (Z / 0.1) ** 2 / f.var()  # sqrt(1/n + 1/m) / sd(f)
    assert_allclose(plan.n_samples, rule, rtol=0.1)


def test_moves():
    theta = np.array([1.0, -0.5])
    plan = plan_experiment(
        StrategicResponse(0.3), X, LABELS, precision=0.1, predictor=lambda X: X @ theta
    )
    expected = 2 * (Z / 0.1) ** 2 * np.var(X @ theta) / (theta @ theta) ** 2
    assert_allclose(plan.n_samples, expected, rtol=0.01)
    assert plan.n_pairs is None


def test_weights_choose_rows_of_persons():
    """Two targets a row, of which each person has one; as many for a spread."""
    exact = plan_experiment(OutcomeShift(0.4), X, Y, precision=0.1)
    tilted = plan_experiment(OutcomeShift(0.4, spread=3.0), X, Y, precision=0.1)
    assert_allclose(tilted.perturbation / exact.perturbation, np.sqrt(1 + 9), rtol=0.05)


@pytest.mark.parametrize(
    ("shift", "settings", "message"),
    [
        (OutcomeShift(0.4), {"precision": 0}, "precision is 0; expected"),
        (OutcomeShift(0.4), {"precision": np.nan}, "precision is nan; expected"),
        (ResampleIfRejected(0.4), {}, "depends on the deployed model: give predictor"),
        (OutcomeShift(0.4), {"confidence": 95}, "level of an interval is 95"),
        (
            ShiftPipeline([("a", OutcomeShift(0.1)), ("b", OutcomeShift(0.1))]),
            {},
            r"strengths \['a__feedback', 'b__feedback'\]; an experiment is planned for",
        ),
    ],
)
def test_errors(shift, settings, message):
    with pytest.raises(ValueError, match=message):
        plan_experiment(shift, X, Y, **{"precision": 0.1, **settings})
