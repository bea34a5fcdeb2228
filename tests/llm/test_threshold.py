# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import TunedThresholdClassifierCV

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import RedFlagClassifier
from skperf.llm._threshold import conformal_threshold


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
