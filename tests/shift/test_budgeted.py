# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People who move if that changes the decision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logit
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skperf import RepeatedRiskMinimizer
from skperf.metrics import induce
from skperf.shift import BudgetedResponse, Predictor, QuantilePolicy, ThresholdPolicy
from skperf.testing import check_shift, strategies

X, Y = make_classification(300, 3, n_redundant=0, random_state=0)
SLOPES = np.array([1.0, -2.0, 0.5])


def predictor(X):
    return expit(X @ SLOPES)


def move(shift, X=X, y=Y, predictor=predictor):
    return shift.sample(X, y, predictor(X), predictor=predictor).X


@pytest.mark.parametrize(
    "shift",
    [
        BudgetedResponse(0.5),
        BudgetedResponse(0.5, threshold=0.3, strategic_features=[0, 2]),
        BudgetedResponse(2.0, cost=[1.0, 3.0], strategic_features=[1, 2]),
        BudgetedResponse(0.5, responds=[1]),
    ],
    ids=["all", "two columns", "prices", "ones"],
)
def test_contract(shift):
    check_shift(shift, n_draws=20)


@pytest.mark.parametrize("columns", [[0, 1, 2], [1], [2, 0]])
def test_closed_form(columns):
    """A linear score: along the slope, up to the plane of the threshold."""
    threshold, budget, prices = 0.3, 0.6, np.array([1.0, 2.0, 0.5])[: len(columns)]
    shift = BudgetedResponse(
        budget, threshold=threshold, cost=prices, strategic_features=columns
    )
    slopes = SLOPES[columns] / prices
    costs = (X @ SLOPES - logit(threshold)) / np.linalg.norm(slopes)
    moves = (costs > 0) & (costs <= budget)
    assert 10 < moves.sum() < (costs > 0).sum() - 10
    expected = X.copy()
    way = slopes / np.linalg.norm(slopes) / prices
    expected[np.ix_(moves, columns)] -= costs[moves, None] * way
    assert_allclose(move(shift), expected, atol=1e-8 * budget)


def test_everybody_who_moves_is_accepted_and_can_pay():
    shift = BudgetedResponse(0.6, cost=[1.0, 2.0, 0.5])
    moved = move(shift)
    costs = np.linalg.norm((moved - X) * [1.0, 2.0, 0.5], axis=1)
    went = costs > 0
    assert (costs <= 0.6 * (1 + 1e-12)).all()
    assert (predictor(X)[went] > 0.5).all()
    assert (predictor(moved)[went] <= 0.5).all()
    assert_array_equal(moved[~went], X[~went])


@given(strategies.populations(), strategies.predictors(), st.floats(0, 2))
def test_a_larger_budget_helps_more(population, predictor, budget):
    X, y = population
    accepted = [
        (predictor(move(BudgetedResponse(most), X, y, predictor)) <= 0.5)
        for most in (budget, budget + 1)
    ]
    assert (accepted[0] <= accepted[1]).all()


def test_nobody_moves_for_nothing():
    assert_array_equal(move(BudgetedResponse(0.0)), X)
    assert_array_equal(move(BudgetedResponse(5.0, threshold=1.0)), X)


def test_only_who_responds_moves():
    moved = move(BudgetedResponse(0.6, responds=[1]))
    assert_array_equal(moved[Y == 0], X[Y == 0])
    assert (moved[Y == 1] != X[Y == 1]).any()


def test_trees_move_nobody():
    model = Predictor(GradientBoostingClassifier(n_estimators=5).fit(X, Y))
    assert_array_equal(move(BudgetedResponse(1.0), predictor=model), X)


def test_decisions_of_a_policy():
    """The threshold is the policy's; the decision is what people meet."""
    policy = ThresholdPolicy(BudgetedResponse(0.6), 0.3)
    expected = move(BudgetedResponse(0.6, threshold=0.3))
    assert_allclose(move(policy), expected, rtol=1e-12)


def test_the_worst_share_moves_below_it():
    policy = QuantilePolicy(BudgetedResponse(0.6), 0.2)
    cut = np.sort(predictor(X))[-60]  # the 60th of 300 from above is turned down
    moved = predictor(move(policy))
    turned_down = predictor(X) >= cut
    assert_array_equal(moved[~turned_down], predictor(X)[~turned_down])
    assert (moved[turned_down] < cut).sum() > 10


def test_uniform_applicants():
    """Of uniform scores those within the budget of the threshold end at it."""
    scores = (np.arange(1000) + 0.5) / 1000
    moved = move(
        BudgetedResponse(0.1, threshold=0.4), scores[:, None], None, lambda X: X[:, 0]
    )[:, 0]
    assert_allclose(np.mean(np.abs(moved - 0.4) < 1e-6), 0.1)
    assert_allclose(np.mean(moved > 0.4 + 1e-6), 0.5)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (BudgetedResponse(1.0, cost=[1.0, 2.0]), "there are 3 strategic columns"),
        (BudgetedResponse(1.0, cost=[1.0, 0.0, 2.0]), "positive and finite"),
        (BudgetedResponse(1.0, cost=-1.0), "cost"),
        (BudgetedResponse(-1.0), "budget"),
    ],
)
def test_misuse(shift, message):
    with pytest.raises(ValueError, match=message):
        move(shift)


def test_retraining_on_a_frame():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["income", "debt", "age"])
    shift = BudgetedResponse(0.3, strategic_features=["income"])
    model = RepeatedRiskMinimizer(LogisticRegression(), shift, random_state=0)
    model.fit(frame, Y)
    assert model.converged_
    seen = induce(model, shift, frame, Y).X
    went = (seen["income"] != frame["income"]).to_numpy()
    assert went.sum() > 5
    assert_allclose(model.predict_proba(seen)[went, 1], 0.5, atol=1e-6)
