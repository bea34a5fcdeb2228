# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows first, labels later: no row is lost, and none counts twice."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.exceptions import MissingLabelsWarning, SchemaError
from skperf.retraining import MemoryStore, SnapshotStore

X = np.arange(12.0).reshape(6, 2)
IDS = np.array([7, 3, 9, 1, 5, 2])


@pytest.fixture(
    params=["folder", "memory", pytest.param("bucket", marks=pytest.mark.slow)]
)
def any_store(request, tmp_path):
    if request.param == "bucket":
        return SnapshotStore(request.getfixturevalue("bucket")[0])
    return SnapshotStore(tmp_path) if request.param == "folder" else MemoryStore()


def logged(store, *periods):
    for period in periods:
        store = store.log(X, X[:, 0], IDS, period)
    return store


def test_labels_find_their_rows(any_store):
    store = logged(any_store, "May").label([1, 7, 9], ["c", "a", "b"])
    with pytest.warns(MissingLabelsWarning, match="3 of 6 rows of 'May' have no label"):
        labelled = store.labelled("May")
    assert_array_equal(labelled["X"], X[[0, 2, 3]])
    assert_array_equal(labelled["y"], ["a", "b", "c"])
    assert_array_equal(labelled["groups"], [7, 9, 1])
    assert labelled["period"] == "May"
    assert labelled["deployed"] is None
    store = store.label([3, 5, 2], ["d", "e", "f"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(store.labelled("May")["y"], list("adbcef"))


def test_a_batch_may_be_sent_twice(any_store):
    store = logged(any_store, "May").label([1, 7], [0, 1]).label([1, 7, 9], [0, 1, 1])
    with pytest.warns(MissingLabelsWarning):
        assert_array_equal(store.labelled("May")["y"], [1, 1, 0])
    with pytest.raises(ValueError, match=r"row of 1 in 'May' has the label 0; got 1"):
        store.label([1], [1])


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([8], r"1 ids are not those of logged rows, such as \[8\]"),
        (["7"], "no text equals a number"),
        ([7, 7], "several times"),
    ],
)
def test_labels_without_a_row_are_refused(any_store, ids, message):
    store = logged(any_store, "May")
    with pytest.raises(ValueError, match=message):
        store.label(ids, np.ones(len(ids)))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        store.label([7], [1, 1])


def test_a_person_of_several_periods_needs_the_period(any_store):
    store = logged(any_store, "May", "June")
    with pytest.raises(ValueError, match=r"several periods: \['May', 'June'\]. Name"):
        store.label([7], [1])
    with pytest.raises(ValueError, match="'July' is no period that was logged"):
        store.label([7], [1], period="July")
    store = store.label([7], [1], period="June")
    with pytest.warns(MissingLabelsWarning):
        assert_array_equal(store.labelled("June")["y"], [1])
    with pytest.raises(ValueError, match="No row of 'May' has a label"):
        store.labelled("May")
    with pytest.raises(ValueError, match="'July' is no period that was logged"):
        store.labelled("July")


def test_what_is_logged_twice_is_refused(any_store):
    store = logged(any_store, "May")
    with pytest.raises(ValueError, match="'May' is in the store already"):
        logged(store, "May")
    with pytest.raises(ValueError, match=r"The ids \[7\] are there several times"):
        store.log(X, X[:, 0], [7, 7, 9, 1, 5, 2], "June")
    with pytest.raises(ValueError, match="inconsistent numbers"):
        store.log(X, X[:, 0], IDS[1:], "June")


def test_a_memory_store_is_a_value():
    empty = MemoryStore()
    rows = logged(empty, "May")
    rows.label([7], [1])
    with pytest.raises(ValueError, match="0 have a label"):
        rows.labelled("May")
    with pytest.raises(ValueError, match="no period"):
        empty.labelled("May")


@pytest.mark.filterwarnings("ignore::skperf.exceptions.MissingLabelsWarning")
def test_training_takes_what_is_labelled(store):
    """Each row is in one training, and a second batch has a name of its own."""
    model = RepeatedRiskMinimizer(LinearRegression(), store=store)
    model.partial_fit(X, X[:, 0], groups=IDS + 100, period="April")
    logged(store, "May").label([1, 7], [0.0, 1.0])
    model.partial_fit(**store.labelled("May"))
    assert_array_equal(store.read("May").groups, [7, 1])
    with pytest.raises(ValueError, match="2 have a label, 2 were trained on"):
        store.labelled("May")
    store.label([3, 2], [0.0, 1.0])
    second = store.labelled("May")
    assert second["period"] == "May (2)"
    assert_array_equal(second["groups"], [3, 2])
    assert second["deployed"] == 0
    model.partial_fit(**second)
    assert store.periods() == ["April", "May", "May (2)"]
    assert model.history_["n_rows"].tolist() == [2, 2]


@pytest.mark.filterwarnings("ignore::skperf.exceptions.MissingLabelsWarning")
def test_other_rows_of_a_logged_period_are_refused(store):
    logged(store, "May").label([1, 7], [0.0, 1.0])
    model = RepeatedRiskMinimizer(LinearRegression(), store=store)
    labelled = store.labelled("May")
    others = [
        {"X": X, "y": X[:, 0], "groups": IDS},
        {**labelled, "y": labelled["y"][::-1]},
        {**labelled, "groups": None},
    ]
    for other in others:
        with pytest.raises(ValueError, match="these are not all of its rows that have"):
            model.partial_fit(**{**other, "period": "May"})
    store.label([3], [0.0])  # came in between
    with pytest.raises(ValueError, match="these are not all of its rows that have"):
        model.partial_fit(**labelled)
    assert store.periods() == []
    model.partial_fit(**store.labelled("May"))
    with pytest.raises(ValueError, match="'May' is in the store already"):
        store.log(X, X[:, 0], IDS, "May")


MET = []


def newest(snapshots):
    MET.append([float(s.y_pred[0]) for s in snapshots])
    return np.eye(len(snapshots))[-1]


def test_rows_belong_to_the_model_that_people_met(store):
    """Labels that come three months late: what a path in memory cannot tell."""

    MET.clear()
    model = AffineRiskMinimizer(LinearRegression(fit_intercept=False), window=2)
    model.set_params(coefficients=newest, store=store)
    one = np.ones((1, 1))
    model.partial_fit(one, [1.0], groups=[0], period=0)  # f = 1
    store.log(one, [1.0], [1], "late")
    for number, target in enumerate([2.0, 4.0, 8.0]):
        model.partial_fit(one, [target], groups=[10 + number], period=number + 1)
    store.label([1], [3.0])
    labelled = store.labelled("late")
    assert labelled["deployed"] == 0
    model.partial_fit(**labelled)
    assert MET[-1] == pytest.approx([4.0, 1.0])
    assert model.predict(one)[0] == pytest.approx(3.0)
    assert np.isnan(model.history_["risk_before"][-1])
    with pytest.raises(ValueError, match="deployed=9 is not a round whose model"):
        model.partial_fit(one, [1.0], groups=[99], period="never", deployed=9)
    store.withdraw("never")


def test_rows_that_met_no_model_of_the_record(store):
    store.log(X, X[:, 0], IDS, "May")
    store.log(X, X[:, 0], IDS, "June")
    store.label(IDS, X[:, 0], period="May").label(IDS, X[:, 0], period="June")
    model = RepeatedRiskMinimizer(LinearRegression(), store=store)
    model.partial_fit(**store.labelled("May"))
    with pytest.raises(ValueError, match="before the record of the store's models"):
        store.labelled("June")


def test_logged_columns_are_held_to_the_first(store):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b"])
    store.log(frame, X[:, 0], IDS, "May")
    store.log(frame[["b", "a"]], X[:, 0], IDS, "June")
    with pytest.raises(SchemaError, match=r"missing \['b'\], not expected \['c'\]"):
        store.log(frame.rename(columns={"b": "c"}), X[:, 0], IDS, "July")
    store.label(IDS, X[:, 0], period="June")
    assert store.labelled("June")["X"].equals(frame)
    model = RepeatedRiskMinimizer(LinearRegression(), store=store)
    model.partial_fit(**store.labelled("June"))
    with pytest.raises(SchemaError, match=r"missing \['b'\], not expected \['c'\]"):
        store.log(frame.rename(columns={"b": "c"}), X[:, 0], IDS, "July")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::skperf.exceptions.MissingLabelsWarning")
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(0, 5), unique=True), max_size=4))
def test_whatever_order_labels_come_in(batches, tmp_path_factory):
    """All that was labelled is trained on once, with its own label."""
    store = SnapshotStore(tmp_path_factory.mktemp("store"))
    model = RepeatedRiskMinimizer(LinearRegression(), store=store)
    model.partial_fit(X, X[:, 0], groups=IDS + 100, period="April")
    logged(store, "May")
    labelled: set[int] = set()
    for batch in batches:
        store.label(IDS[batch], X[batch, 0])
        if set(batch) - labelled:
            model.partial_fit(**store.labelled("May"))
        labelled |= set(batch)
    trained = store.read(*store.periods())
    assert sorted(trained.groups) == sorted([*(IDS + 100), *IDS[list(labelled)]])
    assert_array_equal(trained.y, trained.X[:, 0])
