# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables on disk: what they hold, however they are stored and cut."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skperf.batches import Batches, IncrementalEstimator
from skperf.shift import ResampleIfRejected
from skperf.utils._blocks import spill
from skperf.utils._by_rows import extremes, invert_sum, mean, number_of_each, total
from skperf.utils._tables import concatenate, take_rows

ROWS = np.random.default_rng(0).normal(size=(1000, 4)).astype(np.float32)


def stack(table):
    return np.concatenate(list(table.blocks()))


@pytest.fixture(params=["parquet", "arrow", "files", "memmap"])
def table(request, tmp_path):
    """Return the rows in one of the ways in which they can be stored."""
    if request.param == "memmap":
        np.save(tmp_path / "rows.npy", ROWS)
        return Batches.from_array(
            np.load(tmp_path / "rows.npy", mmap_mode="r"), batch_size=300
        )
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    arrow = pa.table(dict(zip("abcd", ROWS.T, strict=True)))
    if request.param == "arrow":
        feather.write_feather(arrow, tmp_path / "rows", compression="uncompressed")
        return Batches.from_arrow(tmp_path / "rows", batch_size=300)
    if request.param == "parquet":
        parquet.write_table(arrow, tmp_path / "rows", row_group_size=170)
        return Batches.from_parquet(tmp_path / "rows", batch_size=300)
    for number, start in enumerate(range(0, 1000, 450)):
        rows = arrow.slice(start, 450)
        parquet.write_table(rows, tmp_path / f"{number}.parquet")
    return Batches.from_parquet(tmp_path, batch_size=300)


def key(table, place):
    return "abcd"[place] if hasattr(table, "columns") else place


def test_is_an_honest_table(table):
    assert table.shape == (1000, 4)
    assert len(table) == 1000
    assert table.ndim == 2
    assert table.dtype == np.float32
    assert [len(block) for block in table.blocks()] == [300, 300, 300, 100]
    assert_array_equal(stack(table), ROWS)
    assert_array_equal(stack(table), ROWS)  # again


def test_columns(table):
    b, d = key(table, 1), key(table, 3)
    assert_array_equal(stack(table[b]), ROWS[:, 1])
    assert_array_equal(stack(table[[d, b]]), ROWS[:, [3, 1]])
    assert_array_equal(stack(table.drop([b])), ROWS[:, [0, 2, 3]])
    assert_array_equal(stack(table.drop(b)), ROWS[:, [0, 2, 3]])
    assert table[b].shape == (1000,)
    with pytest.raises(KeyError, match="not among the columns"):
        table["z"]
    with pytest.raises(TypeError, match="no columns"):
        table[b][0]
    if hasattr(table, "columns"):
        assert table.drop("b").columns == ["a", "c", "d"]


def test_strategic_columns_by_name(table):
    if not hasattr(table, "columns"):
        pytest.skip("no names")
    X, y = table.drop("d"), table["d"]
    named = ResampleIfRejected(0.5, strategic_features=["c"]).sample(
        X, y, np.full(1000, 0.5), random_state=0
    )
    placed = ResampleIfRejected(0.5, strategic_features=[2]).sample(
        X, y, np.full(1000, 0.5), random_state=0
    )
    assert_array_equal(stack(named.X), stack(placed.X))
    with pytest.raises(ValueError, match="not among the columns of X"):
        ResampleIfRejected(0.5, strategic_features=["z"]).bind(X, y)


def test_rows(table):
    rows = np.array([999, 0, 300, 299, 300])
    assert_array_equal(table.take(rows), ROWS[rows])
    assert_array_equal(take_rows(table[key(table, 2)], rows), ROWS[rows, 2])


def test_copies_are_the_table_itself(table):
    assert deepcopy(table) is table
    table.known["something"] = 1
    other = pickle.loads(pickle.dumps(table))
    assert_array_equal(stack(other), ROWS)
    assert other.known == {}


def test_never_loaded_as_a_whole(table):
    with pytest.raises(TypeError, match="never loaded as a whole"):
        np.asarray(table)


def test_a_memory_map_is_pickled_by_its_name(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    table = Batches.from_array(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    assert len(pickle.dumps(table)) < 1000
    assert_array_equal(stack(pickle.loads(pickle.dumps(table))), ROWS)


def test_missing_values(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"x": [1.5, None], "n": [1, None]}), tmp_path / "t")
    table = Batches.from_parquet(tmp_path / "t")
    assert_array_equal(stack(table["x"]), [1.5, np.nan])
    with pytest.raises(ValueError, match="'n' has missing values"):
        stack(table["n"])


def test_no_rows():
    with pytest.raises(ValueError, match="no rows"):
        Batches.from_array(np.empty((0, 2)))


@given(
    values=st.lists(st.floats(-100, 100), min_size=1, max_size=30),
    size=st.integers(1, 8),
    weighted=st.booleans(),
)
def test_sums_do_not_depend_on_blocks(values, size, weighted):
    values = np.array(values)
    weights = np.arange(1.0, len(values) + 1) if weighted else None
    blocks = [values[i : i + size] for i in range(0, len(values), size)]
    spilled = spill(blocks)
    assert_array_equal(spilled, values)
    assert spilled.sizes == tuple(map(len, blocks))
    assert_array_equal(extremes(spilled), [values.min(), values.max()])
    close = {"rtol": 1e-12, "atol": 1e-10}
    np.testing.assert_allclose(total(spilled), values.sum(), **close)
    np.testing.assert_allclose(
        mean(spilled, weights), np.average(values, weights=weights), **close
    )
    assert_array_equal(number_of_each(spilled), np.arange(len(values)))
    assert_array_equal(
        concatenate([spilled, spilled]), np.concatenate([values, values])
    )


@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=30), st.integers(1, 8))
def test_rows_in_proportion_to_weights(weights, size):
    weights = np.array(weights)
    blocks = spill(weights[i : i + size] for i in range(0, len(weights), size))
    shares = np.linspace(0.01, 0.99, 50)
    sums = np.cumsum(weights)
    expected = np.searchsorted(sums, shares * sums[-1], side="right")
    found = invert_sum(shares, blocks)
    assert np.abs(found - expected).max() <= 1  # sums of blocks are rounded otherwise
    assert (found == expected).mean() > 0.9


def test_spilled_arrays_are_arrays():
    spilled = spill([ROWS[:600], ROWS[600:]])
    assert spilled[:, 1].sizes == (600, 400)
    assert spilled[:7].sizes is None
    other = pickle.loads(pickle.dumps(spilled))
    assert type(other) is np.ndarray
    assert_array_equal(other, ROWS)
    spilled += 1  # it may be written on
    assert_array_equal(spilled, ROWS + 1)


def test_epochs_are_passes(table):
    X, y = table.drop(key(table, 3)), ROWS[:, 3] > 0
    solver = SGDClassifier(random_state=0)
    by_hand = clone(solver)
    for _ in range(2):
        for start in range(0, 1000, 300):
            rows = slice(start, start + 300)
            by_hand.partial_fit(ROWS[rows, :3], y[rows], classes=[False, True])
    model = IncrementalEstimator(solver, n_epochs=2).fit(X, y)
    assert_array_equal(model.estimator_.coef_, by_hand.coef_)
    assert_array_equal(model.predict(X), by_hand.predict(ROWS[:, :3]))
    assert_array_equal(
        model.decision_function(X), by_hand.decision_function(ROWS[:, :3])
    )
    assert model.classes_.tolist() == [False, True]
    assert model.n_features_in_ == 3


def test_warm_start():
    X, y = ROWS[:, :3], ROWS[:, 3] > 0
    model = IncrementalEstimator(GaussianNB(), warm_start=True).fit(X, y).fit(X, y)
    assert model.estimator_.class_count_.sum() == 2000
    model.set_params(warm_start=False).fit(X, y)
    assert model.estimator_.class_count_.sum() == 1000


class CountsRows(ClassifierMixin, BaseEstimator):
    """An estimator that knows no weights."""

    def fit(self, X, y):
        return self.partial_fit(X, y)

    def partial_fit(self, X, y, classes=None):
        self.n_rows_ = getattr(self, "n_rows_", 0) + len(X)
        return self


def test_what_cannot_be_trained_says_so():
    X, y = ROWS[:, :3], ROWS[:, 3] > 0
    with pytest.raises(ValueError, match="partial_fit"):
        IncrementalEstimator(KNeighborsClassifier()).fit(X, y)
    model = IncrementalEstimator(CountsRows())
    model.fit(X, y, np.full(1000, 2.0))
    with pytest.raises(ValueError, match="takes no sample_weight"):
        model.fit(X, y, np.arange(1000.0))
