# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which class people react to: told by its label, once, and kept."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.exceptions import PositiveClassWarning
from skperf.metrics import (
    induce,
    make_performative_scorer,
    performative_risk,
    stability_gap,
)
from skperf.shift import FunctionShift, Predictor, ResampleIfRejected
from skperf.shift._labels import _settled

X, Y = make_classification(300, 4, weights=[0.9], random_state=0)
BAD = np.where(Y == 1, "bad", "good")  # the bad class sorts first
SHIFT = ResampleIfRejected(0.1)


def fitted(labels):
    return GaussianNB().fit(X[: len(labels)], labels)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([0, 1], 1),
        ([1.0, 0.0], 1),
        ([False, True], True),
        ([-1, 1], 1),
        ([-1.0, 1.0], 1),
        ([0, 0], 1),  # a sample without one
        ([-1, -1], 1),
        ([False, False], True),
    ],
)
def test_usual_labels_tell(labels, expected):
    predictor = Predictor(fitted(np.array(labels)))
    assert predictor.pos_label == expected
    column = predictor.classes_.tolist().index(1) if 1 in predictor.classes_ else None
    proba = predictor.estimator.predict_proba(X)
    seen = np.zeros(300) if column is None else proba[:, column]
    assert_array_equal(predictor(X), seen)


@pytest.mark.parametrize(
    "labels", [["bad", "good"], [1, 2], [0, 2], [0, 1, 2], ["0", "1"], ["only"]]
)
def test_other_labels_do_not(labels):
    with pytest.warns(PositiveClassWarning, match=r"do not say which.*Pass pos_label"):
        predictor = Predictor(fitted(labels))
    assert predictor.pos_label == labels[-1]


@pytest.mark.parametrize("asked", ["bad", "good"])
def test_what_is_asked_for(asked):
    model = LogisticRegression().fit(X, BAD)
    predictor = Predictor(model, pos_label=asked)
    column = ["bad", "good"].index(asked)
    assert_array_equal(predictor(X), model.predict_proba(X)[:, column])


def test_only_a_search_that_has_refitted_is_asked():
    """Whatever else has a best estimator is not one."""
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, refit=False)
    assert _settled(search.fit(X, Y)) is None
    model = LogisticRegression()
    model.best_estimator_ = RepeatedRiskMinimizer(LogisticRegression(), SHIFT)
    model.best_estimator_.fit(X, Y)
    assert _settled(model) is None


def test_the_alphabet_rejects_nobody():
    """One law, whatever the labels are called."""
    named = {"names": (BAD, "bad"), "turned": (np.where(Y == 1, "x", "a"), "x")}
    plain = RepeatedRiskMinimizer(LogisticRegression(), SHIFT).fit(X, Y)
    for labels, pos_label in named.values():
        model = RepeatedRiskMinimizer(
            LogisticRegression(), SHIFT, pos_label=pos_label
        ).fit(X, labels)
        column = list(model.classes_).index(pos_label)
        # the solver works on labels in another order
        proba = model.predict_proba(X)[:, column]
        assert_allclose(proba, plain.predict_proba(X)[:, 1], rtol=0, atol=1e-5)
        assert model.pos_label_ == pos_label
    assert plain.pos_label_ == 1
    with pytest.warns(PositiveClassWarning):
        RepeatedRiskMinimizer(LogisticRegression(), SHIFT).fit(X, BAD)


# Once for a path


MONTHS = ["abc", "bc", "cd", "abd"]


def month(letters, seed):
    rng = np.random.default_rng(seed)
    y = np.array(list(letters))[np.arange(60) % len(letters)]
    return rng.normal(size=(60, 2)) + np.unique(y, return_inverse=True)[1][:, None], y


@pytest.mark.parametrize("pos_label", ["a", "b", "c", None])
@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("minimizer", [RepeatedRiskMinimizer, AffineRiskMinimizer])
def test_months_without_a_class(minimizer, crash, pos_label):
    """The first month says who is meant; a model without the class predicts 0."""
    settings = {"window": 1} if minimizer is AffineRiskMinimizer else {}
    model = minimizer(GaussianNB(), pos_label=pos_label, **settings)
    meant, seen = pos_label or "c", []
    for number, letters in enumerate(MONTHS):
        if number == 0 and pos_label is None:
            with pytest.warns(PositiveClassWarning):
                model.partial_fit(*month(letters, number))
        else:
            model.partial_fit(*month(letters, number))
        if crash:
            model = pickle.loads(pickle.dumps(model))
        assert model.pos_label_ == meant
        base = month("abc", 0)[0]
        classes = list(model.classes_)
        proba = model.predict_proba(base)
        seen.append(
            proba[:, classes.index(meant)] if meant in classes else 0 * base[:, 0]
        )
    gaps = np.sqrt(np.mean(np.diff(seen, axis=0) ** 2, axis=1))
    assert_allclose(model.history_["prediction_gap"], gaps, rtol=1e-12)


def test_a_month_without_a_default():
    """0 and 1 need no month that has both."""
    y = (X[:, 0] > np.quantile(X[:, 0], 0.9)).astype(int)
    model = RepeatedRiskMinimizer(RandomForestClassifier(10, random_state=0))
    model.partial_fit(X, y)
    before = model.predict_proba(X)[:, 1]
    model.partial_fit(X, np.zeros(300, int))
    # people see 0 from a model that knows no default
    gap = np.sqrt(np.mean(before**2))
    assert model.history_["prediction_gap"][0] == pytest.approx(gap)
    assert model.pos_label_ == 1


def test_a_class_is_lost_in_a_simulation():
    def react(X, y, y_pred, random_state):
        seen.append(y_pred)
        return X[y == 0], y[y == 0]

    seen = []
    model = RepeatedRiskMinimizer(
        GaussianNB(), FunctionShift(react), max_iter=3, tol=0.0, random_state=0
    )
    model.fit(X, Y)
    assert seen[0].max() > 0.5
    assert_array_equal(seen[1], 0)


def test_no_score_of_a_class_that_was_not_learnt():
    model = RepeatedRiskMinimizer(
        RidgeClassifier(), response_method="decision_function", pos_label="a"
    )
    model.partial_fit(*month("abc", 0))
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=r"no score of the class 'a'.*only \['b', 'c'"):
        model.partial_fit(*month("bc", 1))
    assert pickle.dumps(model) == before


# Metrics, searches and pipelines take it from a fitted minimizer


@pytest.fixture
def minimizer():
    model = RepeatedRiskMinimizer(
        LogisticRegression(tol=1e-10, max_iter=1000),
        SHIFT,
        pos_label="bad",
        tol=1e-8,
        max_iter=200,
    )
    return model.fit(X, BAD)


def wrapped(minimizer):
    pipeline = make_pipeline(StandardScaler(), minimizer).fit(X, BAD)
    search = GridSearchCV(minimizer, {"estimator__C": [1.0]}, cv=2).fit(X, BAD)
    return {"alone": minimizer, "pipeline": pipeline, "search": search}


@pytest.mark.parametrize("name", ["alone", "pipeline", "search"])
def test_metrics_take_it_from_a_fitted_minimizer(minimizer, name):
    model = wrapped(minimizer)[name]
    told = performative_risk(model, SHIFT, X, BAD, pos_label="bad")
    assert performative_risk(model, SHIFT, X, BAD) == told
    assert told != performative_risk(model, SHIFT, X, BAD, pos_label="good")
    scorer = make_performative_scorer("neg_log_loss", SHIFT)
    assert scorer(model, X, BAD) == pytest.approx(-told, rel=1e-12)
    assert_array_equal(
        induce(model, SHIFT, X, BAD).sample_weight,
        induce(model, SHIFT, X, BAD, pos_label="bad").sample_weight,
    )


def test_a_stable_model_is_stable_to_the_metric(minimizer):
    # risk is quadratic around the optimum, the model is stable to 1e-8
    assert abs(stability_gap(minimizer, SHIFT, X, BAD)) < 1e-9
    with pytest.warns(PositiveClassWarning):
        gap = stability_gap(minimizer.estimator_, SHIFT, X, BAD)
    assert gap > 1e-4


def test_metrics_take_the_response_of_a_fitted_minimizer():
    shift = ResampleIfRejected(0.3, resampling="common")
    model = RepeatedRiskMinimizer(
        LogisticRegression(), shift, response_method="predict", tol=1.0, random_state=0
    ).fit(X, Y)
    risk = performative_risk(model, shift, X, Y, random_state=0)
    asked = performative_risk(
        model.estimator_, shift, X, Y, response_method="predict", random_state=0
    )
    assert risk == asked
    assert risk != performative_risk(model.estimator_, shift, X, Y, random_state=0)


def test_the_warning_points_at_who_has_asked():
    model = LogisticRegression().fit([[0.0], [1.0]], ["bad", "good"])
    with pytest.warns(PositiveClassWarning) as caught:
        Predictor(model)
    assert [w.filename for w in caught] == [__file__]
