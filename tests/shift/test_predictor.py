# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What people meet: predictions, the score, its gradient, and the model behind."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skperf import RepeatedRiskMinimizer
from skperf.games import JointPredictor
from skperf.metrics import performative_risk
from skperf.shift import (
    FunctionShift,
    Predictor,
    ShiftPipeline,
    StrategicResponse,
    TransformedPredictionShift,
)

X, Y = make_classification(80, 4, random_state=0)
LABELS = np.where(Y == 1, "good", "bad")
LOGISTIC = LogisticRegression().fit(X, LABELS)


# The model


def test_of_a_classifier():
    predictor = Predictor(LOGISTIC, pos_label="bad")
    assert predictor.estimator is LOGISTIC
    assert predictor.pos_label == "bad"
    assert_array_equal(predictor.classes_, ["bad", "good"])
    assert_array_equal(predictor(X), LOGISTIC.predict_proba(X)[:, 0])
    assert_array_equal(predictor.score(X), -LOGISTIC.decision_function(X))


def test_of_a_regressor():
    assert Predictor(Ridge().fit(X, Y)).pos_label is None


@pytest.mark.parametrize(
    ("response_method", "expected"),
    [
        ("auto", LOGISTIC.predict_proba(X)[:, 1]),
        ("predict_proba", LOGISTIC.predict_proba(X)[:, 1]),
        ("decision_function", LOGISTIC.decision_function(X)),
        ("predict", LOGISTIC.predict(X) == "good"),
    ],
)
def test_response_method(response_method, expected):
    assert_array_equal(Predictor(LOGISTIC, response_method, "good")(X), expected)


def test_unknown_label():
    with pytest.raises(ValueError, match=r"'ugly' is not a label .* \['bad', 'good'\]"):
        Predictor(LOGISTIC, pos_label="ugly")(X)


def test_nothing_is_remembered():
    """A table that is changed in place is another table."""
    predictor, table = Predictor(LOGISTIC, pos_label="good"), X.copy()
    predictor(table)
    table *= 2
    assert_array_equal(predictor(table), LOGISTIC.predict_proba(2 * X)[:, 1])


# Its gradient


def test_gradient_is_a_view_of_one_row():
    gradient = Predictor(LOGISTIC, pos_label="good").gradient(X)
    assert gradient.shape == (80, 4)
    assert gradient.strides[0] == 0
    assert_array_equal(gradient[7], LOGISTIC.coef_[0])
    assert_array_equal(
        Predictor(LOGISTIC, pos_label="bad").gradient(X)[0], -LOGISTIC.coef_[0]
    )


def test_gradient_of_some_columns(df_module):
    frame = df_module.DataFrame(dict(zip("abcd", X.T, strict=True)))
    model = make_pipeline(StandardScaler(), LinearSVC()).fit(frame, Y)
    gradient = Predictor(model).gradient(frame, ["c", "a"])
    expected = (model[-1].coef_[0] / model[0].scale_)[[2, 0]]
    assert_allclose(gradient[0], expected, rtol=1e-15)
    assert gradient.shape == (80, 2)


@pytest.mark.parametrize("model", [GaussianNB(), RandomForestClassifier(5)])
def test_no_gradient(model):
    assert Predictor(model.fit(X, Y)).gradient(X) is None


# Through wrappers


WRAPPERS = {
    "alone": lambda shift: shift,
    "transformed": lambda shift: TransformedPredictionShift(shift, np.exp),
    "twice": lambda shift: TransformedPredictionShift(
        TransformedPredictionShift(shift, np.sqrt), np.exp
    ),
    "pipeline": lambda shift: ShiftPipeline([("one", shift)]),
    "later": lambda shift: ShiftPipeline(
        [("still", StrategicResponse(0.0)), ("one", shift)]
    ),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_passes_on_what_it_does_not_change(name):
    """The score, its gradient and the estimator are those of the model."""

    def ask(X, y, y_pred, predictor):
        seen.update(
            score=predictor.score(X),
            gradient=predictor.gradient(X),
            estimator=predictor.estimator,
        )
        return X, y

    seen = {}
    shift = WRAPPERS[name](FunctionShift(ask))
    RepeatedRiskMinimizer(LOGISTIC, shift, max_iter=1, tol=1).fit(X, Y)
    model = seen["estimator"]
    assert_array_equal(seen["score"], model.decision_function(X))
    assert_array_equal(seen["gradient"], np.tile(model.coef_, (80, 1)))


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_does_not_change_how_people_move(name):
    alone = StrategicResponse(0.5)
    model = Predictor(LOGISTIC, pos_label="good")
    worlds = (shift.bind(X, Y) for shift in (alone, WRAPPERS[name](alone)))
    plain, wrapped = (world.react(world.start(), model)[0] for world in worlds)
    assert_array_equal(plain.X, wrapped.X)


@pytest.mark.parametrize("name", WRAPPERS)
def test_maps_of_parameters(name):
    """A hand loop, a fit and a metric meet the same coefficients."""
    shift = WRAPPERS[name](FunctionShift(move_by_parameters))
    fitted = RepeatedRiskMinimizer(LogisticRegression(C=0.1), shift, max_iter=1, tol=1)
    fitted.fit(X, Y)
    first = LogisticRegression(C=0.1).fit(X, Y)
    moved = X - 0.1 * first.coef_
    by_hand = LogisticRegression(C=0.1).fit(moved, Y)
    assert_allclose(fitted.estimator_.coef_, by_hand.coef_, rtol=1e-12)
    world = shift.bind(X, Y)
    sample, _ = world.react(world.start(), Predictor(first))
    assert_allclose(sample.X, moved, rtol=1e-14)
    # a minimizer is met as the model that it has deployed
    risk = performative_risk(fitted, shift, X, Y)
    assert risk == performative_risk(fitted.estimator_, shift, X, Y)


def move_by_parameters(X, y, y_pred, predictor):
    return X - 0.1 * predictor.estimator.coef_, y


def test_predictions_keep_no_other_class_in_memory():
    many = LogisticRegression().fit(X, np.arange(80) % 5)
    assert Predictor(many, pos_label=3)(X).base is None


# Of several players


def test_joint_predictor():
    players = [Predictor(LOGISTIC, pos_label="good"), Predictor(Ridge().fit(X, Y))]
    joint = JointPredictor(players)
    assert len(joint) == 2
    assert list(joint) == players
    assert joint[1] is players[1]
    assert_array_equal(joint(X), np.column_stack([p(X) for p in players]))
