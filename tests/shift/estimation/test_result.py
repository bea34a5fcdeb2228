# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Intervals at any level, and shifts that err on the side of no reaction."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from skperf.shift import (
    Deployment,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    ShiftEstimate,
    Strength,
    estimate_shift,
)


def made(shift, values, errors, confidence=0.95, strengths=None):
    return ShiftEstimate(
        shift,
        values,
        np.diag(np.square(errors)),
        None,
        confidence,
        "equations",
        1,
        shift.strengths if strengths is None else strengths,
    )


@pytest.mark.parametrize("level", [0.5, 0.9, 0.999])
def test_intervals_at_any_level(level):
    estimate = made(SelfFulfillingShift(0.4), {"strength": 0.4}, [0.1])
    low, high = estimate.confidence_interval(level)["strength"]
    assert_allclose(norm.cdf([low, high], 0.4, 0.1), [(1 - level) / 2, (1 + level) / 2])


def test_the_level_of_the_estimate():
    estimate = made(SelfFulfillingShift(0.4), {"strength": 0.4}, [0.1], confidence=0.8)
    assert estimate.confidence_interval() == estimate.confidence_interval(0.8)


@pytest.mark.parametrize("level", [0, 1, 95, -1])
def test_levels_are_probabilities(level):
    estimate = made(SelfFulfillingShift(0.4), {"strength": 0.4}, [0.1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        estimate.confidence_interval(level)


@pytest.mark.parametrize(
    ("value", "error", "cautious"),
    [(0.5, 0.1, 0.5 - 0.1 * 1.959964), (0.1, 0.1, 0.0), (-0.9, 0.1, 0.0), (2, 0.1, 1)],
)
def test_cautious_strength(value, error, cautious):
    """The end nearer to 0; 0 where the interval holds it; nothing not admitted."""
    estimate = made(SelfFulfillingShift(0.4), {"strength": value}, [error])
    assert_allclose(estimate.cautious_shift().strength, cautious, rtol=1e-6)


def test_cautious_rejection():
    """With delta = 1 the data do not depend on the model: caution is upwards."""
    estimate = made(ResampleIfRejected(0.5, n_donors=7), {"delta": 0.5}, [0.1])
    cautious = estimate.cautious_shift(0.9)
    assert_allclose(cautious.delta, 0.5 + 0.1 * norm.ppf(0.95))
    assert cautious.n_donors == 7
    assert estimate.shift.delta == 0.5  # a clone was changed


@pytest.mark.parametrize(
    ("value", "strongest"), [(0.4, 0.4 + 0.1 * 1.959964), (-0.9, 0.0), (0.9, 1.0)]
)
def test_strongest_strength(value, strongest):
    """The end farther from 0, as far as it is admitted."""
    estimate = made(SelfFulfillingShift(0.4), {"strength": value}, [0.1])
    assert_allclose(estimate.strongest_shift().strength, strongest, rtol=1e-6)


def test_strongest_rejection():
    estimate = made(ResampleIfRejected(0.5), {"delta": 0.5}, [0.1])
    strongest = estimate.strongest_shift(0.9)
    assert_allclose(strongest.delta, 0.5 - 0.1 * norm.ppf(0.95))


def test_each_strength_has_an_end_of_its_own():
    strengths = {"delta": Strength(absent=1.0), "n_donors": Strength(absent=0.0)}
    values = {"delta": 0.5, "n_donors": 5}
    estimate = made(ResampleIfRejected(0.5), values, [0.1, 1], strengths=strengths)
    cautious = estimate.cautious_shift(0.6827)
    assert_allclose([cautious.delta, cautious.n_donors], [0.6, 4], rtol=1e-4)


def test_an_estimate_that_is_not_admitted():
    """The value is told as it is; the shift has the nearest that it admits."""
    rng = np.random.default_rng(0)
    f = np.tile([0.2, 0.9], 200)
    y = rng.integers(0, 2, 400)  # which nobody's prediction has raised, on the contrary
    seen = Sample(np.zeros((400, 1)), np.where(f > 0.5, 0, y))
    arms = [
        Deployment(None, Sample(seen.X[r], seen.y[r]), y_pred=f[r])
        for r in (f > 0.5, f < 0.5)
    ]
    arms[0].after.y[:40] = 1
    estimate = estimate_shift(SelfFulfillingShift(0.5), arms)
    assert estimate.params["strength"] < -0.1
    assert estimate.shift.strength == 0


def test_text():
    estimate = made(SelfFulfillingShift(0.4), {"strength": 0.4}, [0.1])
    assert str(estimate) == "strength = 0.4, 95% interval 0.204 to 0.596"
