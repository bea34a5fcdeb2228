# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People before and after they have met a model."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skperf.inspection import ReactionDisplay
from skperf.metrics import induce
from skperf.shift import FunctionShift, ResampleIfRejected, Sample, StrategicResponse

pd = pytest.importorskip("pandas")

X, Y = make_classification(400, 3, n_redundant=0, random_state=0)
MODEL = LogisticRegression().fit(X, Y)


def frames(before, after, weights=None):
    """Return two frames of a column, the second with weights."""
    one = pd.DataFrame({"it": before, "sample_weight": 1.0})
    other = pd.DataFrame({"it": after}).assign(sample_weight=1.0)
    if weights is not None:
        other["sample_weight"] = weights
    return one, other


def heights(display, number=0):
    """Return the bars of a panel before and after."""
    return [bars.get_data().values for bars in display.ax_[number].patches]


def test_shares_of_levels():
    """Half of Rome has gone to Oslo; weights count, and names keep their places."""
    before = ["Rome"] * 6 + ["Oslo"] * 2
    display = ReactionDisplay(*frames(before, before[:3] + ["Oslo"] * 5)).plot()
    np.testing.assert_allclose(heights(display), [[0.75, 0.25], [0.375, 0.625]])
    assert display.moved_ == {"it": 0.375}
    labels = [text.get_text() for text in display.ax_[0].get_xticklabels()]
    assert labels == ["Rome", "Oslo"]
    weighted = ReactionDisplay(*frames(before, before, [1] * 6 + [3] * 2)).plot()
    np.testing.assert_allclose(heights(weighted)[1], [0.5, 0.5])


def test_rare_levels_are_taken_together():
    before = [
        name for number, name in enumerate("abcdefghij", 1) for _ in range(number)
    ]
    display = ReactionDisplay(*frames(before, before)).plot()
    labels = [text.get_text() for text in display.ax_[0].get_xticklabels()]
    assert labels == [*"jihgfedc", "other"]
    np.testing.assert_allclose(heights(display)[0][-1], 3 / 55)
    assert display.moved_ == {"it": 0}


@pytest.mark.parametrize("kind", [int, bool, "category", object])
def test_levels_of_any_kind(kind):
    values = pd.Series([0, 1, 1, 1]).astype(kind)
    display = ReactionDisplay(*frames(values, values[::-1].to_numpy())).plot()
    shares = sorted(heights(display)[0])
    np.testing.assert_allclose(shares, [0.25, 0.75])
    assert display.moved_ == {"it": 0}


def test_shares_of_numbers():
    """Thirty bins; a move by one bin of what is evenly spread moves one thirtieth."""
    values = (np.arange(3000) + 0.5) / 3000
    display = ReactionDisplay(*frames(values, values + 1 / 30)).plot()
    before, after = heights(display)
    assert len(before) == len(after) == 30
    np.testing.assert_allclose(before.sum(), 1)
    np.testing.assert_allclose(display.moved_["it"], 1 / 30, atol=2e-3)


def test_outliers_do_not_squeeze_the_picture():
    values = np.append(np.linspace(0, 1, 1000), 1e9)
    before, _ = heights(ReactionDisplay(*frames(values, values)).plot())
    assert before.max() < 0.05


def test_missing_values_have_a_bar_of_their_own():
    values = np.linspace(0, 1, 100)
    gone = np.where(np.arange(100) < 25, np.nan, values)
    display = ReactionDisplay(*frames(values, gone)).plot()
    np.testing.assert_allclose(heights(display)[1][-1], 0.25)
    np.testing.assert_allclose(display.moved_["it"], 0.25)
    assert "missing" in [text.get_text() for text in display.ax_[0].texts]
    levels = ReactionDisplay(*frames(list("aabb"), ["a", "a", "b", None])).plot()
    np.testing.assert_allclose(heights(levels)[1], [0.5, 0.25, 0.25])


def test_times():
    days = pd.date_range("2026-01-01", periods=50)
    display = ReactionDisplay(*frames(days, days + pd.Timedelta(days=5))).plot()
    assert 0.05 < display.moved_["it"] < 0.2
    display.figure_.canvas.draw()
    ticks = [text.get_text() for text in display.ax_[0].get_xticklabels()]
    assert any("Feb" in tick for tick in ticks)


def test_the_data_that_a_model_induces():
    shift = StrategicResponse(0.3, strategic_features=[1])
    display = ReactionDisplay.from_estimator(MODEL, shift, X, Y)
    assert list(display.moved_) == ["x0", "x1", "x2", "target"]
    assert display.moved_["x1"] > 0
    assert display.moved_["x0"] == display.moved_["target"] == 0
    expected = induce(MODEL, shift, X, Y, as_frame=True)
    pd.testing.assert_frame_equal(
        display.after.reset_index(drop=True), expected.reset_index(drop=True)
    )
    assert len(plt.figure(display.figure_.number).axes) == 6


def test_what_moves_most_is_shown_in_its_order():
    wide = np.random.default_rng(0).normal(size=(200, 9))
    amounts = np.array([5, 0, 4, 0, 3, 2, 1, 6, 0])

    def move(X, y, y_pred):
        return Sample(X + amounts, y, groups=np.arange(200))

    model = LogisticRegression().fit(wide, Y[:200])
    display = ReactionDisplay.from_estimator(model, FunctionShift(move), wide, Y[:200])
    assert list(display.moved_) == ["x0", "x2", "x4", "x5", "x6", "x7"]


def test_axes_of_ones_own_and_names():
    _, axes = plt.subplots(1, 3)
    shift = ResampleIfRejected(0.3)
    display = ReactionDisplay.from_estimator(
        MODEL, shift, X, Y, features=["x2", "target"], ax=axes, color="green"
    )
    assert list(display.moved_) == ["x2", "target"]
    assert display.figure_ is axes[0].figure
    assert axes[0].patches[1].get_edgecolor()[:3] == (0, 0.5019607843137255, 0)
    with pytest.raises(ValueError, match="1 axes for 2 columns"):
        ReactionDisplay(display.before, display.after, features=["x2", "x1"]).plot(
            ax=axes[0]
        )
    with pytest.raises(ValueError, match=r"\['income'\] are not among the columns"):
        ReactionDisplay(display.before, display.after, features=["income"]).plot()


def test_persons_are_called_as_in_the_frame():
    frame = pd.DataFrame(X, columns=list("abc")).set_index(
        pd.Index([f"customer {i}" for i in range(400)], name="id")
    )
    shift = ResampleIfRejected(0.3, strategic_features=["a"], n_donors=1)
    model = LogisticRegression().fit(frame, Y)
    found = induce(model, shift, frame, Y, as_frame=True, random_state=0)
    assert found.index.name == "id"
    assert list(found.index) == 2 * list(frame.index)
    pd.testing.assert_frame_equal(found.iloc[:400][["a", "b", "c"]], frame)
    named = induce(
        model, shift, frame, Y, as_frame=True, groups=np.arange(400), random_state=0
    )
    assert named.index.name == "person"
    assert list(named.index) == 2 * list(range(400))
