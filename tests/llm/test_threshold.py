# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import RedFlagClassifier
from skperf.utils._conformal import conformal_threshold


@pytest.mark.parametrize(("n_texts", "target_fpr"), [(19, 0.05), (30, 0.1), (100, 0.2)])
def test_the_guarantee(n_texts, target_fpr):
    """The chance of a false flag is 1 - k / (n + 1) for continuous scores.

    Over 20,000 draws its estimate has a standard error below 0.003.
    """
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, n_texts))
    thresholds = np.array([conformal_threshold(s, target_fpr) for s in scores])
    false = np.mean(rng.normal(size=20_000) > thresholds)
    assert false <= target_fpr + 0.01
    assert false >= target_fpr - 1 / (n_texts + 1) - 0.01


def test_ties_are_on_the_safe_side():
    assert np.mean(np.zeros(50) > conformal_threshold(np.zeros(50), 0.1)) == 0


def test_the_least_number_of_texts():
    assert conformal_threshold(np.arange(19.0), 0.05) == 18
    with pytest.raises(ValueError, match="at least 19 harmless texts; got 18"):
        conformal_threshold(np.arange(18.0), 0.05)
    with pytest.raises(ValueError, match="at least 99 harmless texts; got 50"):
        conformal_threshold(np.arange(50.0), 0.01)


def test_predict_uses_the_threshold(handle, posts):
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X[:20], y[:20])
    assert clf.threshold_ == 0
    benign = [text for text, label in zip(X[20:], y[20:], strict=True) if label == 0]
    assert clf.fit_threshold(benign, target_fpr=0.2) is clf
    scores = clf.decision_function(benign)
    # of n = 20 scores the k-th smallest, k = ceil(21 * 0.8) = 17
    assert clf.threshold_ == np.sort(scores)[16]
    np.testing.assert_array_equal(clf.predict(benign), scores > clf.threshold_)
    assert clf.predict(benign).sum() == 3
    assert clf.fit(X, y).threshold_ == 0


def ever_flagged(clf, rows):
    """Whether a stream of each row is flagged after any of its tokens."""
    flagged = []
    for row in rows:
        prompt, text = row if isinstance(row, tuple) else (None, row)
        monitor = clf.stream(prompt)
        ever = False
        for word in text.split():
            monitor.push(f"{word} ")
            ever |= monitor.flagged
        assert monitor.flagged == ever
        flagged.append(ever)
    return np.array(flagged)


@pytest.mark.parametrize("aggregate", ["window", "shrunk_mean"])
def test_looks_at_every_token(handle, posts, aggregate):
    """Predictions, and streams that are looked at all the time, agree."""
    X, y = posts
    clf = RedFlagClassifier(handle, aggregate=aggregate, window=3).fit(X[:20], y[:20])
    benign = [text for text, label in zip(X[20:], y[20:], strict=True) if label == 0]
    clf.fit_threshold(benign, target_fpr=0.2, looks="every")
    highest = np.array([scores.max() for scores in clf.score_prefixes(benign)])
    assert clf.threshold_ == np.sort(highest)[16]
    assert clf.predict(benign).sum() == 3
    once = clf.threshold_
    clf.threshold_ += 1e-9  # a text that has this score is not to depend on rounding
    some = X[::4]
    np.testing.assert_array_equal(clf.predict(some) == 1, ever_flagged(clf, some))
    assert clf.fit_threshold(benign, target_fpr=0.2).threshold_ <= once


def test_many_looks_flag_more_at_a_threshold_for_one(handle, posts):
    """Which is why there is one for many."""
    X, y = posts
    clf = RedFlagClassifier(handle, aggregate="last").fit(X, y)
    benign = [text for text, label in zip(X, y, strict=True) if label == 0]
    once = clf.fit_threshold(benign, 0.2).threshold_
    many = np.mean([(s > once).any() for s in clf.score_prefixes(benign)])
    assert many > 0.4


def test_a_threshold_by_role(handle, posts):
    """Bare texts, prompts and answers have one each, told by the rows themselves."""
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X, y)
    clf.text_intercept_ = 0.0
    texts, prompts = X[:12], [(text, "") for text in X[12:24]]
    answers = [("we saw", text) for text in X[24:36]]
    rows = [*texts, *prompts, *answers]
    clf.fit_threshold(rows, target_fpr=0.1, by="role")
    scores = clf.decision_function(rows)
    expected = {
        "text": scores[:12].max(),
        "user": scores[12:24].max(),
        "assistant": scores[24:].max(),
    }
    assert clf.threshold_ == pytest.approx(expected)
    clf.threshold_ = {"text": -9.0, "user": 9.0, "assistant": 0.0}
    np.testing.assert_array_equal(
        clf.predict(rows), [1] * 12 + [0] * 12 + (scores[24:] > 0).tolist()
    )
    for row, flagged in zip(answers, scores[24:] > 0, strict=True):
        monitor = clf.stream(row[0])
        monitor.push(row[1])
        assert monitor.flagged == flagged
    monitor = clf.stream()
    monitor.push("the hero")
    assert monitor.flagged


def test_a_threshold_by_kind(handle, posts):
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X, y)
    kinds = np.repeat(["film", "book"], 30)
    clf.fit_threshold(X, 0.1, by=kinds)
    scores = clf.decision_function(X)
    for kind in ("film", "book"):
        of_kind = np.sort(scores[kinds == kind])
        assert clf.threshold_[kind] == of_kind[27]  # ceil(31 * 0.9) = 28
        np.testing.assert_array_equal(
            clf.predict(X, kinds=[kind] * 60), scores > clf.threshold_[kind]
        )
    clf.threshold_ = {"film": -99.0, "book": 99.0}
    for kind, flagged in (("film", True), ("book", False)):
        monitor = clf.stream("we saw", kind=kind)
        monitor.push("the hero dies")
        assert monitor.flagged == flagged
        criterion = clf.stopping_criteria(torch.tensor([[4, 5]]), kind=kind)
        assert criterion(torch.tensor([[4, 5, 6]]), None).tolist() == [flagged]
    for call in (
        lambda: clf.predict(X),
        lambda: clf.stream(),
        lambda: clf.predict(X, kinds=["play"] * 60),
    ):
        with pytest.raises(ValueError, match=r"\['book', 'film'\]"):
            call()


def test_kinds_by_metadata_routing(handle, posts):
    X, y = posts
    kinds = np.repeat(["film", "book"], 30)
    clf = RedFlagClassifier(handle).fit(X, y).fit_threshold(X, 0.1, by=kinds)
    with sklearn.config_context(enable_metadata_routing=True):
        clf.set_predict_request(kinds=True)
        pipe = make_pipeline(FunctionTransformer(), clf)
        routed = pipe.predict(X, kinds=kinds)
    np.testing.assert_array_equal(routed, clf.predict(X, kinds=kinds))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"looks": "often"}, "'last' or 'every'; got 'often'"),
        ({"by": "kind"}, "'role' or an array of names; got 'kind'"),
        ({"by": [1] * 60}, "should be names"),
        ({"by": ["a", "b"]}, "inconsistent"),
        ({"by": ["a"] * 55 + ["b"] * 5}, "kind 'b': .* at least 9 .* got 5"),
    ],
)
def test_thresholds_that_cannot_be_set(handle, posts, options, words):
    clf = RedFlagClassifier(handle).fit(*posts)
    with pytest.raises(ValueError, match=words):
        clf.fit_threshold(posts[0], 0.1, **options)
    assert clf.threshold_ == 0
    with pytest.raises(ValueError, match="one threshold for all kinds"):
        clf.predict(posts[0], kinds=["a"] * 60)


def test_thresholds_are_saved(handle, posts, tmp_path):
    X, y = posts
    clf = RedFlagClassifier(handle, aggregate="cusum").fit(X, y)
    clf.fit_threshold(X, 0.1, looks="every", by="role").save(tmp_path / "flag")
    loaded = RedFlagClassifier(handle).load(tmp_path / "flag")
    assert loaded.threshold_ == clf.threshold_
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))
    np.testing.assert_array_equal(loaded.decision_function(X), clf.decision_function(X))


@pytest.mark.parametrize("target_fpr", [0, 1, -0.1])
def test_impossible_targets(handle, posts, target_fpr):
    clf = RedFlagClassifier(handle).fit(*posts)
    with pytest.raises(ValueError, match="between 0 and 1"):
        clf.fit_threshold(posts[0], target_fpr)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibration_of_a_frozen_classifier(handle, posts, method):
    X, y = posts
    clf = RedFlagClassifier(handle).fit(X[:30], y[:30])
    calibrated = CalibratedClassifierCV(FrozenEstimator(clf), method=method)
    calibrated.fit(X[30:], y[30:])
    assert calibrated.score(X, y) > 0.7


@pytest.mark.slow
def test_tuned_thresholds(handle, posts):
    tuned = TunedThresholdClassifierCV(RedFlagClassifier(handle), cv=3, scoring="f1")
    tuned.fit(*posts)
    assert tuned.score(*posts) > 0.7
    clf = RedFlagClassifier(handle).fit(*posts)
    frozen = TunedThresholdClassifierCV(clf, cv="prefit", refit=False).fit(*posts)
    assert 0 < frozen.best_threshold_ < 1


@pytest.mark.parametrize(
    "call",
    [
        lambda clf, X, y: clf.fit_threshold(X, y),
        lambda clf, X, y: clf.fit_threshold(X, np.array(y)),
        lambda clf, X, y: clf.fit_threshold(X, y, 0.1),
        lambda clf, X, y: clf.fit_threshold(X, y, target_fpr=0.1),
        lambda clf, X, y: clf.fit_threshold(X, y=y),
        lambda clf, X, y: clf.fit_threshold(X=X, y=y),
        lambda clf, X, y: clf.fit_threshold(X, alpha=0.1),
        lambda clf, X, y: clf.fit_threshold(X, "0.1"),
        lambda clf, X, y: clf.fit_threshold(),
    ],
)
def test_arguments_that_people_try(handle, posts, call):
    clf = RedFlagClassifier(handle).fit(*posts)
    words = r"(Harmless texts .* without labels: fit_threshold\(X_benign.*pos_label_\])"
    with pytest.raises(TypeError, match=words):
        call(clf, *posts)
    assert clf.threshold_ == 0
