# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

"""Which class raises the flag is told by its label, in whatever order labels sort."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import make_scorer, recall_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.exceptions import PositiveClassWarning
from skperf.llm import LanguageModel, LoraTuning, RedFlagClassifier
from skperf.shift import Predictor

# The flagged label first, as the other kinds of the same labels sort.
NAMES = [("bad", "good"), ("harmful", "harmless"), ("attack", "benign"), (1, 2)]


def named(y, flagged, other):
    return np.where(np.asarray(y) == 1, flagged, other)


@pytest.fixture
def numbered(handle, posts):
    """Return a classifier of the same posts, whose labels are 0 and 1."""
    X, y = posts
    return RedFlagClassifier(handle).fit(X, y)


@pytest.mark.parametrize(
    ("names", "is_last"), list(zip(NAMES, [False, True] * 2, strict=True))
)
def test_any_order_of_labels(handle, posts, numbered, names, is_last):
    X, y = posts
    flagged, other = names[::-1] if is_last else names
    clf = RedFlagClassifier(handle, pos_label=flagged).fit(X, named(y, flagged, other))
    assert clf.classes_.tolist() == sorted([flagged, other])
    assert clf.pos_label_ == flagged
    assert_array_equal(clf.coef_, numbered.coef_)
    assert clf.kl_to_base_ == numbered.kl_to_base_
    assert_array_equal(clf.predict(X) == flagged, numbered.predict(X) == 1)
    assert_array_equal(clf.transform(X), numbered.transform(X))
    column = clf.classes_.tolist().index(flagged)
    proba = clf.predict_proba(X)
    assert_array_equal(proba[:, column], numbered.predict_proba(X)[:, 1])
    assert_allclose(proba.sum(axis=1), 1)
    # scikit-learn's scorers take decision_function to be large for classes_[1]
    sign = 1 if is_last else -1
    assert_array_equal(clf.decision_function(X), sign * numbered.decision_function(X))


def test_streams_and_thresholds_speak_of_the_flag(handle, posts, numbered):
    X, y = posts
    labels = named(y, "bad", "good")
    clf = RedFlagClassifier(handle, pos_label="bad").fit(X, labels)
    assert clf.stream().push(X[1]) == numbered.stream().push(X[1])
    harmless = [text for text, label in zip(X, y, strict=True) if label == 0]
    clf.fit_threshold(harmless, target_fpr=0.2)
    numbered.fit_threshold(harmless, target_fpr=0.2)
    assert clf.threshold_ == numbered.threshold_ != 0
    assert_array_equal(clf.predict(X) == "bad", numbered.predict(X) == 1)
    monitor, expected = clf.stream(), numbered.stream()
    for word in X[1].split():
        monitor.push(word)
        expected.push(word)
        assert monitor.flagged == expected.flagged


def test_generation_ends_where_the_bad_class_is_written(handle, posts, numbered):
    X, y = posts
    clf = RedFlagClassifier(handle, pos_label="bad").fit(X, named(y, "bad", "good"))
    ended = set()
    for text in X[:10]:
        tokens = handle.tokenizer([text], return_tensors="pt")["input_ids"]
        criteria = [one.stopping_criteria(tokens[:, :1]) for one in (clf, numbered)]
        for criterion in criteria:
            criterion(tokens, None)
        assert criteria[0].flagged == criteria[1].flagged
        ended |= set(criteria[0].flagged)
    assert ended == {False, True}


@pytest.mark.parametrize(
    "labels", [(0, 1), (-1, 1), (False, True), (0.0, 1.0), (np.int8(0), np.int8(1))]
)
def test_labels_that_say_it_themselves(handle, posts, numbered, labels):
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X, np.array(labels)[y])
    assert clf.pos_label_ == 1
    assert_array_equal(clf.decision_function(X), numbered.decision_function(X))


@pytest.mark.parametrize("labels", NAMES)
def test_labels_that_do_not_say_it_are_refused(handle, posts, labels):
    X, y = posts
    first, second = labels
    words = (
        rf"labels {first!r} and {second!r} do not say which class is flagged\. Pass "
        rf"pos_label.*pos_label={first!r} or pos_label={second!r}"
    )
    with pytest.raises(ValueError, match=words):
        RedFlagClassifier(handle).fit(X, named(y, *labels))


@pytest.mark.parametrize("pos_label", ["1", 2, "bad", -1, 0.5])
def test_a_label_that_is_not_there(handle, posts, pos_label):
    X, y = posts
    with pytest.raises(ValueError, match=r"is not a label of y\. Expected 0 or 1"):
        RedFlagClassifier(handle, pos_label=pos_label).fit(X, y)


def test_names_in_an_array_of_objects(handle, posts, numbered):
    X, y = posts
    labels = np.array(named(y, "bad", "good"), dtype=object)
    clf = RedFlagClassifier(handle, pos_label="bad").fit(X, labels)
    assert_array_equal(clf.predict(X) == "bad", numbered.predict(X) == 1)


def test_scorers_agree(handle, posts):
    X, y = posts
    labels = named(y, "bad", "good")
    clf = RedFlagClassifier(handle, pos_label="bad")
    named_auc = cross_val_score(clf, X, labels, cv=3, scoring="roc_auc")
    auc = cross_val_score(RedFlagClassifier(handle), X, y, cv=3, scoring="roc_auc")
    assert_allclose(named_auc, auc)
    recall = make_scorer(recall_score, pos_label="bad")
    search = GridSearchCV(clf, {"C": [0.1, 1]}, scoring=recall, cv=3).fit(X, labels)
    assert search.best_estimator_.pos_label_ == "bad"
    assert search.best_score_ > 0.6
    assert roc_auc_score(labels == "bad", search.predict_proba(X)[:, 0]) > 0.7


def test_class_weights_by_name(handle, posts):
    X, y = posts
    labels = named(y, "bad", "good")
    by_name = RedFlagClassifier(
        handle, pos_label="bad", class_weight={"bad": 3.0, "good": 1.0}
    ).fit(X, labels)
    by_number = RedFlagClassifier(handle, class_weight={1: 3.0, 0: 1.0}).fit(X, y)
    assert_array_equal(by_name.coef_, by_number.coef_)


def test_a_class_without_weight_is_named(handle, posts):
    X, y = posts
    clf = RedFlagClassifier(handle, pos_label="bad")
    with pytest.raises(ValueError, match="All texts of the class bad have weight 0"):
        clf.fit(X, named(y, "bad", "good"), sample_weight=1.0 - y)


def test_ensembles_that_number_the_labels_say_so(handle, posts):
    X, y = posts
    labels = named(y, "bad", "good")
    vote = VotingClassifier([("flag", RedFlagClassifier(handle, pos_label="bad"))])
    with pytest.raises(ValueError, match=r"VotingClassifier, hand on 0 and 1"):
        vote.fit(X, labels)
    vote = VotingClassifier([("flag", RedFlagClassifier(handle, pos_label=0))])
    expected = RedFlagClassifier(handle, pos_label="bad").fit(X, labels)
    assert_array_equal(vote.fit(X, labels).predict(X), expected.predict(X))


@pytest.mark.slow
def test_lora_flags_the_named_class(handle, posts):
    pytest.importorskip("peft")
    X, y = posts
    tuning = LoraTuning(n_epochs=1, n_layers=1, random_state=0)
    clf = RedFlagClassifier(handle, pos_label="bad", tuning=tuning)
    clf.fit(X, named(y, "bad", "good"))
    expected = RedFlagClassifier(handle, tuning=tuning).fit(X, y)
    assert_array_equal(clf.decision_function(X), -expected.decision_function(X))
    assert clf.drift_ == expected.drift_


def test_a_copy_of_the_model_flags_the_same(make_model, tokenizer, posts):
    """A label of another spelling changes nothing but the name."""
    X, y = posts
    handle = LanguageModel(make_model(), tokenizer)
    first = RedFlagClassifier(handle, pos_label="zzz").fit(X, named(y, "zzz", "aaa"))
    last = RedFlagClassifier(handle, pos_label="aaa").fit(X, named(y, "aaa", "zzz"))
    assert_array_equal(first.transform(X), last.transform(X))


def test_people_react_to_the_flag(handle, posts):
    X, y = posts
    clf = RedFlagClassifier(handle, pos_label="bad").fit(X, named(y, "bad", "good"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", PositiveClassWarning)
        assert_array_equal(Predictor(clf)(X), clf.predict_proba(X)[:, 0])
