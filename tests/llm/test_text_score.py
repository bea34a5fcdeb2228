# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import RedFlagClassifier
from skperf.llm._text_score import fit_intercept, fit_text_score

ROWS = st.tuples(st.floats(-60, 60), st.booleans(), st.floats(0.01, 50))


@given(st.lists(ROWS, min_size=2))
def test_the_expected_number_is_the_true_one(rows):
    """The condition for the least log loss, also where classes are far apart."""
    scores, flagged, weight = (np.array(column) for column in zip(*rows, strict=True))
    if 0 < flagged.sum() < len(rows):
        intercept = fit_intercept(scores, flagged, weight)
        expected = weight @ expit(scores + intercept)
        assert expected == pytest.approx(weight @ flagged, rel=1e-6, abs=1e-9)


def test_equal_scores_get_the_log_odds_of_the_share():
    intercept = fit_intercept(np.full(10, 3.0), np.arange(10) < 2, np.ones(10))
    assert intercept == pytest.approx(np.log(2 / 8) - 3)


def test_it_is_the_intercept_of_logistic_regression():
    """With scores that need no slope but 1: drawn by the very model."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=50_000)
    flagged = rng.uniform(size=50_000) < expit(scores - 2)
    model = LogisticRegression(C=np.inf).fit(scores[:, None], flagged)
    # the slope's standard error is about 0.015
    assert model.coef_[0, 0] == pytest.approx(1, abs=0.06)
    intercept = fit_intercept(scores, flagged, np.ones(50_000))
    assert intercept == pytest.approx(model.intercept_[0], abs=0.06)


def test_the_center_is_a_median_of_unflagged_positions():
    scores = [np.array([5.0, 1.0]), np.array([3.0]), np.array([9.0, 9.0, 9.0, 9.0])]
    flagged = np.array([0, 0, 1])
    alike = fit_text_score("mean", 8, scores, flagged, np.ones(3))
    assert alike.center == 3
    heavy = fit_text_score("mean", 8, scores, flagged, np.array([1.0, 3.0, 1.0]))
    copies = fit_text_score(
        "mean",
        8,
        [*scores, scores[1], scores[1]],
        np.array([0, 0, 1, 0, 0]),
        np.ones(5),
    )
    assert heavy == pytest.approx(copies)


def test_texts_are_flagged_as_often_as_they_should(handle, posts):
    """Whatever the aggregate: the expected share of the training texts is the true."""
    X, y = posts
    few = np.flatnonzero((y == 0) | (np.arange(60) < 12))
    X, y = [X[i] for i in few], y[few]
    for aggregate in ("mean", "max", "cusum", "shrunk_mean", np.median):
        clf = RedFlagClassifier(handle, aggregate=aggregate).fit(X, y)
        assert clf.predict_proba(X)[:, 1].mean() == pytest.approx(y.mean())
