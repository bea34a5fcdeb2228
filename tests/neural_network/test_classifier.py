# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

torch = pytest.importorskip("torch")

from skperf.neural_network import TorchClassifier

# The loss is quadratic around its minimum: weights are as exact as the square root of
# the loss, which rounding keeps above 1e-16.
TIGHT = {"tol": 1e-15, "l2_penalty": 0.05, "random_state": 0}


def make_net(n_inputs, n_outputs, hidden=4):
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        torch.nn.Tanh(),
        torch.nn.Linear(hidden, n_outputs),
    )


def logistic_regression(n_samples):
    """Return scikit-learn's minimizer of the same mean loss and penalty."""
    penalty = TIGHT["l2_penalty"]
    return LogisticRegression(C=1 / (penalty * n_samples), tol=1e-9, max_iter=1000)


def test_two_classes_equal_logistic_regression(labeled):
    X, y = labeled
    ours = TorchClassifier(**TIGHT).fit(X, y)
    theirs = logistic_regression(len(y)).fit(X, y)
    assert_allclose(ours.module_.weight.detach(), theirs.coef_, atol=1e-6)
    assert_allclose(ours.module_.bias.detach(), theirs.intercept_, atol=1e-6)
    assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-5)


def test_more_classes_equal_logistic_regression():
    X, y = load_iris(return_X_y=True)
    ours = TorchClassifier(**TIGHT).fit(X, y)
    theirs = logistic_regression(len(y)).fit(X, y)
    assert ours.decision_function(X).shape == (150, 3)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    assert_array_equal(ours.predict(X), theirs.predict(X))


def test_weights_equal_logistic_regression(labeled):
    X, y = labeled
    weight = np.random.default_rng(0).uniform(0, 3, len(y))
    ours = TorchClassifier(**TIGHT).fit(X, y, weight)
    theirs = logistic_regression(weight.sum()).fit(X, y, weight)
    assert_allclose(ours.module_.weight.detach(), theirs.coef_, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_responses_agree_with_each_other(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], np.array(["a", "b", "c"])[y[y < n_classes]]
    clf = TorchClassifier(l2_penalty=0.01, random_state=0).fit(X, y)
    proba = clf.predict_proba(X)
    assert proba.shape == (len(y), n_classes)
    assert_allclose(proba.sum(axis=1), 1)
    assert_allclose(clf.predict_log_proba(X), np.log(proba))
    assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
    if n_classes == 2:
        assert_allclose(expit(clf.decision_function(X)), proba[:, 1])


def test_log_probabilities_do_not_underflow():
    X = np.array([[-1.0], [1.0]])
    module = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(module.weight, 1e4)
    torch.nn.init.zeros_(module.bias)
    # a gradient of 0, so that training leaves the weights as they are
    clf = TorchClassifier(module).fit(X, [0, 1])
    assert_allclose(clf.predict_log_proba(X), [[0, -1e4], [-1e4, 0]], atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_squared_error_of_probabilities(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], y[y < n_classes]
    clf = TorchClassifier(loss="squared_error", optimizer="sgd", random_state=0)
    clf.partial_fit(X, y, classes=np.arange(n_classes))
    clf.set_params(optimizer__lr=0.0).partial_fit(X, y)  # the loss where it stands
    error = clf.predict_proba(X) - np.eye(n_classes)[y]
    error = error[:, 1:] if n_classes == 2 else error
    assert clf.loss_curve_[-1] == pytest.approx(0.5 * (error**2).sum(axis=1).mean())


def test_callable_loss_gets_logits_and_encoded_targets(labeled):
    X, y = labeled
    labels = np.array(["no", "yes"])[y]
    loss = torch.nn.BCEWithLogitsLoss(reduction="none")
    named = TorchClassifier(**TIGHT).fit(X, labels)
    called = TorchClassifier(loss=loss, **TIGHT).fit(X, labels)
    assert_array_equal(called.predict_proba(X), named.predict_proba(X))


def test_callable_loss_of_more_classes():
    X, y = (part[::3] for part in load_iris(return_X_y=True))
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    named = TorchClassifier(**TIGHT).fit(X, y)
    called = TorchClassifier(loss=loss, **TIGHT).fit(X, y)
    assert_array_equal(called.predict_proba(X), named.predict_proba(X))


def test_loss_curve_holds_the_penalized_loss(labeled):
    X, y = labeled
    clf = TorchClassifier(make_net, l2_penalty=0.01, random_state=0).fit(X, y)
    squares = sum(
        p.square().sum().item()
        for name, p in clf.module_.named_parameters()
        if name.endswith("weight")
    )
    risk = log_loss(y, clf.predict_proba(X)) + 0.005 * squares
    assert clf.loss_curve_[-1] == pytest.approx(risk, abs=1e-9)
    assert np.all(np.diff(clf.loss_curve_) <= 0)


def test_biases_are_not_penalized(labeled):
    X, y = labeled
    y = np.where(np.arange(len(y)) % 4 == 0, y, 1)
    clf = TorchClassifier(l2_penalty=1e6, random_state=0).fit(X, y)
    # without weights the best logit is that of the share of ones
    assert_allclose(clf.predict_proba(X)[:, 1], y.mean(), atol=1e-4)


def test_one_class_is_refused(labeled):
    with pytest.raises(ValueError, match=r"at least 2 classes .* got 1 class: \[7\]"):
        TorchClassifier().fit(labeled[0], np.full(200, 7))


def test_partial_fit_needs_classes_once(labeled):
    X, y = labeled
    clf = TorchClassifier(random_state=0)
    with pytest.raises(ValueError, match="needs classes"):
        clf.partial_fit(X, y)
    clf.partial_fit(X[y == 0], y[y == 0], classes=[0, 1, 2])
    clf.partial_fit(X, y)
    assert clf.predict_proba(X).shape == (200, 3)
    assert clf.n_iter_ == 2
    with pytest.raises(ValueError, match="not those of the fitted"):
        clf.partial_fit(X, y, classes=[0, 1])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_unknown_labels_are_refused_and_change_nothing(labeled, method):
    X, y = labeled
    clf = TorchClassifier(warm_start=True, random_state=0).fit(X, y)
    before = clf.predict_proba(X)
    with pytest.raises(ValueError, match=r"labels \[2\]"):
        getattr(clf, method)(X, np.where(y == 1, 2, y))
    assert_array_equal(clf.predict_proba(X), before)


def test_warm_start_may_miss_a_class(labeled):
    X, y = labeled
    clf = TorchClassifier(optimizer="adam", max_iter=2, tol=1, n_iter_no_change=1)
    clf.set_params(warm_start=True, random_state=0).fit(X, y)
    assert_array_equal(clf.fit(X[y == 1], y[y == 1]).classes_, [0, 1])
