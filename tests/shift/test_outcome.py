# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from skperf import RepeatedRiskMinimizer
from skperf.metrics import performative_risk
from skperf.shift import OutcomeShift

X = np.arange(6.0).reshape(3, 2)
Y = np.array([1.0, 2.0, 4.0])
Y_PRED = np.array([0.5, -1.0, 2.0])
MATRIX = np.array([[0.5, 0.1, 0.0], [0.0, -0.5, 0.2], [1.0, 0.0, 0.0]])
WEIGHTS = np.array([1.0, 0.5, 3.0])


@pytest.mark.parametrize("feedback", [0.5, -2, MATRIX, MATRIX.tolist()])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_targets_move(feedback, weights):
    sample = OutcomeShift(feedback).sample(X, Y, Y_PRED, sample_weight=weights)
    matrix = feedback * np.eye(3) if np.isscalar(feedback) else np.array(feedback)
    assert_allclose(sample.y, Y + matrix @ Y_PRED, rtol=1e-15)
    assert sample.X is X
    assert sample.sample_weight is weights


@pytest.mark.parametrize("feedback", [0.5, MATRIX])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_spread_keeps_the_mean(feedback, weights):
    """The two labels of a row have its weight and mean, and a variance."""
    sample = OutcomeShift(feedback, spread=3.0).sample(
        X, Y, Y_PRED, sample_weight=weights
    )
    assert_array_equal(sample.X, np.concatenate([X, X]))
    labels, shares = sample.y.reshape(2, 3), sample.sample_weight.reshape(2, 3)
    assert_array_equal(labels, [Y + 3, Y - 3])
    assert shares.min() >= 0
    assert_allclose(shares.sum(axis=0), np.ones(3) if weights is None else weights)
    mean = np.average(labels, axis=0, weights=shares)
    moved = OutcomeShift(feedback).sample(X, Y, Y_PRED).y
    assert_allclose(mean, moved, rtol=1e-14)
    variance = np.average((labels - mean) ** 2, axis=0, weights=shares)
    assert_allclose(variance, 9 - (moved - Y) ** 2, rtol=1e-14)


def test_spread_shares_its_rows():
    respond = OutcomeShift(0.5, spread=3.0).bind(X, Y)
    first, second = respond(Y_PRED), respond(-Y_PRED)
    assert first.X is second.X
    assert first.y is second.y
    assert_array_equal(first.sample_weight[:3], second.sample_weight[3:])


def test_moves_up_to_spread():
    shift = OutcomeShift(1.0, spread=2.0)
    weights = shift.sample(X, Y, np.array([2.0, -2.0, 0.0])).sample_weight
    assert_array_equal(weights, [1, 0, 0.5, 0, 1, 0.5])
    with pytest.raises(ValueError, match=r"moves up to 2\.5 with spread=2.*Raise"):
        shift.sample(X, Y, np.array([2.0, -2.5, 0.0]))
    with pytest.raises(ValueError, match="moves up to nan"):
        shift.sample(X, Y, np.array([np.nan, 0.0, 0.0]))


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csr_matrix])
def test_spread_of_sparse_rows(container):
    sample = OutcomeShift(0.5, spread=3.0).sample(container(X), Y, Y_PRED)
    assert_array_equal(sample.X.toarray(), np.concatenate([X, X]))


def test_spread_of_a_data_frame(df_module):
    frame = df_module.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    sample = OutcomeShift(0.5, spread=3.0).sample(frame, Y, Y_PRED)
    assert isinstance(sample.X, df_module.DataFrame)
    assert_array_equal(sample.X.to_numpy(), np.concatenate([X, X]))


def test_integer_targets_may_move_by_fractions():
    sample = OutcomeShift(0.5).sample(X, [1, 2, 4], Y_PRED)
    assert_array_equal(sample.y, [1.25, 1.5, 5.0])


def test_multi_output_targets_move_each_with_its_prediction():
    y, y_pred = np.arange(6.0).reshape(3, 2), np.tile([1.0, 10.0], (3, 1))
    assert_array_equal(OutcomeShift(0.5).sample(X, y, y_pred).y, y + y_pred / 2)
    moved = OutcomeShift(MATRIX).sample(X, y, y_pred).y
    assert_allclose(moved, y + MATRIX @ y_pred)


@pytest.mark.parametrize("spread", [0.0, -1.0, "wide"])
def test_invalid_spread(spread):
    with pytest.raises(ValueError, match="'spread' parameter"):
        OutcomeShift(0.5, spread=spread).bind(X, Y)


def test_labels_that_are_no_numbers():
    with pytest.raises(
        ValueError,
        match=r"moves targets by numbers.*could not convert.*ResampleIfRejected",
    ):
        OutcomeShift(0.5).bind(X, ["bad", "good", "bad"])


VECTOR = np.array([0.5, 0.0, -2.0])


@pytest.mark.parametrize("feedback", [VECTOR, VECTOR.tolist()])
@pytest.mark.parametrize("spread", [None, 5.0])
def test_a_vector_holds_a_strength_for_each_row(feedback, spread):
    by_vector = OutcomeShift(feedback, spread=spread).sample(X, Y, Y_PRED)
    by_matrix = OutcomeShift(np.diag(VECTOR), spread=spread).sample(X, Y, Y_PRED)
    assert_array_equal(by_vector.y, by_matrix.y)
    assert_array_equal(by_vector.sample_weight, by_matrix.sample_weight)


def test_a_vector_moves_all_outputs_of_its_row():
    y = np.arange(6.0).reshape(3, 2)
    assert_array_equal(OutcomeShift(VECTOR).sample(X, y, y).y, y + VECTOR[:, None] * y)


@pytest.mark.parametrize(
    "feedback", [[0.5], [0.5, 1.0], np.eye(2), VECTOR[:, None], VECTOR[None]]
)
def test_strengths_of_another_shape(feedback):
    words = r"feedback has the shape .* 3 rows.*\(3,\).*\(3, 3\)"
    with pytest.raises(ValueError, match=words):
        OutcomeShift(feedback).bind(X, Y)


@pytest.mark.parametrize("feedback", [0.5, VECTOR, MATRIX])
@pytest.mark.parametrize("spread", [None, 5.0])
def test_a_column_of_targets_moves_as_a_vector(feedback, spread, df_module):
    shift = OutcomeShift(feedback, spread=spread)
    flat = shift.sample(X, Y, Y_PRED)
    for column in (Y[:, None], df_module.DataFrame({"y": Y})):
        sample = shift.sample(X, column, Y_PRED)
        assert_array_equal(sample.y, flat.y[:, None])
        assert_array_equal(sample.sample_weight, flat.sample_weight)
    assert_array_equal(shift.sample(X, Y, Y_PRED[:, None]).y, flat.y)


def test_predictions_of_something_else():
    words = r"predictions of shape \(3, 2\) and targets of shape \(3,\).*Transformed"
    with pytest.raises(ValueError, match=words):
        OutcomeShift(0.5).sample(X, Y, np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"one target a row.*\(3, 2\).*spread=None"):
        OutcomeShift(0.5, spread=1.0).bind(X, np.ones((3, 2)))


def test_classifiers_have_no_outcomes_in_between():
    labels = np.array([0, 1, 1])
    model = LogisticRegression().fit(X, labels)
    words = "LogisticRegression, is a classifier.*regressor.*ResampleIfRejected"
    with pytest.raises(ValueError, match=words):
        performative_risk(model, OutcomeShift(0.5), X, labels)
    with pytest.raises(ValueError, match=words):
        RepeatedRiskMinimizer(LogisticRegression(), OutcomeShift(0.5)).fit(X, labels)
