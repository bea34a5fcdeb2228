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

from skperf import RepeatedRiskMinimizer
from skperf.batches import Batches, IncrementalEstimator
from skperf.retraining._losses import distance
from skperf.retraining._orbit import NOWHERE, extend_orbit
from skperf.retraining._persons import repeats
from skperf.retraining._settled import risk_errors
from skperf.shift import ResampleIfRejected, Sample
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
        with pytest.raises(ValueError, match="has no names"):
            ResampleIfRejected(0.5, strategic_features=["c"]).bind(table, table[0])
        return
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


def test_spilled_blocks_are_of_one_type():
    """Text has as many letters as the longest label of a block has."""
    labels = spill([np.array(["a", "b"]), np.array(["long", "a"])])
    assert labels.tolist() == ["a", "b", "long", "a"]
    assert labels.sizes == (2, 2)
    with pytest.raises(TypeError, match="Cannot cast"):
        spill([np.zeros(2), np.zeros(2, np.float32)])


def test_labels_that_are_text(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    labels = np.where(ROWS[:, 0] > 0, "yes", "no").astype(object)
    arrow = pa.table(dict(zip("abcd", ROWS.T, strict=True)) | {"label": labels})
    parquet.write_table(arrow, tmp_path / "rows")
    table = Batches.from_parquet(tmp_path / "rows", batch_size=300)
    X, y = table.drop("label"), table["label"]
    model = RepeatedRiskMinimizer(
        IncrementalEstimator(GaussianNB(), batch_size=300),
        ResampleIfRejected(0.5),
        pos_label="yes",
    )
    expected = model.fit(ROWS, labels).predict(ROWS)
    assert_array_equal(model.fit(X, y).predict(X), expected)
    assert model.classes_.tolist() == ["no", "yes"]


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


@given(
    st.integers(1, 300), st.integers(1, 60), st.booleans(), st.sampled_from([None, 1])
)
def test_the_record_does_not_depend_on_blocks(n_samples, size, weighted, n_outputs):
    """Sums that stand for models, errors by persons, and distances."""
    rng = np.random.default_rng(n_samples)
    shape = (n_samples,) if n_outputs is None else (n_samples, n_outputs)
    first, second = rng.normal(size=(2, *shape))
    weights = rng.uniform(0.5, 2, n_samples) if weighted else None

    def cut_up(rows):
        return spill(rows[i : i + size] for i in range(0, n_samples, size))

    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(
        extend_orbit(NOWHERE, cut_up(first), weights),
        extend_orbit(NOWHERE, first, weights),
        **close,
    )
    np.testing.assert_allclose(
        distance(cut_up(first), cut_up(second), weights),
        distance(first, second, weights),
        **close,
    )
    for groups in (None, rng.integers(0, n_samples, n_samples)):
        sample = Sample(first, first, weights, groups)
        np.testing.assert_allclose(
            risk_errors(cut_up(first.ravel()), sample),
            risk_errors(first.ravel(), sample),
            **close,
        )


@given(st.lists(st.integers(0, 30), min_size=1, max_size=20), st.integers(1, 6))
def test_who_comes_again_does_not_depend_on_blocks(persons, size):
    several = np.array(persons)
    once = np.unique(several)
    backwards, rounds = once[::-1], np.concatenate([once, once])
    whole = several, np.sort(several), once, backwards, rounds
    for groups in (*whole, once.astype(str), rounds.astype(str)):
        blocks = spill(groups[i : i + size] for i in range(0, len(groups), size))
        assert repeats(blocks) == (len(set(groups.tolist())) < len(groups))
