# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Many runs in one picture."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf import RepeatedRiskMinimizer
from skperf.inspection import RetrainingRunsDisplay
from skperf.shift import OutcomeShift


def history(risks):
    risks = np.asarray(risks, dtype=float)
    return {"risk_before": risks, "stability_residual_estimate": risks / 10}


def test_median_and_band():
    runs = [history([1.0, 0.5, 0.2]), history([2.0, 0.7]), history([4.0, 0.1, 0.1])]
    display = RetrainingRunsDisplay({"seeds": runs}).plot()
    for ax, scale in zip(display.ax_, (1, 10), strict=True):
        np.testing.assert_allclose(ax.lines[0].get_ydata() * scale, [2.0, 0.5, 0.2])
        corners = ax.collections[0].get_paths()[0].vertices
        for number, (low, high) in enumerate([(1, 4), (0.1, 0.7), (0.1, 0.7)], 1):
            band = corners[corners[:, 0] == number][:, 1] * scale
            np.testing.assert_allclose([band.min(), band.max()], [low, high])
    assert display.ax_[1].get_yscale() == "log"
    narrow = RetrainingRunsDisplay({"seeds": runs}, band=(0.5, 0.5)).plot()
    band = narrow.ax_[0].collections[0].get_paths()[0].vertices
    assert set(band[band[:, 0] == 1][:, 1]) == {2.0}


def test_what_minimizers_have_recorded():
    X, y = np.array([[0.0], [1.0]]), np.array([0.0, 2.0])
    runs = {
        f"feedback {feedback}": [
            RepeatedRiskMinimizer(LinearRegression(), OutcomeShift(feedback)).fit(X, y)
        ]
        for feedback in (0.1, 0.5)
    }
    display = RetrainingRunsDisplay.from_estimators(runs)
    for line, (name, (run,)) in zip(display.ax_[0].lines, runs.items(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), run.history_["risk_before"])
        assert line.get_label() == name
    first, second = display.ax_[1].lines
    assert first.get_color() != second.get_color()


def test_misuse():
    with pytest.raises(TypeError, match="this is a LogisticRegression"):
        RetrainingRunsDisplay.from_estimators({"one": [LogisticRegression()]})
    with pytest.raises(ValueError, match=r"no runs to draw for \['one'\]"):
        RetrainingRunsDisplay({"one": []}).plot()
    with pytest.raises(ValueError, match="no runs to draw for any name"):
        RetrainingRunsDisplay({}).plot()
    for band in ((0.9, 0.1), 0.9, (0, 90)):
        with pytest.raises(ValueError, match="band must be two quantiles"):
            RetrainingRunsDisplay({"one": [history([1.0])]}, band=band).plot()
    with pytest.raises(ValueError, match="nothing to draw yet"):
        RetrainingRunsDisplay({"one": [history([])]}).plot()
