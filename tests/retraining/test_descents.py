# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which risks have a slope, which have differences, and why others have neither."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skperf.retraining._descents import find_slope
from skperf.retraining._model import DeployedModel
from skperf.retraining._performative_slope import DifferencedRisk, PerformativeSlope
from skperf.shift import (
    FunctionShift,
    ResampleIfRejected,
    ShiftPipeline,
    StrategicResponse,
    TransformedPredictionShift,
)

X = np.array([[0.0], [1.0], [2.0], [3.0]])
Y = np.array([0, 1, 0, 1])
LOGISTIC = LogisticRegression().fit(X, Y)
COMMON = ResampleIfRejected(0.2, resampling="common")
EXPECTED = ResampleIfRejected(0.2)
FUNCTION = FunctionShift(lambda X, y, y_pred: (X - y_pred.mean(), y))


def same(y_pred):
    return y_pred


def slope(shift, model=LOGISTIC, response_method="auto", scoring=None, y=Y):
    world = shift.bind(X, y, random_state=0)
    predictor = DeployedModel(model, response_method)
    return find_slope(shift, world, predictor, scoring)


@pytest.mark.parametrize("scoring", [None, "neg_brier_score"])
@pytest.mark.parametrize(
    "shift",
    [
        COMMON,
        TransformedPredictionShift(COMMON, same),
        ShiftPipeline([("first", COMMON), ("then", FUNCTION)]),
        ShiftPipeline([("first", FUNCTION), ("then", COMMON)]),
        TransformedPredictionShift(ShiftPipeline([("only", COMMON)]), same),
        ResampleIfRejected(0.2, resampling="drawn"),
    ],
)
def test_drawn_outcomes_jump_wherever_they_are(shift, scoring):
    assert "that are drawn" in slope(shift, scoring=scoring)


@pytest.mark.parametrize(
    ("shift", "scoring", "kind"),
    [
        (EXPECTED, None, PerformativeSlope),
        (ShiftPipeline([("only", EXPECTED)]), None, PerformativeSlope),
        (EXPECTED, "neg_brier_score", DifferencedRisk),
        (ShiftPipeline([("only", EXPECTED)]), "neg_brier_score", DifferencedRisk),
        (StrategicResponse(0.1), "neg_brier_score", DifferencedRisk),
        (FUNCTION, None, DifferencedRisk),
    ],
)
def test_what_does_not_jump_has_a_slope(shift, scoring, kind):
    assert type(slope(shift, scoring=scoring)) is kind


@pytest.mark.parametrize("n_numbers", [100, 101])
def test_differences_are_taken_of_a_hundred_numbers(n_numbers):
    X = np.zeros((3, n_numbers - 1))  # and an intercept
    model = LinearRegression().fit(X, [0.0, 1.0, 2.0])
    world = FUNCTION.bind(X, np.arange(3.0))
    found = find_slope(FUNCTION, world, DeployedModel(model))
    if n_numbers == 100:
        assert type(found) is DifferencedRisk
    else:
        assert "at most 100 numbers; the model has 101" in found


def test_what_else_has_no_slope():
    tree = DecisionTreeClassifier().fit(X, Y)
    assert "hard predictions" in slope(EXPECTED, response_method="predict")
    assert "neither a linear model nor" in slope(EXPECTED, tree)
    assert "never seen" in slope(EXPECTED, y=np.array([0, 1, 2, 1]))
    # numbers have hard predictions of no kind, and none that were never seen
    line = LinearRegression().fit(X, Y)
    assert type(slope(FUNCTION, line, "predict")) is DifferencedRisk


def test_the_given_model_is_not_moved():
    before = LOGISTIC.coef_.copy()
    found = slope(EXPECTED)
    found(found.parameters.get() + 1)
    assert (LOGISTIC.coef_ == before).all()
