# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Labels of another type than the model's are an error, not a large loss."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.metrics import make_performative_scorer, performative_risk, stability_gap
from skperf.shift import FunctionShift

# Which class is meant is not the point here.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skperf.exceptions.PositiveClassWarning"
)

X, Y = make_classification(100, random_state=0)
SHIFT = ResampleIfRejected(0.3)
TEXT = np.array(["no", "yes"])[Y]


def soft(model, y):
    return performative_risk(model, SHIFT, X, y)


def hard(model, y):
    return performative_risk(model, SHIFT, X, y, response_method="predict")


@pytest.mark.parametrize(
    ("trained_on", "y"),
    [
        (Y, Y.astype(str)),
        (Y, Y.astype(float).astype(str)),
        (Y, Y.astype(bool).astype(str)),
        (Y, [str(label) for label in Y]),
        (Y, Y.astype(str).astype(object)),
        (Y, np.array([0, "1"], object)[Y]),
        (Y, TEXT),
        (Y.astype(str), Y),
        (Y.astype(str), Y.astype(bool)),
        (Y.astype(float).astype(str), Y.astype(str)),
        (TEXT, np.char.upper(TEXT)),
        (TEXT, Y.astype(float)),
    ],
)
@pytest.mark.parametrize(
    ("estimator", "risk"),
    [
        (LogisticRegression(), soft),
        (RandomForestClassifier(5), soft),
        (LinearSVC(), hard),
    ],
)
def test_other_types_are_named(trained_on, y, estimator, risk):
    model = estimator.fit(X, trained_on)
    with pytest.raises(ValueError, match="y holds the labels") as error:
        risk(model, y)
    for label in [*trained_on.tolist(), *np.asarray(y).tolist()]:
        assert repr(label) in str(error.value)
    assert "trained on" in str(error.value)
    assert "astype" in str(error.value)


@pytest.mark.parametrize("kind", [int, float, bool, np.int8, object])
def test_numbers_are_equal_by_value(kind):
    model = LogisticRegression().fit(X, Y)
    assert soft(model, Y.astype(kind)) == pytest.approx(soft(model, Y), rel=1e-12)


def test_labels_of_the_right_type_may_be_new():
    """A class that the model has never seen is part of life, at a high loss."""
    model = LogisticRegression().fit(X, TEXT)
    assert soft(model, np.where(np.arange(100), TEXT, "perhaps")) < 2
    model.fit(X, Y)
    assert soft(model, np.where(np.arange(100), Y, 7.5)) < 2


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "accuracy"])
@pytest.mark.parametrize(
    ("trained_on", "y"), [(Y, Y + 5), (Y, -Y - 1), (TEXT, np.array(["a", "b"])[Y])]
)
def test_another_code_for_the_same_classes(trained_on, y, scoring):
    model = LogisticRegression().fit(X, trained_on)
    for metric in (performative_risk, stability_gap):
        with pytest.raises(ValueError, match=r"trained on .* it knows none of them"):
            metric(model, SHIFT, X, y, scoring=scoring)


def test_a_scorer_of_ones_own_may_convert_labels():
    model = LogisticRegression().fit(X, Y)

    def accuracy(estimator, X, y, sample_weight=None):
        return np.average(estimator.predict(X) == y - 5, weights=sample_weight)

    ours = performative_risk(model, SHIFT, X, Y + 5, scoring=accuracy)
    theirs = performative_risk(model, SHIFT, X, Y, scoring="accuracy")
    assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "roc_auc", "f1"])
def test_named_scores_refuse_too(scoring):
    model = LogisticRegression().fit(X, Y)
    scorer = make_performative_scorer(scoring, SHIFT)
    with pytest.raises(ValueError, match=r"\['0', '1'\].*trained on \[0, 1\]"):
        scorer(model, X, Y.astype(str))


def test_stability_gap_and_the_loop_refuse_too():
    model = LogisticRegression().fit(X, Y)
    with pytest.raises(ValueError, match=r"\['0', '1'\].*trained on \[0, 1\]"):
        stability_gap(model, SHIFT, X, Y.astype(str))
    shift = FunctionShift(lambda X, y, y_pred: (X, y.astype(str)))
    with pytest.raises(ValueError, match=r"\['0', '1'\].*trained on \[0, 1\]"):
        RepeatedRiskMinimizer(LogisticRegression(), shift).fit(X, Y)


@pytest.mark.parametrize("estimator", [LogisticRegression(), LinearSVC(), Ridge()])
def test_a_column_of_targets_is_a_vector(estimator, df_module):
    model = estimator.fit(X, Y)
    shift = FunctionShift(lambda X, y, y_pred: (X, y))
    flat = performative_risk(model, shift, X, Y)
    for column in (Y[:, None], df_module.DataFrame({"y": Y})):
        assert performative_risk(model, shift, X, column) == pytest.approx(flat)


def test_no_targets():
    with pytest.raises(ValueError, match=r"requires y to be passed.*fit\(X, y\)"):
        RepeatedRiskMinimizer(LogisticRegression(), SHIFT).fit(X, None)
    with pytest.raises(ValueError, match="requires y"):
        performative_risk(LogisticRegression().fit(X, Y), SHIFT, X, None)
