# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The mended checkerboard test, and the fault of the published one."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import mannwhitneyu, norm
from scipy.stats import t as student

from skperf.exceptions import UnidentifiedError
from skperf.shift import checkerboard_drift_test

ALTERNATING = np.tile([1.0, -1.0], 20)


def trials(rng, effect=0.0, season=0.0, n=40):
    signs = rng.choice([-1.0, 1.0], n)
    seasonal = season * ALTERNATING[:n]
    return signs, seasonal + effect * signs + 0.1 * rng.normal(size=n)


def share(effect, season, n_simulations):
    rng = np.random.default_rng(0)
    values = [
        checkerboard_drift_test(
            *trials(rng, effect, season), n_flips=199, random_state=seed
        )
        for seed in range(n_simulations)
    ]
    return np.mean([value.p_value <= 0.05 for value in values]), values


@pytest.mark.slow
@pytest.mark.parametrize("season", [0.0, 0.15])
def test_level(season):
    """.05 exactly; a share of 2,000 has the standard error .005."""
    assert 0.035 <= share(0.0, season, 2000)[0] <= 0.06


@pytest.mark.slow
def test_power_and_interval():
    """Without a season it is that of the mean of 40 normal numbers."""
    found, values = share(0.05, 0.0, 500)
    assert abs(found - norm.cdf(0.05 * np.sqrt(40) / 0.1 - 1.96)) < 0.07
    held = [value.interval[0] < 0.05 < value.interval[1] for value in values]
    assert 0.92 <= np.mean(held) <= 0.98


@pytest.mark.slow
def test_the_published_test_rejects_three_times_too_often():
    """Changes against their negatives: a rank sum that believes in twice as many."""
    rng = np.random.default_rng(0)
    values = [trials(rng)[1] for _ in range(1000)]
    rejected = np.mean([mannwhitneyu(c, -c).pvalue < 0.05 for c in values])
    expected = 2 * norm.sf(1.95996 / np.sqrt(2))
    assert_allclose(expected, 0.166, atol=5e-4)
    assert abs(rejected - expected) < 0.036  # 3 standard errors
    seasonal = ALTERNATING * (0.15 * ALTERNATING + 0.1 * rng.normal(size=(20, 40)))
    assert np.mean([mannwhitneyu(c, -c).pvalue < 0.05 for c in seasonal]) == 1


def test_p_value_of_all_tosses():
    signs, changes = trials(np.random.default_rng(1), n=8, effect=0.05)
    sums = np.array(list(product([-1, 1], repeat=8))) @ changes
    expected = np.mean(np.abs(sums) >= np.abs(signs @ changes) - 1e-12)
    test = checkerboard_drift_test(signs, changes, n_flips=9999, random_state=0)
    error = np.sqrt(expected * (1 - expected) / 9999)
    assert abs(test.p_value - expected) < 4 * error + 1e-4


def test_what_it_reports():
    signs, changes = trials(np.random.default_rng(0), effect=0.2)
    test = checkerboard_drift_test(signs, changes, random_state=0)
    assert test.p_value == 1 / 1000
    assert_allclose(test.effects, signs * changes)
    assert_allclose(test.effect, np.mean(signs * changes))
    width = student.ppf(0.975, 39) * np.std(signs * changes, ddof=1) / np.sqrt(40)
    assert_allclose(test.interval, [test.effect - width, test.effect + width])
    halves = np.column_stack([changes / 4, 3 * changes / 4])
    again = checkerboard_drift_test(signs, halves, random_state=0)
    assert_allclose(again.effects, test.effects)


@pytest.mark.parametrize(
    ("signs", "changes", "error", "message"),
    [
        (ALTERNATING, np.ones(40), UnidentifiedError, "signs alternate"),
        (np.ones(40), np.ones(40), UnidentifiedError, "all the same"),
        ([1, -1, -1], np.ones(3), ValueError, "3 trials; expected at least 6"),
        ([0, 1, 1, 0, 1, 0], np.ones(6), ValueError, "must hold 1 and -1"),
        ([[1, -1] * 3], np.ones(6), ValueError, "must hold 1 and -1"),
        ([1, 1, -1, -1, 1, 1], np.ones(5), ValueError, r"expected \(6,\)"),
        ([1, 1, -1, -1, 1, 1], np.full(6, np.nan), ValueError, "not finite"),
    ],
)
def test_refuses(signs, changes, error, message):
    with pytest.raises(error, match=message):
        checkerboard_drift_test(signs, changes)


def test_refuses_settings():
    signs, changes = trials(np.random.default_rng(0))
    with pytest.raises(ValueError, match="n_flips is 0"):
        checkerboard_drift_test(signs, changes, n_flips=0)
    with pytest.raises(ValueError, match="level of an interval"):
        checkerboard_drift_test(signs, changes, confidence=95)
