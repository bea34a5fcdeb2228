# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skperf.inspection import DriftDisplay
from skperf.shift import Deployment, Sample, performative_drift_test


def see(effect, n_periods=12):
    rng = np.random.default_rng(0)
    for month in range(n_periods):
        lots = rng.choice([-0.2, 0.2], 100)
        y = np.sin(month) + effect * lots + rng.normal(size=100)
        yield Deployment(None, Sample(np.zeros((100, 1)), y), perturbation=lots)


def test_draws_what_the_test_holds():
    test = performative_drift_test(see(0.5), random_state=0)
    display = DriftDisplay.from_test(test)
    (bars,) = display.ax_.containers
    points, _, (whiskers,) = bars
    assert_allclose(points.get_ydata(), test.effects)
    assert list(points.get_xdata()) == list(range(1, 13))
    ends = np.array([segment[:, 1] for segment in whiskers.get_segments()])
    assert_allclose(np.ptp(ends, axis=1), 2 * 1.959964 * test.errors, rtol=1e-6)
    assert display.ax_.get_title() == f"p = {test.p_value:.2g} for all periods"


def test_the_line_is_the_mean_of_all_periods_so_far():
    """Equal precisions are a plain mean; all of them are the effect of the test."""
    display = DriftDisplay([1.0, 3.0, -1.0], [0.5, 0.5, 0.5]).plot()
    assert_allclose(display.line_.get_ydata(), [1, 2, 1])
    (band,) = display.ax_.collections[:1]
    ends = band.get_paths()[0].vertices[:, 1]
    assert_allclose([ends.min(), ends.max()], [1 - 0.98, 2 + 0.693], atol=1e-3)
    unequal = DriftDisplay([1.0, 3.0], [1.0, 0.5]).plot()
    assert_allclose(unequal.line_.get_ydata(), [1, (1 + 4 * 3) / 5])
    test = performative_drift_test(see(0.5), random_state=0)
    together = DriftDisplay.from_test(test).line_.get_ydata()[-1]
    assert abs(together - test.effect) < 0.1 * np.ptp(test.interval)


def test_periods_without_lots_are_left_out():
    display = DriftDisplay([np.nan, 1.0, np.nan, 3.0], [np.nan, 1, np.nan, 1]).plot()
    assert_allclose(display.line_.get_ydata(), [np.nan, 1, 1, 2])


def test_names_of_periods():
    months = np.array(["2026-01", "2026-02"], dtype="datetime64[M]")
    display = DriftDisplay([0.1, 0.2], [0.1, 0.1], periods=months).plot(color="C3")
    assert display.line_.get_color() == "C3"
    assert list(display.line_.get_xdata()) == list(months)
    with pytest.raises(ValueError, match="2 periods and 3 names"):
        DriftDisplay([0.1, 0.2], [0.1, 0.1], periods="abc").plot()


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="nothing to draw"):
        DriftDisplay([np.nan], [np.nan]).plot()


def test_without_matplotlib(monkeypatch):
    module = importlib.import_module("skperf.inspection._matplotlib")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install skperf\[plot\]"):
        DriftDisplay([0.1], [0.1]).plot()
