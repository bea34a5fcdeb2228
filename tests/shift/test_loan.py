# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""An author of a shift cannot destroy what belongs to the caller."""

from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.linear_model import LinearRegression

from skperf import RepeatedRiskMinimizer
from skperf.metrics import performative_risk
from skperf.shift import BaseShift, FunctionShift, Sample, ShiftPipeline
from skperf.utils._tables import equal_tables

X = np.arange(6.0).reshape(3, 2) ** 2
Y = np.array([1.0, 2.0, 4.0])
Y_PRED = np.array([0.5, -1.0, 2.0])
WEIGHTS = np.array([1.0, 0.5, 3.0])


def move_X(X, y, y_pred):
    X[:, 0] -= 0.5 * y_pred
    return X, y


def move_all_of_X(X, y, y_pred):
    X -= 1.0
    return X, y


def move_y(X, y, y_pred):
    y += y_pred
    return X, y


def square_predictions(X, y, y_pred):
    y_pred *= y_pred
    return X, y + y_pred


def sort(X, y, y_pred):
    y.sort()
    return X, y


def spoil_weights(X, y, y_pred, sample_weight):
    sample_weight[:] = 1.0
    return Sample(X, y, sample_weight)


class Own(BaseShift):
    """A shift that somebody wrote without a copy."""

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        X[:, 0] -= 0.5 * y_pred
        return Sample(X, y, sample_weight)


CARELESS = [move_X, move_all_of_X, move_y, square_predictions, sort, spoil_weights]
SHIFTS = [
    *map(FunctionShift, CARELESS),
    Own(),
    ShiftPipeline([("first", FunctionShift(move_X)), ("second", Own())]),
]


@pytest.mark.parametrize("shift", SHIFTS)
def test_arrays_cannot_be_changed_in_place(shift):
    given = deepcopy((X, Y, WEIGHTS))
    model = LinearRegression().fit(X, Y)
    calls = [
        lambda X, y, w: RepeatedRiskMinimizer(LinearRegression(), shift).fit(X, y, w),
        lambda X, y, w: performative_risk(model, shift, X, y, sample_weight=w),
        lambda X, y, w: shift.bind(X, y, sample_weight=w)(Y_PRED.copy(), model.predict),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="read-only") as error:
            call(*given)
        assert any("Copy it first: X = X.copy()" in n for n in error.value.__notes__)
        for mine, before in zip(given, (X, Y, WEIGHTS), strict=True):
            assert_array_equal(mine, before)
            assert mine.flags.writeable


@pytest.mark.parametrize("func", CARELESS)
def test_a_function_that_is_called_by_hand(func):
    given = deepcopy((X, Y, Y_PRED))
    with pytest.raises(ValueError, match="read-only"):
        FunctionShift(func).sample(*given, sample_weight=WEIGHTS.copy())
    for mine, before in zip(given, (X, Y, Y_PRED), strict=True):
        assert_array_equal(mine, before)


def move_frame(X, y, y_pred):
    X["a"] = X["a"] - 0.5 * y_pred
    return X, y


def move_cell(X, y, y_pred):
    X.loc[0, "a"] = -1.0
    return X, y


def move_series(X, y, y_pred):
    y.iloc[0] = -1.0
    return X, y


def move_polars(X, y, y_pred):
    X[0, "a"] = -1.0
    return X, y


def move_stored(X, y, y_pred):
    X.data -= 1.0
    return X, y


def move_list(X, y, y_pred):
    X[0][0] = -1.0
    y[1] = 7.0
    return X, y


@pytest.mark.parametrize(
    ("func", "kind"),
    [
        (move_frame, "pandas"),
        (move_cell, "pandas"),
        (move_series, "pandas"),
        (move_polars, "polars"),
        (move_stored, "sparse"),
        (move_list, "list"),
    ],
)
def test_other_tables_are_copies(func, kind):
    """They may be changed; what the author made of them is what is seen."""
    if kind in ("pandas", "polars"):
        module = pytest.importorskip(kind)
        given = module.DataFrame({"a": X[:, 0], "b": X[:, 1]}), module.Series(Y)
    else:
        given = {
            "sparse": (sparse.csr_array(X), Y),
            "list": (X.tolist(), Y.tolist()),
        }[kind]
    before = deepcopy(given)
    shift = FunctionShift(func)
    for sample in (shift.sample(*given, Y_PRED), shift.bind(*given)(Y_PRED)):
        same = [equal_tables(sample[i], before[i]) for i in (0, 1)]
        assert not all(same)
        assert sample.support is None
        assert all(map(equal_tables, given, before))


@pytest.mark.parametrize("kind", ["array", "pandas", "polars", "sparse", "list"])
def test_what_is_unchanged_is_the_callers(kind):
    """So that nothing about it has to be asked twice."""
    if kind in ("pandas", "polars"):
        module = pytest.importorskip(kind)
        given = module.DataFrame({"a": X[:, 0], "b": X[:, 1]}), module.Series(Y)
    else:
        tables = {"array": X, "sparse": sparse.csr_array(X), "list": X.tolist()}
        given = tables[kind], Y
    world = FunctionShift(lambda X, y, y_pred: (X, y)).bind(*given)
    sample = world(Y_PRED)
    assert sample.X is given[0]
    assert sample.y is given[1]
    assert sample.support == world.base.support


def test_rows_of_a_view_can_be_written_on():
    """Some estimators refuse what they could not write on."""
    shift = FunctionShift(lambda X, y, y_pred: (X[::-1], y[::-1]))
    sample = shift.bind(X, Y)(Y_PRED)
    assert_array_equal(sample.X, X[::-1])
    assert sample.X.flags.writeable
    assert sample.y.flags.writeable


def test_arrays_that_are_read_only_already():
    frozen = X.copy()
    frozen.flags.writeable = False
    sample = FunctionShift(lambda X, y, y_pred: (X, y)).bind(frozen, Y)(Y_PRED)
    assert sample.X is frozen


def test_one_question_about_what_is_shown():
    """The predictor knows the view that an author asks about."""

    class Counting(LinearRegression):
        asked = 0

        def predict(self, X):
            type(self).asked += 1
            return super().predict(X)

    def ask(X, y, y_pred, predictor):
        assert_array_equal(predictor(X), y_pred)
        return X, y + 0.1 * predictor(X)

    shift = FunctionShift(ask)
    RepeatedRiskMinimizer(Counting(), shift, max_iter=50).fit(X, Y)
    with_questions = Counting.asked
    Counting.asked = 0
    shift = FunctionShift(lambda X, y, y_pred: (X, y + 0.1 * y_pred))
    RepeatedRiskMinimizer(Counting(), shift, max_iter=50).fit(X, Y)
    assert Counting.asked == with_questions


def test_a_column_of_targets_does_not_broadcast():
    shift = FunctionShift(lambda X, y, y_pred: (X, y + y_pred))
    words = r"targets of shape \(3, 1\) and returned some of shape \(3, 3\).*reshape"
    for sample in (shift.sample, lambda X, y, y_pred: shift.bind(X, y)(y_pred)):
        with pytest.raises(ValueError, match=words):
            sample(X, Y[:, None], Y_PRED)
    with pytest.raises(ValueError, match=words):
        RepeatedRiskMinimizer(LinearRegression(), shift).fit(X, Y[:, None])


def test_weights_that_come_back_can_be_written():
    def keep(X, y, y_pred, sample_weight):
        return Sample(X, y, sample_weight)

    sample = FunctionShift(keep).sample(X, Y, Y_PRED, sample_weight=WEIGHTS.copy())
    sample.sample_weight[0] = 2.0
    assert_array_equal(sample.sample_weight, [2.0, 0.5, 3.0])
