# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is to be won on the real credit data, and by whom."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import QuantileTransformer, scale

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.metrics import induce, optimality_gap, performative_risk
from skperf.shift import ResampleIfRejected, SelfFulfillingShift, StrategicResponse

pytestmark = [
    pytest.mark.download,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning"),
]
EXACT = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-8)


@pytest.fixture(scope="module")
def credit():
    """Ten columns whose quantiles are those of a normal, cut at 3."""
    X, y = fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)
    normal = QuantileTransformer(output_distribution="normal", random_state=0)
    return np.clip(normal.fit_transform(X[:, :10]), -3, 3), y


@pytest.fixture(scope="module")
def balanced():
    """As many rows of class 0 as of class 1, and a column of ones that moves too."""
    X, y = fetch_give_me_some_credit(return_X_y=True)
    known = ~np.isnan(X).any(axis=1)
    X, y = scale(X[known]), y[known]
    bad = np.flatnonzero(y == 1)
    rows = np.concatenate([bad, np.flatnonzero(y == 0)[: len(bad)]])
    return np.c_[X[rows], np.ones(len(rows))], y[rows]


@pytest.mark.parametrize(("strength", "risk"), [(0.5, 0.5025), (0.7, 0.4719)])
@pytest.mark.parametrize("method", ["retrain", "gradient"])
def test_self_fulfilling_defaults(credit, strength, risk, method):
    found = PerformativeRiskMinimizer(
        LogisticRegression(), SelfFulfillingShift(strength), method=method
    ).fit(*credit)
    assert found.converged_
    assert_allclose(found.performative_risk_, risk, atol=1e-4)


@pytest.mark.parametrize(
    "learner",
    [
        HistGradientBoostingClassifier(random_state=0),
        RandomForestClassifier(20, min_samples_leaf=10, random_state=0),
    ],
    ids=["boosting", "forest"],
)
def test_trees_win_on_people_they_have_not_seen(credit, learner):
    """Below the ordinary and the stable model on each split, by 5 % on average."""
    shift, gains = SelfFulfillingShift(0.7), []
    for seed in range(3):
        X, other_X, y, other_y = train_test_split(
            *credit, test_size=6357, random_state=seed
        )
        settings = {"max_iter": 6, "tol": 0}
        models = [
            PerformativeRiskMinimizer(learner, shift, **settings).fit(X, y),
            RepeatedRiskMinimizer(learner, shift, **settings).fit(X, y),
            clone(learner).fit(X, y),
        ]
        best, stable, ordinary = (
            performative_risk(model, shift, other_X, other_y) for model in models
        )
        assert best < min(stable, ordinary)
        gains.append(1 - best / stable)
        samples = (induce(model, shift, other_X, other_y) for model in models)
        rates = [np.average(s.y, weights=s.sample_weight) for s in samples]
        # more default than people would, fewer than with the stable model
        assert other_y.mean() < rates[0] < rates[1]
    assert np.mean(gains) > 0.05


def test_fraudsters_adapt(credit):
    """Only they move: retraining diverges, and the optimum is a convex problem."""
    shift = StrategicResponse(0.3, responds=[1])
    found = PerformativeRiskMinimizer(LogisticRegression(), shift).fit(*credit)
    assert found.converged_
    assert_allclose(found.performative_risk_, 0.5326, atol=5e-4)
    stable = RepeatedRiskMinimizer(LogisticRegression(), shift, max_iter=25)
    stable.fit(*credit)
    assert performative_risk(stable, shift, *credit) > 5


def test_resample_if_rejected_has_little_to_win(credit):
    """At most 0.13 %, which the gap says before anything is looked for."""
    for columns in (None, [0, 5, 7]):
        shift = ResampleIfRejected(0.1, strategic_features=columns)
        stable = RepeatedRiskMinimizer(EXACT, shift, random_state=0).fit(*credit)
        risk = performative_risk(stable, shift, *credit, random_state=0)
        best = PerformativeRiskMinimizer(EXACT, shift, random_state=0).fit(*credit)
        gain = risk - best.performative_risk_
        assert 0 < gain < 0.0013 * risk
        gap = optimality_gap(stable, shift, *credit, random_state=0)
        assert_allclose(gap, gain, rtol=0.3)


def test_gap_of_self_fulfilling_defaults(credit):
    shift = SelfFulfillingShift(0.3)
    stable = RepeatedRiskMinimizer(EXACT, shift, tol=1e-6).fit(*credit)
    best = PerformativeRiskMinimizer(EXACT, shift).fit(*credit)
    gain = performative_risk(stable, shift, *credit) - best.performative_risk_
    assert_allclose(optimality_gap(stable, shift, *credit), gain, rtol=0.3)


def test_all_columns_move_the_ones_too(balanced):
    """The optimum of the credit problem of performativeGYM, to seven digits."""
    found = PerformativeRiskMinimizer(
        LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky"),
        StrategicResponse(10.0),
    ).fit(*balanced)
    assert found.converged_
    assert_allclose(found.performative_risk_, 0.6762429, atol=5e-8)
    X, y = balanced
    fixed = PerformativeRiskMinimizer(
        LogisticRegression(C=np.inf, solver="newton-cholesky"), StrategicResponse(10.0)
    ).fit(X[:, :10], y)
    # a bias of the model undoes a move that all make
    assert_allclose(fixed.performative_risk_, 0.6064226, atol=1e-6)
