# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whose drift it is: the exact level, the power formula, and what is refused."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import norm

from skperf.exceptions import UnidentifiedError
from skperf.shift import Deployment, Sample, performative_drift_test


def periods(rng, effect=0.0, n=60, T=6, size=0.2, season=3.0):
    """Periods whose means differ, by a season that has nothing to do with the lots."""
    seen = []
    for t in range(T):
        lots = rng.choice([-size, size], n)
        y = season * (-1) ** t + effect * lots + rng.normal(size=n)
        seen.append(deploy(lots, y))
    return seen


def deploy(lots, y, **settings):
    seen = Sample(np.zeros((len(y), 1)), y, settings.pop("weights", None))
    seen = seen._replace(groups=settings.pop("groups", None))
    return Deployment(None, seen, perturbation=lots, **settings)


def rejections(effect, season, n_simulations):
    values = [
        performative_drift_test(
            periods(np.random.default_rng(seed), effect, season=season),
            n_permutations=199,
            random_state=seed,
        )
        for seed in range(n_simulations)
    ]
    return np.mean([value.p_value <= 0.05 for value in values]), values


@pytest.mark.slow
@pytest.mark.parametrize("season", [0.0, 3.0])
def test_level(season):
    """.05 exactly; a share of 2,000 has the standard error .005."""
    share, _ = rejections(0.0, season, 2000)
    assert 0.035 <= share <= 0.06


@pytest.mark.slow
def test_power_and_interval():
    share, values = rejections(0.6, 3.0, 500)
    expected = norm.cdf(0.6 * 0.2 * np.sqrt(360) - 1.96)
    assert abs(share - expected) < 0.07  # 3 standard errors
    held = [value.interval[0] < 0.6 < value.interval[1] for value in values]
    assert 0.92 <= np.mean(held) <= 0.98


def test_p_value_of_all_permutations():
    """Many permutations of four people come near the share of all 24."""
    lots, y = np.array([-1.0, -1, 1, 2]), np.array([0.0, 1, 1.5, 2.5])
    centred = y - y.mean()
    sums = [np.dot(order, centred) for order in permutations(lots)]
    expected = np.mean(np.abs(sums) >= np.abs(lots @ centred) - 1e-12)
    test = performative_drift_test(deploy(lots, y), n_permutations=9999, random_state=0)
    error = np.sqrt(expected * (1 - expected) / 9999)
    assert abs(test.p_value - expected) < 4 * error + 1e-4


def test_effect_is_the_slope_within_periods():
    rng = np.random.default_rng(0)
    seen = periods(rng, 0.6)
    test = performative_drift_test(seen, n_permutations=9, random_state=0)
    lots = np.array([d.perturbation for d in seen])
    y = np.array([d.after.y for d in seen])
    lots = lots - lots.mean(axis=1, keepdims=True)
    assert_allclose(test.effect, np.sum(lots * y) / np.sum(lots**2))
    by_period = np.sum(lots * y, axis=1) / np.sum(lots**2, axis=1)
    assert_allclose(test.effects, by_period)
    assert_allclose(test.errors, 1 / (0.2 * np.sqrt(60)), rtol=0.4)
    assert_allclose(np.mean(test.interval), test.effect)


def test_a_plain_effect_and_seed():
    seen = periods(np.random.default_rng(0), 3.0)
    test = performative_drift_test(seen, random_state=0)
    assert test.p_value == 1 / 1000
    assert test.interval[0] > 0
    again = performative_drift_test(seen, random_state=0)
    assert again.p_value == test.p_value


def test_pairs_are_compared_with_themselves():
    """What people differ in by themselves is no noise then."""
    rng = np.random.default_rng(0)
    lots, own = rng.choice([-0.2, 0.2], 100), 50 * rng.normal(size=100)
    X = np.zeros((100, 1))
    moved = own + lots + 0.1 * rng.normal(size=100)
    pairs = Deployment(Sample(X, own), Sample(X, moved), perturbation=lots, paired=True)
    test = performative_drift_test(pairs, random_state=0)
    assert_allclose(test.effect, 1, atol=0.2)
    assert test.p_value == 1 / 1000


def test_persons_with_several_rows_count_once():
    rng = np.random.default_rng(0)
    (once,) = periods(rng, 0.6, T=1)
    rows = np.repeat(np.arange(60), 3)
    several = deploy(once.perturbation[rows], once.after.y[rows], groups=rows)
    expected = performative_drift_test(once, random_state=0)
    found = performative_drift_test(several, random_state=0)
    assert found.p_value == expected.p_value
    assert_allclose(found.interval, expected.interval)


def test_outcomes_of_any_kind():
    rng = np.random.default_rng(0)
    lots = rng.choice([-0.2, 0.2], 400)
    turned = rng.uniform(size=400) < 0.5 + lots
    seen = deploy(lots, np.where(turned, "yes", "no"))
    with pytest.raises(ValueError, match="Say what may have changed: outcome="):
        performative_drift_test(seen)
    test = performative_drift_test(
        seen, outcome=lambda sample: sample.y == "yes", random_state=0
    )
    assert_allclose(test.effect, 1, atol=0.5)


def test_a_period_without_lots():
    """It tells nothing, and does no harm."""
    seen = periods(np.random.default_rng(0), 3.0, T=2)
    idle = deploy(np.zeros(5), np.arange(5.0))
    test = performative_drift_test([*seen, idle], random_state=0)
    expected = performative_drift_test(seen, random_state=0)
    assert_allclose(test.effect, expected.effect)
    assert np.isnan(test.effects[2])


LOTS, VALUES = np.array([-1.0, 1, 1, -1]), np.arange(4.0)


def test_equal_weights_are_none():
    found = performative_drift_test(deploy(LOTS, VALUES, weights=np.full(4, 2.0)))
    assert found.p_value == performative_drift_test(deploy(LOTS, VALUES)).p_value


@pytest.mark.parametrize(
    ("deployment", "settings", "error", "message"),
    [
        (deploy(None, VALUES), {}, UnidentifiedError, "has no perturbation"),
        (deploy(np.ones(4), VALUES), {}, UnidentifiedError, "the same perturbation"),
        (
            deploy(LOTS[:3], VALUES),
            {},
            ValueError,
            r"perturbation has the shape \(3,\)",
        ),
        (deploy(LOTS, VALUES, weights=VALUES + 1), {}, ValueError, "without weights"),
        (
            deploy(LOTS, VALUES, groups=np.zeros(4)),
            {},
            ValueError,
            "with different perturbations",
        ),
        (
            deploy(LOTS, VALUES),
            {"n_permutations": 0},
            ValueError,
            "n_permutations is 0",
        ),
        (deploy(LOTS, VALUES), {"confidence": 2}, ValueError, "level of an interval"),
    ],
)
def test_errors(deployment, settings, error, message):
    with pytest.raises(error, match=message):
        performative_drift_test(deployment, **settings)
