# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""scikit-learn's callbacks: the minimizers' progress bar and early stopping."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import ResampleIfRejected

X, Y = make_classification(200, 5, random_state=0)


class Recorder:
    """Notes every event, and asks to stop after task `stop_at`."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context):
        self.events.append(f"end {context.task_name} {context.task_id}")
        return context.task_name == "retrain" and context.task_id == self.stop_at


@pytest.fixture(params=[RepeatedRiskMinimizer, AffineRiskMinimizer])
def minimizer(request):
    return request.param(LogisticRegression(), ResampleIfRejected(0.2), tol=1e-3)


def test_events(minimizer):
    recorder = Recorder()
    minimizer.set_callbacks(recorder).fit(X, Y)
    rounds = range(1, minimizer.n_iter_ + 1)
    assert recorder.events == [
        "setup",
        "begin fit 0",
        *("begin fit 0", "end fit 0"),  # the first model
        *(f"{when} retrain {i}" for i in rounds for when in ("begin", "end")),
        "end fit 0",
        "teardown",
    ]


def test_events_of_partial_fit(minimizer):
    recorder = Recorder()
    minimizer.set_callbacks(recorder).partial_fit(X, Y)
    assert recorder.events[2:4] == ["begin fit 0", "end fit 0"]
    recorder.events.clear()
    minimizer.partial_fit(X, Y)
    assert recorder.events[1:-1] == [
        *("begin fit 0", "begin retrain 0", "end retrain 0", "end fit 0")
    ]


def test_teardown_after_failure(minimizer, monkeypatch):
    recorder = Recorder()

    def fail(self, X, y, sample_weight=None):
        raise RuntimeError("out of paper")

    monkeypatch.setattr(LogisticRegression, "fit", fail)
    with pytest.raises(RuntimeError, match="out of paper"):
        minimizer.set_callbacks(recorder).fit(X, Y)
    assert recorder.events[-1] == "teardown"


@pytest.mark.parametrize("stop_at", [1, 3])
def test_stopping_early(minimizer, stop_at):
    """A stop that was asked for needs no warning."""
    minimizer.set_params(tol=0).set_callbacks(Recorder(stop_at))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        minimizer.fit(X, Y)
    assert minimizer.n_iter_ == stop_at
    assert len(minimizer.history_["n_fits"]) == stop_at
    assert not minimizer.converged_
    assert np.isfinite(minimizer.stability_residual_)


def test_scoring_monitor_scores_every_model(minimizer):
    monitor = ScoringMonitor(scoring="neg_log_loss")
    minimizer.set_params(tol=2e-5).set_callbacks(monitor).fit(X, Y)
    rows = {row["task_id_path"]: row for row in monitor.get_logs().data}
    whole = rows.pop((0,))
    scores = [row["neg_log_loss"] for row in rows.values()]
    assert len(scores) == minimizer.n_iter_ + 1 >= 4
    assert len(set(scores)) == len(scores)
    first = LogisticRegression().fit(X, Y)
    assert scores[0] == pytest.approx(-log_loss(Y, first.predict_proba(X)))
    last = -log_loss(Y, minimizer.predict_proba(X))
    assert scores[-1] == whole["neg_log_loss"] == pytest.approx(last)


def test_scoring_monitor_gets_sample_weight(minimizer):
    weights = np.linspace(0.1, 2, 200)
    monitor = ScoringMonitor(scoring="neg_log_loss")
    minimizer.set_callbacks(monitor).fit(X, Y, sample_weight=weights)
    score = monitor.get_logs().data[0]["neg_log_loss"]
    expected = -log_loss(Y, minimizer.predict_proba(X), sample_weight=weights)
    assert score == pytest.approx(expected)


def test_progress_bar(minimizer, capsys):
    pytest.importorskip("rich")
    minimizer.set_callbacks(ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    assert f"{type(minimizer).__name__} - fit" in shown
    assert f"retrain | LogisticRegression - fit #{minimizer.n_iter_}" in shown
    assert "100%" in shown


def test_callbacks_change_nothing(minimizer):
    plain = clone(minimizer).fit(X, Y)
    watched = minimizer.set_callbacks(ScoringMonitor(scoring="accuracy")).fit(X, Y)
    assert_array_equal(watched.predict_proba(X), plain.predict_proba(X))
    assert watched.n_iter_ == plain.n_iter_


def test_callbacks_nested_in_a_search(minimizer):
    monitor = ScoringMonitor(scoring="neg_log_loss")
    minimizer.set_callbacks(monitor)
    grid = {"shift__delta": [0.2, 0.5], "estimator__C": [0.1, 1.0]}
    search = GridSearchCV(minimizer, grid, cv=2).fit(X, Y)
    rows = monitor.get_logs().data
    runs = {}
    for row in rows:
        runs.setdefault(row["parent_task_id_path"], []).append(row["neg_log_loss"])
    # four candidates on two folds and the refit: each tells all its models
    paths = [path for path in runs if len(path) == 3] + [(0, 1)]
    assert len(paths) == 4 * 2 + 1
    assert len(runs[0, 1]) == search.best_estimator_.n_iter_ + 1
    assert all(len(set(runs[path])) == len(runs[path]) >= 2 for path in paths)


def test_callbacks_of_the_wrapped_estimator():
    """They hear of every round, and are shared, not copied with the model."""
    recorder = Recorder()
    estimator = LogisticRegression().set_callbacks(recorder)
    model = RepeatedRiskMinimizer(estimator, ResampleIfRejected(0.2), tol=1e-3)
    model.fit(X, Y)
    assert recorder.events.count("setup") == model.n_iter_ + 1
    assert recorder.events.count("teardown") == model.n_iter_ + 1
