# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.games import GameOutcomeShift, PerformativeGame
from skperf.inspection import RetrainingDisplay
from skperf.metrics import contraction_rate
from skperf.shift import OutcomeShift


@pytest.fixture(scope="module")
def fitted():
    X, y = make_classification(200, random_state=0)
    shift = ResampleIfRejected(0.3)
    return [
        minimizer(LogisticRegression(), shift, tol=1e-3).fit(X, y)
        for minimizer in (RepeatedRiskMinimizer, AffineRiskMinimizer)
    ]


def test_draws_what_the_history_holds(fitted):
    model = fitted[0]
    display = RetrainingDisplay.from_estimator(model)
    risk_axes, gap_axes = display.ax_
    np.testing.assert_array_equal(
        display.line_.get_ydata(), model.history_["stability_residual"]
    )
    drawn = [line.get_ydata() for line in risk_axes.lines if len(line.get_ydata())]
    n_rounds = model.n_iter_
    retraining, reaction = drawn[:n_rounds], drawn[n_rounds : 2 * n_rounds - 1]
    history = model.history_
    np.testing.assert_array_equal(
        retraining, np.column_stack([history["risk_before"], history["risk_after"]])
    )
    np.testing.assert_array_equal(
        reaction,
        np.column_stack([history["risk_after"][:-1], history["risk_before"][1:]]),
    )
    assert gap_axes.get_yscale() == "log"
    assert risk_axes.get_ylabel() == "Risk (log loss)"
    assert gap_axes.get_ylabel() == "Stability residual (RMS)"


def test_several_estimators_share_axes_and_differ_in_colour(fitted):
    first = RetrainingDisplay.from_estimator(fitted[0])
    second = RetrainingDisplay.from_estimator(fitted[1], ax=first.ax_, name="average")
    assert second.figure_ is first.figure_
    assert first.line_.get_color() != second.line_.get_color()
    names = [text.get_text() for text in second.ax_[1].get_legend().get_texts()]
    names = [name for name in names if not name.startswith("rate")]
    assert names == ["RepeatedRiskMinimizer", "average"]
    keys = [text.get_text() for text in second.ax_[0].get_legend().get_texts()]
    assert keys == ["model is retrained", "population reacts"]


def test_line_keywords_reach_all_lines(fitted):
    display = RetrainingDisplay.from_estimator(fitted[0], color="black")
    assert display.line_.get_color() == "black"
    segments = [line for line in display.ax_[0].lines if len(line.get_ydata())]
    assert {line.get_color() for line in segments} == {"black"}


def test_needs_a_fitted_minimizer():
    with pytest.raises(NotFittedError):
        RetrainingDisplay.from_estimator(RepeatedRiskMinimizer(LogisticRegression()))


def test_a_game_is_drawn_player_by_player():
    X = np.random.RandomState(0).normal(size=(40, 2))
    player = RepeatedRiskMinimizer(LinearRegression())
    game = PerformativeGame(
        [("a", player), ("b", clone(player))], GameOutcomeShift(0.2 * np.eye(2))
    )
    words = r"PerformativeGame. .*from_estimator\(game\.players_\[0\]\)"
    with pytest.raises(TypeError, match=words):
        RetrainingDisplay.from_estimator(game)
    game.fit(X, X @ [[1.0, 0.5], [0.0, 1.0]])
    with pytest.raises(TypeError, match=words):
        RetrainingDisplay.from_estimator(game)
    with pytest.raises(ValueError, match=r"has no risks.*player of a game"):
        RetrainingDisplay(game.history_).plot()
    display = RetrainingDisplay.from_estimator(game.players_[0])
    assert len(display.line_.get_ydata()) == game.n_iter_


def test_other_estimators_have_no_path():
    with pytest.raises(
        TypeError, match=r"this is a LogisticRegression\. Pass a fitted"
    ):
        RetrainingDisplay.from_estimator(LogisticRegression())


def test_nothing_to_draw_after_the_first_period():
    X, y = make_classification(100, random_state=0)
    model = RepeatedRiskMinimizer(LogisticRegression()).partial_fit(X, y)
    before = plt.get_fignums()
    words = "nothing to draw yet.*first partial_fit.*Call partial_fit again"
    with pytest.raises(ValueError, match=words):
        RetrainingDisplay.from_estimator(model)
    with pytest.raises(ValueError, match=words):
        RetrainingDisplay(model.history_).plot()
    assert plt.get_fignums() == before
    RetrainingDisplay.from_estimator(model.partial_fit(X, y))


@pytest.mark.parametrize("own_axes", [False, True])
def test_without_matplotlib(fitted, monkeypatch, own_axes):
    ax = plt.subplots(1, 2)[1] if own_axes else None
    module = importlib.import_module("skperf.inspection._matplotlib")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"matplotlib, .*pip install skperf\[plot\]"):
        RetrainingDisplay.from_estimator(fitted[0], ax=ax)


def test_tol_stands_beside_what_it_judges(fitted):
    repeated, _ = fitted
    axes = RetrainingDisplay.from_estimator(repeated).ax_[1]
    measured, guessed, tol, *_ = axes.lines
    history = repeated.history_
    assert list(measured.get_ydata()) == list(history["stability_residual"])
    assert list(guessed.get_ydata()) == list(history["stability_residual_estimate"])
    assert guessed.is_dashed()
    assert set(tol.get_ydata()) == {repeated.tol}


def draw(estimator, shift, **settings):
    model = RepeatedRiskMinimizer(estimator, shift, random_state=0, **settings)
    X, y = make_classification(200, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return model, RetrainingDisplay.from_estimator(model)


def named(display, start):
    lines = display.ax_[1].lines
    return [line for line in lines if str(line.get_label()).startswith(start)]


def test_the_measured_rate_lies_on_the_residuals():
    model, display = draw(LinearRegression(), OutcomeShift(-0.5), tol=1e-6)
    assert display.rate == contraction_rate(model.history_)
    (line,) = named(display, "rate -0.5 [-0.5, -0.5]")
    residuals = model.history_["stability_residual"]
    rounds = line.get_xdata().astype(int)
    assert rounds[-1] == model.n_iter_
    np.testing.assert_allclose(line.get_ydata(), residuals[rounds - 1], rtol=1e-6)
    limit = display.ax_[0].lines[-1].get_ydata()
    np.testing.assert_allclose(limit, model.history_["risk_before"][-1], rtol=1e-4)


def test_what_is_proven_lies_above_what_was_measured():
    model, display = draw(Ridge(50.0), OutcomeShift(-0.9), tol=1e-6)
    assert display.bound == 0.9
    (line,) = named(display, "proven: 0.9 a round")
    residuals = model.history_["stability_residual"]
    assert list(line.get_xdata()) == list(range(1, model.n_iter_ + 1))
    assert line.get_ydata()[0] == residuals[0]
    assert np.all(line.get_ydata() >= residuals * (1 - 1e-9))


def test_noise_stays_on_its_level():
    shift = ResampleIfRejected(0.3, resampling="drawn")
    model, display = draw(LogisticRegression(), shift, tol=0, max_iter=30)
    assert display.rate.kind == "noise"
    (line,) = named(display, "rate")
    assert line.get_label().endswith("by noise")
    level = np.sqrt(np.mean(model.history_["prediction_gap"][-16:] ** 2))
    np.testing.assert_allclose(line.get_ydata(), level)


def test_nothing_is_certified_of_two_rounds():
    _, display = draw(LogisticRegression(), ResampleIfRejected(0.3), max_iter=2)
    assert display.rate is None
    assert display.bound is None
    assert not named(display, "rate")
    assert not named(display, "proven")


def test_a_bound_is_for_retraining_on_the_last_data():
    X, y = make_classification(100, random_state=0)
    model = AffineRiskMinimizer(LinearRegression(), OutcomeShift(0.5), window=2)
    display = RetrainingDisplay.from_estimator(model.fit(X, y))
    assert display.bound is None
