# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Decisions in place of predictions."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from skperf import (
    PerformativeRiskMinimizer,
    RepeatedRiskMinimizer,
)
from skperf.shift import (
    BudgetedResponse,
    FunctionShift,
    QuantilePolicy,
    ResampleIfRejected,
    Sample,
    StrategicResponse,
    ThresholdPolicy,
)
from skperf.testing import check_shift, strategies

X = np.array([[0.1], [0.4], [0.4], [0.8]])
Y = np.array([0, 0, 1, 1])
SEEN = FunctionShift(lambda X, y, y_pred: Sample(X, y_pred, groups=range(len(y_pred))))


def first(X):
    return X[:, 0]


def decisions(policy, y_pred, sample_weight=None):
    people = np.zeros((len(y_pred), 1)), np.zeros(len(y_pred))
    return policy.bind(*people, sample_weight=sample_weight)(np.asarray(y_pred)).y


@pytest.mark.parametrize(
    "policy",
    [
        ThresholdPolicy(ResampleIfRejected(0.2), 0.4),
        QuantilePolicy(ResampleIfRejected(0.2), 0.3),
        QuantilePolicy(ResampleIfRejected(0.2, strategic_features=0), 0.3),
        QuantilePolicy(BudgetedResponse(0.3), 0.3),
        ThresholdPolicy(BudgetedResponse(0.3, strategic_features=[1]), 0.6),
    ],
    ids=["above", "worst", "worst moves a column", "worst can pay", "above can pay"],
)
def test_contract(policy):
    check_shift(policy, n_draws=20)
    assert not policy.is_differentiable
    assert policy.jumps


def test_above_a_threshold():
    assert_array_equal(decisions(ThresholdPolicy(SEEN, 0.4), first(X)), [0, 0, 0, 1])


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (0.0, [0, 0, 0, 0]),
        (0.125, [0, 0, 0, 0.5]),
        (0.25, [0, 0, 0, 1]),
        (0.5, [0, 0.5, 0.5, 1]),
        (0.75, [0, 1, 1, 1]),
        (1.0, [1, 1, 1, 1]),
    ],
)
def test_the_worst_share(rate, expected):
    assert_allclose(decisions(QuantilePolicy(SEEN, rate), first(X)), expected)


def test_a_model_that_tells_nobody_apart():
    assert_allclose(decisions(QuantilePolicy(SEEN, 0.2), np.full(5, 0.7)), 0.2)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
    st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)
def test_exactly_the_share_is_turned_down(levels, rate, seed):
    weights = np.random.default_rng(seed).uniform(0.1, 3, size=len(levels))
    turned_down = decisions(QuantilePolicy(SEEN, rate), np.array(levels) / 5, weights)
    assert_allclose(weights @ turned_down, rate * weights.sum(), atol=1e-12)
    order = np.argsort(levels)
    assert (np.diff(turned_down[order]) >= 0).all()


def test_people_without_weight_count_for_nobody():
    weights = np.array([1.0, 1.0, 0.0])
    found = decisions(QuantilePolicy(SEEN, 0.5), [0.1, 0.2, 0.9], weights)
    assert_array_equal(found, [0, 1, 1])


def test_the_threshold_of_everybody_holds_for_who_asks_elsewhere():
    """One who moves below others does not lower the threshold for himself."""
    asked = []

    def ask(X, y, y_pred, predictor):
        asked.append(predictor(X[3:] - 0.5))
        return X, y

    policy = QuantilePolicy(FunctionShift(ask), 0.25)
    policy.sample(X, Y, first(X), predictor=first)
    assert_array_equal(asked[0], [0])


@pytest.mark.parametrize(
    "policy",
    [ThresholdPolicy(SEEN, 0.4), QuantilePolicy(SEEN, 0.25)],
    ids=["above", "worst"],
)
def test_predictions_that_cannot_be_ordered(policy):
    with pytest.raises(ValueError, match="one prediction for each person"):
        policy.sample(X, Y, np.zeros((4, 2)))
    with pytest.raises(ValueError, match="not finite"):
        policy.sample(X, Y, np.array([0, 1, np.nan, 0]))


def test_rates_are_shares():
    with pytest.raises(ValueError, match="rate"):
        QuantilePolicy(SEEN, 20).sample(X, Y, first(X))


def test_the_law_of_rejected_people():
    """Whoever is turned down is redrawn: g is 1 for them and delta for all others."""
    shift = ThresholdPolicy(ResampleIfRejected(0.2), 0.4)
    weights = shift.sample(X, Y, first(X)).sample_weight
    g = np.array([0.2, 0.2, 0.2, 1.0])
    assert_allclose(weights, 1 - g + g.mean(), rtol=1e-15)


def test_the_score_stays_that_of_the_model():
    game = StrategicResponse(0.1)
    expected = game.sample(X, Y, first(X), predictor=first).X
    found = ThresholdPolicy(game).sample(X, Y, first(X), predictor=first).X
    assert_array_equal(found, expected)


@pytest.mark.parametrize("policy", [ThresholdPolicy, QuantilePolicy])
def test_strengths_pickles_and_parameters(policy):
    shift = policy(ResampleIfRejected(0.2), 0.3)
    assert list(shift.strengths) == ["shift__delta"]
    other = pickle.loads(pickle.dumps(clone(shift).set_params(shift__delta=0.7)))
    assert other.shift.delta == 0.7


def test_retraining_and_no_optimum():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 2))
    labels = (features @ [1.0, 0.5] + rng.normal(size=200) > 0).astype(int)
    shift = QuantilePolicy(ResampleIfRejected(0.3), 0.2)
    model = RepeatedRiskMinimizer(
        LogisticRegression(C=0.1), shift, max_iter=5, tol=0.05
    )
    model.fit(features, labels)
    sample = shift.sample(features, labels, model.predict_proba(features)[:, 1])
    assert_allclose(sample.sample_weight.sum(), 200)
    for method in ("auto", "retrain", "gradient"):
        with pytest.raises(ValueError, match="jump at a threshold"):
            PerformativeRiskMinimizer(LogisticRegression(), shift, method=method).fit(
                features, labels
            )


@given(strategies.populations(weighted=True), strategies.predictors(), st.floats(0, 1))
def test_nobody_is_lost(population, predictor, rate):
    features, labels, weights = population
    shift = QuantilePolicy(ResampleIfRejected(0.1), rate)
    found = shift.sample(
        features, labels, predictor(features), sample_weight=weights
    ).sample_weight
    assert_allclose(found.sum(), weights.sum())
