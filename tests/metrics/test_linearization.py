# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The derivative of one retraining, beside closed forms and retraining itself."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skperf import RepeatedRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.metrics import (
    ContractionRadius,
    contraction_radius,
    contraction_rate,
    induce,
)
from skperf.shift import (
    FunctionShift,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    ResampleIfRejected,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
)

X, Y = make_classification(
    200, 4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
)
EXACT = {"solver": "newton-cholesky", "tol": 1e-12}
LOGISTIC = LogisticRegression(**EXACT)


def stretch(X, y, y_pred):
    """Move features by as much as people are told, so that scalers are others."""
    return X * (1 + y_pred[:, None]), y


@pytest.mark.parametrize("rate", [0.7, -1.3])
def test_least_squares_multiply_by_the_feedback(rate):
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    model = LinearRegression().fit(rows, targets)
    contraction = contraction_radius(model, OutcomeShift(rate), rows, targets)
    assert_allclose(contraction.radius, abs(rate), rtol=1e-8)
    assert_allclose(contraction.eigenvalues, np.full(8, rate), rtol=1e-8)


def test_ridge_shrinks_it():
    """y + A f is regressed on X: (X'X + alpha)^-1 X'A X."""
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(30, 3)), rng.normal(size=30)
    A = rng.normal(size=(30, 30)) / 5
    model = Ridge(4.0, fit_intercept=False).fit(rows, targets)
    derivative = np.linalg.solve(rows.T @ rows + 4 * np.eye(3), rows.T @ A @ rows)
    expected = np.abs(np.linalg.eigvals(derivative)).max()
    found = contraction_radius(model, OutcomeShift(A), rows, targets)
    assert_allclose(found.radius, expected, rtol=1e-7)


def test_logistic_regression_on_labels_that_come_true():
    """O17: H = X' f (1 - f) X + 1 / C and K = X' (1 - y) a f (1 - f) X."""
    shift = SelfFulfillingShift(0.6)
    model = RepeatedRiskMinimizer(LOGISTIC, shift, tol=1e-10, max_iter=60).fit(X, Y)
    f = model.predict_proba(X)[:, 1]
    rows = np.column_stack([X, np.ones(len(X))])
    bent = f * (1 - f)
    H = rows.T @ (bent[:, None] * rows) + np.diag([1, 1, 1, 1, 0])
    K = rows.T @ ((0.6 * (1 - Y) * bent)[:, None] * rows)
    expected = np.linalg.eigvals(np.linalg.solve(H, K))
    found = contraction_radius(model, shift, X, Y)
    assert_allclose(np.sort(found.eigenvalues), np.sort(expected), rtol=1e-6)
    gaps = model.history_["prediction_gap"]
    assert_allclose(found.radius, gaps[-1] / gaps[-2], rtol=1e-2)


@pytest.mark.parametrize(
    "estimator",
    [
        LOGISTIC,
        LogisticRegression(C=np.inf, **EXACT),
        make_pipeline(StandardScaler(), LogisticRegression(C=0.02, **EXACT)),
    ],
    ids=["penalty", "none", "behind a scaler"],
)
@pytest.mark.parametrize(
    "shift",
    [
        ResampleIfRejected(0.1),
        ResampleIfRejected(0.1, strategic_features=[0, 1]),
        StrategicResponse(0.4, responds=[1]),
        FunctionShift(stretch),
        ShiftPipeline(
            [("lie", StrategicResponse(0.2)), ("true", SelfFulfillingShift(0.4))]
        ),
    ],
    ids=["whole rows", "columns", "fraud", "function", "pipeline"],
)
def test_against_retraining_itself(estimator, shift):
    """Move the deployed model a little, retrain, and look at its scores."""
    model = clone(estimator).fit(X, Y)
    last = model[-1] if hasattr(model, "steps") else model
    rows = np.column_stack([X, np.ones(len(X))])

    def retrained(coef, intercept):
        last.coef_, last.intercept_ = coef[None], intercept
        sample = induce(model, shift, X, Y, random_state=0)
        weights = sample.sample_weight
        name = "logisticregression__sample_weight" if last is not model else None
        settings = {name or "sample_weight": weights}
        score = clone(estimator).fit(sample.X, sample.y, **settings)
        return score.decision_function(X)

    def raw(scores):
        return np.linalg.lstsq(rows, scores, rcond=None)[0]

    coef, intercept = last.coef_[0].copy(), last.intercept_.copy()
    found = contraction_radius(model, shift, X, Y, random_state=0)
    to_raw, columns = [], []
    for move in np.eye(5) * 1e-3:
        ends = []
        for sign in (1, -1):
            moved = coef + sign * move[:4], intercept + sign * move[4:]
            after = retrained(*moved)
            ends.append((raw(model.decision_function(X)), raw(after)))
        difference = np.subtract(*ends) / 2e-3
        to_raw.append(difference[0])
        columns.append(difference[1])
    derivative = np.linalg.solve(np.array(to_raw), np.array(columns))
    expected = np.abs(np.linalg.eigvals(derivative)).max()
    # differences over 1e-3 err by its square, a millionth, and by fits of 1e-12
    assert_allclose(found.radius, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
@pytest.mark.download
@pytest.mark.parametrize(("columns", "rate"), [(None, -0.2072), ([0, 5, 7], -0.133)])
def test_credit_data(columns, rate):
    """People who are rejected defeat the model: the record and the derivative agree."""
    rows, labels = fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)
    shift = ResampleIfRejected(0.1, strategic_features=columns)
    model = RepeatedRiskMinimizer(LOGISTIC, shift, tol=1e-8, random_state=0)
    model.fit(rows, labels)
    measured = contraction_rate(model.history_)
    local = contraction_radius(model, shift, rows, labels, random_state=0)
    assert measured.sign == -1
    assert_allclose([measured.rate, local.eigenvalues[0].real], rate, atol=1.5e-3)


@pytest.mark.parametrize("convert", [pd.DataFrame, sparse.csr_array])
def test_other_tables(convert):
    shift = ResampleIfRejected(0.2)
    expected = contraction_radius(LOGISTIC.fit(X, Y), shift, X, Y).radius
    table = convert(X)
    found = contraction_radius(clone(LOGISTIC).fit(table, Y), shift, table, Y).radius
    assert_allclose(found, expected, rtol=1e-6)


def test_several_classes():
    """A softmax has one output too many, in whose direction nothing is bent."""
    rows, labels = make_classification(
        200, 4, n_informative=4, n_redundant=0, n_classes=3, random_state=0
    )
    model = RepeatedRiskMinimizer(
        LogisticRegression(**EXACT), ResampleIfRejected(0.1), pos_label=2, tol=1e-9
    ).fit(rows, labels)
    found = contraction_radius(model, ResampleIfRejected(0.1), rows, labels)
    gaps = model.history_["prediction_gap"]
    # there is one of 0.20 with the other sign beside it
    assert_allclose(found.radius, np.sqrt(gaps[-1] / gaps[-3]), rtol=0.1)


def test_columns_of_very_different_size():
    shift = ResampleIfRejected(0.1)
    sizes = np.array([1e3, 1.0, 1e-2, 10.0])
    free = LogisticRegression(C=np.inf, **EXACT)
    expected = contraction_radius(clone(free).fit(X, Y), shift, X, Y).radius
    model = clone(free).fit(X * sizes, Y)
    found = contraction_radius(model, shift, X * sizes, Y).radius
    assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("window", "rate", "expected"),
    [
        (1, -1.2, 1.2),
        (2, -1.2, 0.7746),
        (2, -1.0, 0.7071),
        (2, -0.5, 0.5),
        (2, 0.5, 0.6404),
        (2, 0.99, 0.9933),
        (4, -1.2, 0.7915),
        (4, 0.5, 0.7707),
    ],
)
def test_windows(window, rate, expected):
    """F3 of the closed forms: roots of r^n = k (r^(n-1) + ... + 1) / n."""
    found = ContractionRadius(abs(rate), np.array([0.0, rate])).with_window(window)
    assert_allclose(found, expected, atol=5e-5)


@pytest.mark.parametrize(
    ("shift", "slowed"),
    [
        (
            MemoryShift(OutcomeShift(-0.6), decay=0.4),
            lambda local: local.with_memory(0.4),
        ),
        (
            LaggedShift(OutcomeShift(-0.6), n_groups=2),
            lambda local: local.with_window(2),
        ),
    ],
    ids=["memory", "groups"],
)
def test_people_who_remember(shift, slowed):
    """The derivative is of people who have met one model: their record is another."""
    y = X @ [1.0, 2.0, 0.0, -1.0]
    model = RepeatedRiskMinimizer(LinearRegression(), shift, max_iter=60, tol=1e-12)
    model.fit(X, y)
    with pytest.raises(ValueError, match="answer past models too"):
        contraction_radius(model, shift, X, y)
    local = contraction_radius(model, shift.shift, X, y)
    assert_allclose(local.radius, 0.6, rtol=1e-6)
    measured = abs(contraction_rate(model.history_).rate)
    # complex roots turn: the ratio of their last steps is near their modulus
    assert_allclose(slowed(local), measured, rtol=0.03)


@pytest.mark.parametrize(
    ("model", "shift", "message"),
    [
        (DecisionTreeClassifier(), ResampleIfRejected(0.5), "neither a linear"),
        (LOGISTIC, ResampleIfRejected(0.5, resampling="drawn"), "are drawn"),
        (LinearSVC(), StrategicResponse(0.5), "no known slope"),
        (
            LogisticRegression(class_weight={0: 1, 1: 5}, **EXACT),
            ResampleIfRejected(0.5),
            "It minimizes something else",
        ),
        (
            LogisticRegression(solver="liblinear", l1_ratio=1.0, C=0.1),
            ResampleIfRejected(0.5),
            "It minimizes something else",
        ),
        (
            LogisticRegression(max_iter=2),
            ResampleIfRejected(0.5),
            "its solver stops too early",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_refuses(model, shift, message):
    with pytest.raises(ValueError, match=message):
        contraction_radius(clone(model).fit(X, Y), shift, X, Y)


def test_refuses_many_numbers():
    rows = np.random.default_rng(0).normal(size=(10, 501))
    model = LinearRegression().fit(rows, rows[:, 0])
    with pytest.raises(ValueError, match="more than 500 numbers"):
        contraction_radius(model, OutcomeShift(0.1), rows, rows[:, 0])
