# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import RedFlagClassifier
from skperf.llm._text_score import fit_intercept, fit_text_score


def test_the_middle_between_the_classes():
    scores, flagged = np.array([1.0, 3.0, -4.0, -8.0]), np.array([1, 1, 0, 0])
    assert fit_intercept(scores, flagged, np.ones(4)) == 2
    weight = np.array([3.0, 1.0, 0.0, 9.0])  # means 1.5 and -8
    assert fit_intercept(scores, flagged, weight) == 3.25


def test_it_is_the_boundary_of_discriminant_analysis():
    rng = np.random.default_rng(0)
    scores, flagged = rng.normal(size=200), np.arange(200) % 10 == 0
    scores[flagged] += 3
    model = LinearDiscriminantAnalysis(priors=[0.5, 0.5])
    model.fit(scores[:, None], flagged)
    intercept = fit_intercept(scores, flagged, np.ones(200))
    boundary = -model.intercept_[0] / model.coef_[0, 0]
    assert -intercept == pytest.approx(boundary)


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


@pytest.mark.parametrize("aggregate", ["mean", "max", "shrunk_mean", np.median])
def test_few_flagged_texts(handle, posts, aggregate):
    """Three in 33: positions are never sure, and without an intercept none is found."""
    X, y = posts
    learn = np.r_[np.flatnonzero(y == 1)[:3], np.flatnonzero(y == 0)]
    clf = RedFlagClassifier(handle, aggregate=aggregate)
    clf.fit([X[i] for i in learn], y[learn])
    others = [X[i] for i in np.flatnonzero(y == 1)[3:]]
    recall = clf.predict(others).mean()
    without = np.mean(clf.decision_function(others) > clf.text_intercept_)
    assert recall > 0.45
    if aggregate == "mean":
        assert without < 0.1


def test_weights_of_classes_do_not_move_the_boundary_by_themselves(handle, posts):
    """They are the price of the flag in the language model, not the decision."""
    X, y = posts
    plain = RedFlagClassifier(handle).fit(X, y)
    priced = RedFlagClassifier(handle, class_weight={0: 50}).fit(X, y)
    assert priced.kl_to_base_ < plain.kl_to_base_ / 4
    assert (priced.transform(X)[:, 0] > 0).mean() < 0.1
    assert priced.score(X, y) > 0.7
