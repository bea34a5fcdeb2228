# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How much the optimum would save, beside what it does save."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.metrics import optimality_gap, performative_risk
from skperf.shift import (
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    SelfFulfillingShift,
)

X, Y = make_classification(
    500, 4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
)
LOGISTIC = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)


@pytest.mark.parametrize(
    "shift",
    [
        ResampleIfRejected(0.1),
        ResampleIfRejected(0.1, strategic_features=[0, 1]),
        SelfFulfillingShift(0.3),
    ],
    ids=["whole rows", "columns", "self-fulfilling"],
)
def test_near_what_is_saved(shift):
    stable = RepeatedRiskMinimizer(LOGISTIC, shift, tol=1e-6, random_state=0)
    stable.fit(X, Y)
    best = PerformativeRiskMinimizer(
        LOGISTIC, shift, method="gradient", random_state=0
    ).fit(X, Y)
    saved = performative_risk(stable, shift, X, Y, random_state=0)
    saved -= best.performative_risk_
    estimate = optimality_gap(stable, shift, X, Y, random_state=0)
    assert saved > 1e-5
    assert_allclose(estimate, saved, rtol=0.3)
    assert optimality_gap(best, shift, X, Y, random_state=0) < 1e-6 * saved + 1e-12


def test_exact_for_a_parabola():
    """Least squares with a matrix of feedback."""
    rng = np.random.default_rng(0)
    X, y, A = rng.normal(size=(30, 3)), rng.normal(size=30), rng.normal(size=(30, 30))
    shift = OutcomeShift(A / 20)
    model = LinearRegression(fit_intercept=False).fit(X, y)
    B = (np.eye(30) - A / 20) @ X
    errors, least = y - B @ model.coef_, y - B @ np.linalg.lstsq(B, y, rcond=None)[0]
    expected = np.mean(errors**2) - np.mean(least**2)
    assert_allclose(optimality_gap(model, shift, X, y), expected, rtol=1e-6)


def test_a_torch_module():
    nn = pytest.importorskip("torch.nn")
    from skperf.neural_network import TorchClassifier

    shift = SelfFulfillingShift(0.3)
    linear = LOGISTIC.fit(X, Y)
    module = TorchClassifier(nn.Linear, tol=1e-12).fit(X, Y)
    assert_allclose(
        optimality_gap(module, shift, X, Y),
        optimality_gap(linear, shift, X, Y),
        rtol=1e-3,
    )


def reweigh(X, y, y_pred):
    return X, y, 1 - y_pred / 2


@pytest.mark.parametrize(
    ("model", "shift", "message"),
    [
        (DecisionTreeClassifier(), ResampleIfRejected(0.5), "neither a linear"),
        (LOGISTIC, FunctionShift(reweigh), "no pull-back"),
        (LOGISTIC, ResampleIfRejected(0.5, resampling="drawn"), "are drawn"),
        (LOGISTIC, ResampleIfRejected(0.5, resampling="common"), "are drawn"),
    ],
)
def test_refuses(model, shift, message):
    with pytest.raises(ValueError, match=message):
        optimality_gap(model.fit(X, Y), shift, X, Y)


def test_refuses_many_numbers():
    X = np.random.default_rng(0).normal(size=(10, 501))
    model = LinearRegression().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="at most 500 numbers"):
        optimality_gap(model, OutcomeShift(0.1), X, X[:, 0])


def test_refuses_where_the_risk_bends_downwards():
    """E(f - y')^2 = (f - y - a f)^2 + b^2 - (a f)^2 does so for a > 1/2."""
    X, y = np.ones((2, 1)), np.array([0.1, 0.1])
    model = LinearRegression(fit_intercept=False).fit(X, y)
    with pytest.raises(ValueError, match="bends downwards"):
        optimality_gap(model, OutcomeShift(0.8, spread=2.0), X, y)


def test_labels_that_the_model_has_never_seen_are_refused():
    X, y = make_classification(200, random_state=0)
    model = LogisticRegression().fit(X, y)
    y[:20] = 2
    with pytest.raises(ValueError, match="labels that the model has never seen"):
        optimality_gap(model, ResampleIfRejected(0.4), X, y, pos_label=1)
