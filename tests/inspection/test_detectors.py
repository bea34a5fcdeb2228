# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose

from skperf.inspection import DetectionDelayDisplay, StressDisplay
from skperf.metrics import DetectorEvaluation

pd = pytest.importorskip("pandas")


@pytest.fixture
def evaluation():
    rng = np.random.default_rng(0)
    keys = [
        (stress, detector, figure)
        for stress in ("none", "prefill", "fine-tuned")
        for detector in ("flag", "probe")
        for figure in ("AUC", "like-length AUC", "recall", "FPR")
    ]
    figures = pd.DataFrame(keys, columns=["stress", "detector", "figure"])
    keys = [
        (detector, figure, tokens)
        for detector in ("probe", "flag")
        for tokens in (1, 2, 4, 8, 11)
        for figure in ("recall", "FPR")
    ]
    tokens = pd.DataFrame(keys, columns=["detector", "figure", "tokens"])
    for frame in (figures, tokens):
        frame["value"] = rng.uniform(0.2, 0.8, len(frame))
        frame["low"], frame["high"] = frame.value - 0.1, frame.value + 0.05
    return DetectorEvaluation(figures, tokens)


def test_delays_are_drawn_as_they_are(evaluation):
    display = DetectionDelayDisplay.from_evaluation(evaluation, linewidth=3)
    assert list(display.lines_) == ["probe", "flag"]
    tokens = evaluation.tokens
    dotted = [line for line in display.ax_.lines if line.get_linestyle() == ":"]
    for (name, line), other in zip(display.lines_.items(), dotted, strict=True):
        for shown, figure in ((line, "recall"), (other, "FPR")):
            rows = tokens[(tokens.detector == name) & (tokens.figure == figure)]
            assert_allclose(shown.get_xdata(), rows.tokens)
            assert_allclose(shown.get_ydata(), rows.value)
        assert line.get_linewidth() == 3
        assert line.get_color() == other.get_color()
    band = display.ax_.collections[0].get_paths()[0].vertices
    recall = tokens[(tokens.detector == "probe") & (tokens.figure == "recall")]
    assert band[:, 1].min() == pytest.approx(recall.low.min())
    assert band[:, 1].max() == pytest.approx(recall.high.max())
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["probe", "flag", "positive texts", "other texts"]
    assert display.ax_.get_xscale() == "log"


def points(ax):
    """Return value and place of all points, by the form of their marker."""
    return {
        (container[0].get_marker(), container[0].get_color()): np.column_stack(
            [container[0].get_xdata(), container[0].get_ydata()]
        )
        for container in ax.containers
    }


@pytest.mark.parametrize("ranking", ["like-length AUC", "AUC"])
def test_stress_is_drawn_as_it_is(evaluation, ranking):
    display = StressDisplay.from_evaluation(
        evaluation, ranking=ranking, target_fpr=0.05
    )
    left, right = map(points, display.ax_)
    for colour, name in (("C0", "flag"), ("C1", "probe")):
        rows = evaluation.figures[evaluation.figures.detector == name]
        for shown, figure in (
            (left["o", colour], ranking),
            (right["o", colour], "recall"),
            (right["D", colour], "FPR"),
        ):
            found = rows[rows.figure == figure]
            assert_allclose(shown[:, 0], found.value)
            assert np.round(shown[:, 1]).tolist() == [0, 1, 2]
    bars = display.ax_[0].containers[0][2][0].get_segments()[0]
    first = evaluation.figures[evaluation.figures.figure == ranking].iloc[0]
    assert_allclose(bars[:, 0], [first.low, first.high])
    ticks = [text.get_text() for text in display.ax_[0].get_yticklabels()]
    assert ticks == ["none", "prefill", "fine-tuned"]
    assert display.ax_[0].get_xlabel() == ranking
    assert 0.05 in [line.get_xdata()[0] for line in display.ax_[1].lines]


def test_axes_of_ones_own(evaluation):
    _, (one, *two) = plt.subplots(1, 3)
    assert DetectionDelayDisplay.from_evaluation(evaluation, ax=one).ax_ is one
    assert StressDisplay.from_evaluation(evaluation, ax=two).ax_.tolist() == two


def test_without_thresholds(evaluation):
    """There is no calibration, and so nothing on the right; intervals may be nan."""
    figures = evaluation.figures.query("figure == 'AUC'").assign(low=np.nan)
    display = StressDisplay(figures, ranking="AUC").plot()
    assert np.isnan(display.ax_[1].containers[0][0].get_xdata()).all()
    with pytest.raises(ValueError, match="Pass calibration to evaluate_detectors"):
        DetectionDelayDisplay(evaluation.tokens[:0]).plot()
    with pytest.raises(ValueError, match=r"no figure 'AP', only \['AUC'\]"):
        StressDisplay(figures, ranking="AP").plot()


@pytest.mark.parametrize(
    ("display", "where"),
    [(DetectionDelayDisplay, "tokens"), (StressDisplay, "figures")],
)
def test_without_matplotlib(evaluation, monkeypatch, display, where):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "skperf.inspection._matplotlib.find_spec",
        lambda name: None if name == "matplotlib" else find_spec(name),
    )
    with pytest.raises(ImportError, match=rf"skperf\[plot\].*the frame {where}"):
        display.from_evaluation(evaluation)
