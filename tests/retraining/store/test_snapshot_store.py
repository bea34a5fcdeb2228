# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A minimizer with a store is the one without, and goes on in any process."""

import os
import pickle
import re

import numpy as np
import pytest
from months import applications
from months import minimizer as trees
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.exceptions import SchemaError, StoreConflictError, StoreError
from skperf.retraining import SnapshotStore
from skperf.shift import ResampleIfRejected

MINIMIZERS = {
    "repeated": RepeatedRiskMinimizer(LogisticRegression()),
    "window": AffineRiskMinimizer(LogisticRegression(), window=2),
    "all": AffineRiskMinimizer(LogisticRegression()),
    "size": AffineRiskMinimizer(LogisticRegression(), coefficients="size"),
    "anderson": AffineRiskMinimizer(LogisticRegression(), coefficients="anderson"),
}


def month(number, n_rows=40):
    rng = np.random.default_rng(number)
    X = rng.normal(size=(n_rows + number, 3))
    y = (X[:, 0] + rng.logistic(size=len(X)) > 0).astype(int)
    return X, y, np.arange(len(X)) + 1000 * number


def live(model, numbers, weights=False):
    for number in numbers:
        X, y, groups = month(number)
        sample_weight = np.linspace(0.1, 1, len(X)) if weights else None
        model.partial_fit(
            X, y, sample_weight=sample_weight, groups=groups, period=f"month {number}"
        )
    return model


def assert_same(first, second):
    X = month(99)[0]
    assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.diagnosis_ == second.diagnosis_
    assert_array_equal(first.stability_residual_, second.stability_residual_)
    for name in first.history_.keys() - {"fit_time"}:
        assert_array_equal(first.history_[name], second.history_[name], err_msg=name)


@pytest.mark.parametrize(
    ("name", "weights"),
    [(name, number % 2 == 1) for number, name in enumerate(MINIMIZERS)],
)
def test_a_store_changes_no_number(name, weights, store):
    in_memory = live(clone(MINIMIZERS[name]), range(5), weights)
    on_disk = clone(MINIMIZERS[name]).set_params(store=store)
    assert_same(live(on_disk, range(5), weights), in_memory)
    # the verdict of later rounds looks at these
    _, stored = store._disk().load(5)
    whole, read = in_memory.__getstate__()["path"], stored["path"]
    assert_array_equal(read["orbit"], whole["orbit"])
    assert_array_equal(read["risk_errors"], whole["risk_errors"])


@pytest.mark.parametrize("n_before", [1, 4])
def test_resume_goes_on_exactly(n_before, store):
    whole = live(clone(MINIMIZERS["window"]), range(6))
    live(clone(MINIMIZERS["window"]).set_params(store=store), range(n_before))
    resumed = SnapshotStore(store.path).resume()
    assert_same(live(resumed, range(n_before, 6)), whole)
    assert resumed.store is not store


def kill(model, number, monkeypatch):
    """Call partial_fit in a process that dies between the rows and the model."""

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(model), "__skperf_retrain__", die)
        with pytest.raises(KeyboardInterrupt):
            live(model, [number])


@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_the_period_that_the_model_has_not_seen_is_trained_again(
    n_before, store, monkeypatch
):
    model = live(clone(MINIMIZERS["window"]).set_params(store=store), range(n_before))
    model.set_params(estimator__C=2.0)
    whole = live(clone(MINIMIZERS["window"]), range(n_before))
    live(whole.set_params(estimator__C=2.0), range(n_before, 4))
    kill(model, n_before, monkeypatch)
    with pytest.raises(StoreConflictError, match=f"'month {n_before}' are in"):
        live(model, [n_before + 1])
    resumed = store.resume()
    assert len(store.periods()) == n_before + 1
    assert_same(live(resumed, range(n_before + 1, 4)), whole)


def test_after_fit_the_fitted_model_counts_as_deployed(store):
    X, y, _ = month(50)
    fitted = RepeatedRiskMinimizer(
        LogisticRegression(), ResampleIfRejected(0.2), tol=1e-2
    ).fit(X, y)
    on_disk = pickle.loads(pickle.dumps(fitted)).set_params(store=store)
    live(fitted, range(2))
    assert_same(live(on_disk, range(2)), fitted)
    assert store.load("month 0").n_iter_ == 1


def test_after_fit_a_crash_finds_the_fitted_model(store, monkeypatch):
    X, y, _ = month(50)
    fitted = RepeatedRiskMinimizer(
        LogisticRegression(), ResampleIfRejected(0.2), tol=1e-2
    ).fit(X, y)
    on_disk = pickle.loads(pickle.dumps(fitted)).set_params(store=store)
    kill(on_disk, 0, monkeypatch)
    assert_same(store.resume(), live(fitted, [0]))


def test_another_estimator_begins_a_new_record(store):
    model = live(clone(MINIMIZERS["window"]).set_params(store=store), range(3))
    model.set_params(estimator=LinearRegression())
    in_memory = live(clone(MINIMIZERS["window"]), range(3))
    in_memory.set_params(estimator=LinearRegression())
    for each in (model, in_memory):
        with pytest.warns(UserWarning, match="a new record begins"):
            live(each, [3])
        live(each, [4])
    X = month(99)[0]
    assert_array_equal(store.resume().predict(X), in_memory.predict(X))
    assert store.resume().n_iter_ == 2
    assert store.load("month 2").n_iter_ == 2


def test_a_pickle_stays_small(store):
    """Two years: less than 20 kB beside the model, however many rows a month has."""
    model = AffineRiskMinimizer(LogisticRegression(), window=3, store=store)
    for number in range(24):
        X, y, groups = month(number, 500)
        model.partial_fit(X, y, groups=groups, period=f"month {number}")
    size = len(pickle.dumps(model)) - len(pickle.dumps(model.estimator_))
    assert size < 20_000
    again = pickle.loads(pickle.dumps(model))
    assert_same(live(again, [24]), store.resume())


@pytest.mark.slow
def test_categories_and_trees(store):
    """What make_pipeline of the crash test trains on is what a frame was."""
    on_disk, in_memory = trees(store), trees(None)
    for number in range(4):
        X, y, groups = applications(number)
        for model in (on_disk, in_memory):
            model.partial_fit(X, y, groups=groups, period=number)
    X = applications(9)[0]
    assert_array_equal(on_disk.predict_proba(X), in_memory.predict_proba(X))
    assert store.read(1).X.dtypes.equals(X.dtypes)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="asks for open files")
def test_each_step_is_on_the_disk_before_the_next(tmp_path, monkeypatch):
    """Rows, their folder, the commit, its folder, and the head; then the model."""
    fsync, synced = os.fsync, []

    def note(handle):
        path = os.readlink(f"/proc/self/fd/{handle}")
        synced.append(os.path.relpath(path, tmp_path))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", note)
    live(clone(MINIMIZERS["window"]).set_params(store=SnapshotStore(tmp_path)), [0])
    steps = [re.sub(r"[0-9a-f]{32}", "*", name) for name in synced]
    log = "seen/_delta_log"
    head = ["seen/.head.*", "seen"]
    rows = ["seen/*.parquet", "seen", f"{log}/{0:020}.json", log, *head]
    head_of_models = ["models/.head.*", "models"]
    model = [*head_of_models, "models/.000001.model.*", "models", *head_of_models]
    assert steps == [".", *head, *rows, ".", *model]


# One writer


def test_a_clone_is_refused(store):
    model = live(clone(MINIMIZERS["repeated"]).set_params(store=store), range(2))
    with pytest.raises(StoreConflictError, match="may be a clone or older"):
        live(clone(model), [2])
    with pytest.raises(StoreConflictError, match="may be a clone or older"):
        live(store.load("month 0"), [2])
    assert store.periods() == ["month 0", "month 1"]


@pytest.mark.filterwarnings("ignore:Retraining is not stable")
def test_a_search_does_not_write(store):
    X, y, _ = month(0)
    model = RepeatedRiskMinimizer(
        LogisticRegression(), ResampleIfRejected(0.1), max_iter=2, store=store
    )
    GridSearchCV(model, {"estimator__C": [0.1, 1.0]}, cv=2).fit(X, y)
    assert store.periods() == []


def test_of_two_writers_one_is_refused_and_can_go_on(store):
    live(clone(MINIMIZERS["window"]).set_params(store=store), range(2))
    first, second = store.resume(), store.resume()
    live(first, [2])
    with pytest.raises(StoreConflictError, match=r"process \d+ on .* wrote last"):
        live(second, [3])
    assert_same(live(store.resume(), [3]), live(clone(MINIMIZERS["window"]), range(4)))


def test_two_writers_at_the_same_moment(store, folder, monkeypatch):
    """Both have looked at the log before either commits."""
    from skperf.retraining._disk import _log

    live(clone(MINIMIZERS["window"]).set_params(store=store), range(2))
    first, second = store.resume(), store.resume()
    write_table = _log._write_table

    def be_overtaken(*args):
        monkeypatch.setattr(_log, "_write_table", write_table)
        live(first, [2])
        return write_table(*args)

    monkeypatch.setattr(_log, "_write_table", be_overtaken)
    with pytest.raises(StoreConflictError, match="Another writer was faster: process"):
        live(second, [3])
    assert store.periods() == ["month 0", "month 1", "month 2"]
    names = {path.name for path in (folder / "seen").glob("*.parquet")}
    assert len(names) == 3
    live(store.resume(), [3])


def test_two_writers_begin_at_the_same_moment(store, monkeypatch):
    from skperf.retraining._disk import _log

    first, second = (
        clone(MINIMIZERS["window"]).set_params(store=store) for _ in range(2)
    )
    write_table = _log._write_table

    def be_overtaken(*args):
        monkeypatch.setattr(_log, "_write_table", write_table)
        live(first, [0])
        return write_table(*args)

    monkeypatch.setattr(_log, "_write_table", be_overtaken)
    with pytest.raises(StoreConflictError, match="Another writer was faster: process"):
        live(second, [1])
    assert store.periods() == ["month 0"]


def test_two_that_train_the_same_period_again(store, monkeypatch):
    """A crash, and two jobs that both resume: the first model that is stored counts."""
    model = live(clone(MINIMIZERS["window"]).set_params(store=store), [0])
    kill(model, 1, monkeypatch)
    retrain = RepeatedRiskMinimizer.__skperf_retrain__

    def be_overtaken(self, *args):
        monkeypatch.setattr(AffineRiskMinimizer, "__skperf_retrain__", retrain)
        store.resume()
        retrain(self, *args)

    monkeypatch.setattr(AffineRiskMinimizer, "__skperf_retrain__", be_overtaken)
    with pytest.raises(StoreConflictError, match="Another writer has stored a model"):
        store.resume()
    assert_same(store.resume(), live(clone(MINIMIZERS["window"]), range(2)))


# What is refused


def test_a_period_counts_once(store):
    model = live(clone(MINIMIZERS["window"]).set_params(store=store), range(2))
    with pytest.raises(ValueError, match="'month 0' is in the store already"):
        live(model, [0])
    with pytest.raises(TypeError, match=r"give period, such as '2026-11' or 11"):
        model.partial_fit(*month(2)[:2])


def test_columns_that_changed_are_refused(store):
    model = trees(store)
    X, y, _ = applications(0)
    model.partial_fit(X, y, period=0)
    with pytest.raises(SchemaError, match=r"missing \['debt'\], not expected \['Debt'"):
        model.partial_fit(X.rename(columns={"debt": "Debt"}), y, period=1)
    with pytest.raises(SchemaError, match="y holds labels of kind 'number'"):
        model.partial_fit(X, y == "paid", period=1)
    assert store.periods() == [0]


def test_types_that_do_not_fit_are_refused(store):
    model = RepeatedRiskMinimizer(LinearRegression(), store=store)
    model.partial_fit(np.arange(4).reshape(2, 2), [0.0, 1.0], period=1)
    with pytest.raises(SchemaError, match=r"Column 'x0' holds double values that are"):
        model.partial_fit([[0.5, 1.0]] * np.ones((2, 1)), [0.0, 1.0], period=2)


@pytest.mark.parametrize(
    ("X", "y", "groups", "message"),
    [
        ([[1.0]], [1.0], None, "arrays of numbers; got list"),
        (np.array([["a"]]), [1.0], None, "arrays of numbers; got ndarray of <U1"),
        (np.ones((1, 1)), np.array([1j]), None, "targets of a store on disk"),
        (np.ones((1, 1)), [1.0], [0.5], "whole numbers or text"),
    ],
)
def test_what_a_store_cannot_keep(X, y, groups, message, store):
    model = RepeatedRiskMinimizer(LinearRegression(), store=store)
    with pytest.raises(TypeError, match=message):
        model.partial_fit(X, y, groups=groups, period=1)
    assert store.periods() == []


def test_an_estimator_that_cannot_be_pickled(store):
    model = RepeatedRiskMinimizer(
        LogisticRegression(), scoring=lambda *args: 0.0, store=store
    )
    with pytest.raises(TypeError, match="as pickle does, which fails"):
        live(model, [0])
    assert store.periods() == []


def test_rows_on_which_no_model_can_be_trained(store):
    """They wait, and are taken out by name."""
    model = live(clone(MINIMIZERS["window"]).set_params(store=store), [0])
    X, y, _ = month(1)
    before = store.resume()
    with pytest.raises(ValueError, match="NaN") as raised:
        model.partial_fit(np.where(X > 1, np.nan, X), y, period="bad")
    assert "'bad' are in the store and wait" in "".join(raised.value.__notes__)
    with pytest.raises(ValueError, match="NaN"):
        store.resume()
    with pytest.raises(ValueError, match="'month 0' is not a period that waits"):
        store.withdraw("month 0")
    with pytest.raises(ValueError, match=r"No model was trained on 'bad'"):
        store.load("bad")
    store.withdraw("bad")
    assert store.periods() == ["month 0"]
    assert_same(store.resume(), before)
    model.partial_fit(X, y, groups=month(1)[2], period="bad")
    assert_same(store.resume(), live(clone(MINIMIZERS["window"]), range(2)))


def test_a_first_period_that_was_withdrawn(store):
    """The store is as good as new, but for the columns."""
    X, y, groups = month(0)
    model = clone(MINIMIZERS["window"]).set_params(store=store)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full_like(X, np.nan), y, groups=groups, period="month 0")
    store.withdraw("month 0")
    assert store.resume(default=model) is model
    with pytest.raises(SchemaError, match=r"missing \['x2'\], not expected \[\]"):
        model.partial_fit(X[:, :2], y, groups=groups, period="month 0")
    assert_same(live(model, range(2)), live(clone(MINIMIZERS["window"]), range(2)))


def test_an_empty_store(store, folder):
    with pytest.raises(StoreError, match="Nothing is stored in"):
        store.resume()
    model = MINIMIZERS["window"]
    assert store.resume(default=model) is model
    assert store.periods() == store.models() == []
    with pytest.raises(ValueError, match="expected some of"):
        store.read()
    assert not folder.exists()


def test_without_the_libraries(store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "deltalake", None)
    model = clone(MINIMIZERS["window"]).set_params(store=store)
    with pytest.raises(ImportError, match=r"pip install skperf\[store\]"):
        live(model, [0])


# What can be read


def test_what_is_stored_can_be_read(store):
    model = live(clone(MINIMIZERS["window"]).set_params(store=store), range(3), True)
    X, y, groups = month(1)
    read = store.read("month 1")
    assert_array_equal(read.X, X)
    assert_array_equal(read.y, y)
    assert read.y.dtype == y.dtype
    assert_array_equal(read.groups, groups)
    assert_array_equal(read.sample_weight, np.linspace(0.1, 1, len(X)))
    both = store.read("month 0", "month 2")
    assert_array_equal(both.X, np.vstack([month(0)[0], month(2)[0]]))
    assert store.models() == [
        {"period": f"month {number}", "n_forgotten": 0} for number in range(3)
    ]
    assert_same(store.load("month 2"), model)
    assert store.load("month 1").n_iter_ == 1


def test_other_engines_read_it(store):
    pytest.importorskip("pyarrow", "20")  # which deltalake needs to read
    from deltalake import DeltaTable

    live(clone(MINIMIZERS["window"]).set_params(store=store), range(3))
    table = DeltaTable(os.path.join(store.path, "seen")).to_pyarrow_table()
    assert len(table) == sum(len(month(number)[0]) for number in range(3))
    assert set(table["skperf_period"].to_pylist()) == {f"month {n}" for n in range(3)}


def test_no_entry_of_a_log_is_cleaned_up(store, monkeypatch):
    """Delta would after a month and a hundred commits, and a chain has no gap."""
    import deltalake

    make, asked = deltalake.PostCommitHookProperties, []

    def note(**kwargs):
        asked.append(kwargs)
        return make(**kwargs)

    monkeypatch.setattr(deltalake, "PostCommitHookProperties", note)
    live(clone(MINIMIZERS["repeated"]).set_params(store=store), range(2))
    assert asked == [{"create_checkpoint": False, "cleanup_expired_logs": False}] * 2


def test_only_the_window_is_read(store, monkeypatch):
    """Six months are there; three and the base population are asked for."""
    from skperf.retraining._disk import _seen

    model = AffineRiskMinimizer(LogisticRegression(), window=3, store=store)
    live(model, range(6))
    read, asked = _seen.read_parquet, []

    def note(path, **kwargs):
        table = read(path, **kwargs)
        asked.append(table.column_names)
        return table

    monkeypatch.setattr(_seen, "read_parquet", note)
    live(model, [6])
    assert len(asked) < 8
    whole = [names for names in asked if "skperf_y" in names]
    assert len(whole) == 3
    base = [names for names in asked if "skperf_y" not in names]
    assert all("skperf_person" not in names for names in base)
