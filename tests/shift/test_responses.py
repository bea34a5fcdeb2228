# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows and classes are the axes of what people meet, or an error says so."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, NuSVC

from skperf import RepeatedRiskMinimizer
from skperf.metrics import performative_risk
from skperf.shift import (
    FunctionShift,
    Predictor,
    ResampleIfRejected,
    StrategicResponse,
)

# Which class is meant is not the point here.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skperf.exceptions.PositiveClassWarning"
)

X, Y = make_classification(120, n_classes=3, n_informative=4, random_state=0)
X4, Y4 = make_classification(160, n_classes=4, n_informative=6, random_state=0)
STAY = FunctionShift(lambda X, y, y_pred: (X, y))
PAIRS = SVC(decision_function_shape="ovo")


def wrapped(model):
    return [
        model,
        make_pipeline(StandardScaler(), model),
        GridSearchCV(model, {"C": [1.0]}, cv=2),
        make_pipeline(GridSearchCV(make_pipeline(model), {"svc__C": [1.0]}, cv=2)),
        RepeatedRiskMinimizer(model, STAY, response_method="predict"),
    ]


@pytest.mark.parametrize("data", [(X, Y), (X4, Y4)])
@pytest.mark.parametrize(
    "model", [*wrapped(PAIRS), NuSVC(nu=0.1, decision_function_shape="ovo")]
)
def test_pairs_of_classes_are_no_classes(data, model):
    fitted = model.fit(*data)
    words = "each pair of classes.*decision_function_shape='ovr'.*'predict'"
    for pos_label in (0, 1, None):
        predictor = Predictor(fitted, pos_label=pos_label)
        for ask in (predictor, predictor.score):
            with pytest.raises(ValueError, match=words):
                ask(data[0])
    with pytest.raises(ValueError, match=words):
        performative_risk(fitted, StrategicResponse(0.1), *data)


def test_a_search_over_the_shape_is_told_by_its_best():
    grid = {"decision_function_shape": ["ovr"]}
    search = GridSearchCV(PAIRS, grid, cv=2).fit(X, Y)
    assert Predictor(search)(X).shape == (120,)


def test_pairs_with_labels_or_two_classes_are_fine():
    model = PAIRS.fit(X, Y)
    labels = Predictor(model, response_method="predict", pos_label=2)
    assert_array_equal(labels(X), model.predict(X) == 2)
    model = SVC(decision_function_shape="ovo").fit(X[Y < 2], Y[Y < 2])
    assert Predictor(model)(X).shape == (120,)


@pytest.mark.parametrize(
    "estimator",
    [RandomForestClassifier(5), MultiOutputClassifier(LogisticRegression())],
)
def test_rows_of_several_outputs_are_rows(estimator):
    X, Y = make_multilabel_classification(50, n_classes=3, random_state=0)
    model = estimator.fit(X, Y)
    found = Predictor(model)(X)
    assert_array_equal(found, np.concatenate(model.predict_proba(X), axis=1))
    words = r"one prediction a row.*\(50, 6\).*TransformedPredictionShift"
    with pytest.raises(ValueError, match=words):
        performative_risk(model, ResampleIfRejected(0.3), X, Y)


def test_an_estimator_is_no_function():
    model = LogisticRegression().fit(X, Y)
    ask = FunctionShift(lambda X, y, y_pred, predictor: (X, predictor(X)))
    words = r"LogisticRegression, an estimator.*skperf\.shift\.Predictor\(estimator\)"
    for shift in (StrategicResponse(0.1), ask):
        with pytest.raises(TypeError, match=words):
            shift.sample(X, Y, model.predict(X), predictor=model)
        with pytest.raises(TypeError, match=words):
            shift.bind(X, Y)(model.predict(X), model)
    with pytest.raises(TypeError, match="predictor is a float; expected a function"):
        StrategicResponse(0.1).sample(X, Y, None, predictor=0.5)
