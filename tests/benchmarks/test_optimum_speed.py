# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Looking for the optimum costs hardly more than retraining, and less than a loop."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from timing import cpu_seconds

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.shift import ResampleIfRejected, SelfFulfillingShift, StrategicResponse

pytestmark = [
    pytest.mark.benchmark,
    pytest.mark.download,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module")
def credit():
    return fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)


@pytest.fixture(scope="module")
def balanced():
    X, y = fetch_give_me_some_credit(return_X_y=True)
    known = ~np.isnan(X).any(axis=1)
    X, y = scale(X[known]), y[known]
    bad = np.flatnonzero(y == 1)
    rows = np.concatenate([bad, np.flatnonzero(y == 0)[: len(bad)]])
    return np.c_[X[rows], np.ones(len(rows))], y[rows]


def descend(X, y, n_steps=200, rate=0.1, epsilon=10.0):
    """Make performative gradient steps in plain numpy."""
    theta = np.zeros(X.shape[1])
    for _ in range(n_steps):
        moved = X - epsilon * theta
        errors = expit(moved @ theta) - y
        slope = X.T @ errors - 2 * epsilon * errors.sum() * theta
        theta -= rate * slope / len(y)
    return theta


def test_descent(balanced):
    # small coefficients, since a large one moves people far
    start = LogisticRegression(
        C=1e-4, fit_intercept=False, solver="newton-cholesky", tol=1e-2
    )
    minimizer = PerformativeRiskMinimizer(start, StrategicResponse(10.0))
    ours, theirs = (
        min(cpu_seconds(call, *balanced) for _ in range(7))
        for call in (minimizer.fit, descend)
    )
    print(f"descent {ours:.3f} s, 200 plain steps {theirs:.3f} s")
    assert abs(minimizer.performative_risk_ - 0.6762429) < 5e-8
    assert ours < 0.5 * theirs


@pytest.mark.parametrize(
    ("shift", "damping", "bound"),
    [
        (SelfFulfillingShift(0.7), 0.0, 1.25),
        (SelfFulfillingShift(0.7), 1.0, 2),
        (ResampleIfRejected(0.1), 0.0, 1.25),
        (ResampleIfRejected(0.1), 1.0, 2),  # a row stands twice, with both labels
        (ResampleIfRejected(0.1, strategic_features=[0, 5, 7]), 0.0, 2),
    ],
)
def test_a_round(credit, shift, damping, bound):
    params = {"max_iter": 10, "tol": 0, "random_state": 0}
    model = LogisticRegression()
    corrected = PerformativeRiskMinimizer(
        model, shift, method="retrain", damping=damping, **params
    )
    plain = RepeatedRiskMinimizer(model, shift, **params)
    ours, theirs = (
        min(cpu_seconds(one.fit, *credit) for _ in range(3)) / one.n_iter_
        for one in (corrected, plain)
    )
    print(
        f"a round, {shift}, damping {damping}: corrected {ours:.3f} s, retraining "
        f"{theirs:.3f} s"
    )
    assert ours < bound * theirs
