# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Experiments that are proposed where data cannot tell: they tell what was said."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm
from sklearn.ensemble import GradientBoostingRegressor

from skperf.exceptions import UnidentifiedError
from skperf.shift import (
    BaseShift,
    Deployment,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    StrategicResponse,
    Strength,
    estimate_shift,
)
from skperf.shift.estimation._proposals import propose_tilt

Z = norm.ppf(0.975)


class Both(BaseShift):
    """Outcomes move by what people are told, and by being told at all."""

    is_random = False
    strengths = {"rate": Strength(), "step": Strength()}  # noqa: RUF012

    def __init__(self, rate=0.0, step=0.0):
        self.rate = rate
        self.step = step

    def sample(self, X, y, y_pred, *, sample_weight=None, **others):
        return Sample(X, y + self.rate * y_pred + self.step, sample_weight)


def people(rng, n):
    X = rng.normal(size=(n, 2))
    return X, X[:, 0] + rng.normal(size=n)


def see(rng, n, level):
    X, y = people(rng, n)
    return Deployment(
        Sample(*people(rng, n)),
        Sample(X, y + 0.5 * level - 0.4),
        y_pred=np.full(n, level),
    )


def refusal(shift, deployment):
    with pytest.raises(UnidentifiedError) as told:
        estimate_shift(shift, deployment)
    return str(told.value)


def number(pattern, text):
    (found,) = re.findall(pattern, text)
    return float(found)


def test_a_second_model():
    """A sixteenth of the rows is enough for four times the width."""
    rng = np.random.default_rng(0)
    told = refusal(Both(), see(rng, 500, 1.0))
    higher = number(r"predictions that are ([\d.]+) higher", told)
    n_rows = number(r"(\d+) rows of each kind", told)
    assert "rate to +-0.05 and step to +-0.05" in told
    assert_allclose(number(r"higher by about ([\d.]+), if", told), higher**2, rtol=0.1)
    n = round(n_rows / 16)
    estimate = estimate_shift(Both(), [see(rng, n, 1.0), see(rng, n, 1.0 + higher)])
    widths = Z * np.array(list(estimate.standard_errors.values()))
    assert 0.6 < max(widths) / 0.2 < 1.1
    assert min(widths) < 0.2


def test_a_part_of_the_price_where_outcomes_are_labels():
    rng = np.random.default_rng(0)
    (X, others), y = rng.normal(size=(2, 300, 2)), rng.integers(0, 2, 300)

    class Labels(Both):
        def sample(self, X, y, y_pred, *, sample_weight=None, **others):
            moved = X + (self.rate * y_pred + self.step)[:, None]
            return Sample(moved, y, sample_weight)

    deployment = Deployment(Sample(X, y), Sample(others, y), y_pred=np.full(300, 0.8))
    told = refusal(Labels(), deployment)
    assert "predictions that are 0.1 lower" in told
    assert "higher by about 0.01, if" in told


def test_no_other_prediction_helps_where_nobody_looks_at_them():
    class Deaf(Both):
        def sample(self, X, y, y_pred, *, sample_weight=None, **others):
            return Sample(X, y + self.rate + self.step, sample_weight)

    told = refusal(Deaf(), see(np.random.default_rng(0), 200, 1.0))
    assert "second deployment" not in told
    assert "fix one of them" in told


def test_a_tilt_for_trees():
    """Half the width is a tenth of the step that moves a column by its deviation."""
    rng = np.random.default_rng(0)
    X, y = people(rng, 2000)
    trees = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)
    shift = StrategicResponse(0.1, strategic_features=[1])
    alone = Deployment(Sample(X, y), Sample(X, y), predictor=trees.predict)
    told = refusal(shift, alone)
    size = number(r"add ([\d.]+) times a strategic", told)
    n = int(number(r"exactly; (\d+) people before", told))
    assert_allclose(number(r"by about ([\d.]+) while", told), size**2, rtol=0.1)

    def tilted(X):
        return trees.predict(X) + size * X[:, 1]

    (X, y), (others, other_y) = people(rng, n), people(rng, n)
    true = StrategicResponse(0.2, strategic_features=[1])
    moved = true.sample(others, other_y, None, predictor=tilted).X
    seen = Deployment(Sample(X, y), Sample(moved, other_y), predictor=tilted)
    estimate = estimate_shift(shift, seen)
    error = estimate.standard_errors["epsilon"]
    assert_allclose(Z * error, 0.1 / size, rtol=0.1)
    assert abs(estimate.params["epsilon"] - 0.2) < 4 * error
    moved = true.sample(X, y, None, predictor=tilted).X
    pairs = Deployment(Sample(X, y), Sample(moved, y), predictor=tilted, paired=True)
    assert_allclose(estimate_shift(shift, pairs).params["epsilon"], 0.2, rtol=1e-6)


def test_a_tilt_where_everybody_is_told_the_same():
    told = propose_tilt(np.full(10, 0.3))
    assert number(r"add ([\d.]+) times", told) == 0.1
    assert number(r"exactly; (\d+) people", told) == np.ceil(2 * (Z / 0.1) ** 2)
    assert number(r"by about ([\d.]+) while", told) == 0.01


def test_pairs_without_variation():
    """p = a f of at most 1/4 variance: n = (1.96 / .1)^2 / (4 mean f^2)."""
    X = np.random.default_rng(0).normal(size=(50, 1))
    f = np.full(50, 0.5)
    seen = Sample(X, np.arange(50) % 2)
    pairs = Deployment(seen, seen, y_pred=f, paired=True)
    told = refusal(SelfFulfillingShift(0.5), pairs)
    assert number(r"(\d+) pairs like these", told) == np.ceil((Z / 0.1) ** 2)


def test_pairs_of_people_who_were_told_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 1)), 3 * rng.normal(size=400)
    moves = rng.normal(size=400)
    pairs = Deployment(
        Sample(X, y), Sample(X, y + moves), y_pred=np.zeros(400), paired=True
    )
    told = refusal(OutcomeShift(0.5), pairs)
    size = number(r"everybody ([\d.]+): ", told)
    n = int(number(r": (\d+) pairs then", told))
    assert_allclose(size, np.std(y) / 2, rtol=0.01)
    assert_allclose(number(r"by about ([\d.]+) while", told), size**2, rtol=0.1)
    X, y = rng.normal(size=(n, 1)), 3 * rng.normal(size=n)
    after = Sample(X, y + 0.4 * size + rng.normal(size=n))
    level = Deployment(Sample(X, y), after, y_pred=np.full(n, size), paired=True)
    error = estimate_shift(OutcomeShift(0.5), level).standard_errors["feedback"]
    assert_allclose(Z * error, 0.1, rtol=0.25)


def test_a_perturbation_that_is_none():
    X = np.zeros((50, 1))
    y = np.random.default_rng(0).normal(size=50)
    alone = Deployment(
        None, Sample(X, y), y_pred=np.ones(50), perturbation=np.full(50, 0.1)
    )
    told = refusal(OutcomeShift(0.0), alone)
    assert "6147 rows tell the strength a to +-0.1" in told


def test_everybody_was_rejected():
    X = np.zeros((50, 1))
    seen = Sample(X, np.arange(50) % 2)
    told = refusal(
        ResampleIfRejected(0.5), Deployment(seen, seen, y_pred=np.ones(50), paired=True)
    )
    assert "Predict 0.9 for everybody, and give pairs" in told
    assert "about 0.01 while it lasts" in told
