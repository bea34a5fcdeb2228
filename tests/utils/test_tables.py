# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skperf.shift import ResampleIfRejected, StrategicResponse
from skperf.utils._tables import (
    add_to_columns,
    column_indices,
    column_values,
    concatenate,
    replace_columns,
    take_rows,
)

X = np.arange(12.0).reshape(4, 3)
X[1, 1] = 0.0
HALF = np.array([0, 0.5, 0])
CONTAINERS = {
    "array": np.array,
    "fortran": np.asfortranarray,
    "csr_matrix": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
}


def frame_of(module):
    return lambda X: module.DataFrame(dict(zip("abc", np.asarray(X).T, strict=True)))


@pytest.fixture(params=[*CONTAINERS, "pandas", "polars"])
def container(request):
    if request.param in CONTAINERS:
        return CONTAINERS[request.param]
    return frame_of(pytest.importorskip(request.param))


def dense(table):
    if sparse.issparse(table):
        return table.toarray()
    return np.asarray(table)


def kind(table):
    """Return the family of a table: sparse formats may change."""
    return "sparse" if sparse.issparse(table) else type(table)


def test_take_rows(container):
    table = container(X)
    taken = take_rows(table, np.array([2, 0, 2]))
    assert_array_equal(dense(taken), X[[2, 0, 2]])
    assert kind(taken) == kind(table)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (1, [1]),
        ([2, 0], [2, 0]),
        ((0, 1), [0, 1]),
        (np.array([0, 2]), [0, 2]),
        ([-1], [2]),
        ([True, False, True], [0, 2]),
        (np.array([True, False, True]), [0, 2]),
        (slice(1, None), [1, 2]),
        (slice(None), [0, 1, 2]),
        (range(2), [0, 1]),
    ],
)
def test_column_indices(container, columns, expected):
    assert column_indices(container(X), columns).tolist() == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("b", [1]),
        (["c", "a"], [2, 0]),
        (np.array(["a", "c"]), [0, 2]),
        (slice("b", "c"), [1, 2]),
    ],
)
def test_column_names(df_module, columns, expected):
    assert column_indices(frame_of(df_module)(X), columns).tolist() == expected


def test_column_names_of_a_pandas_index():
    pd = pytest.importorskip("pandas")
    frame = frame_of(pd)(X)
    assert column_indices(frame, frame.columns[[2, 1]]).tolist() == [2, 1]
    assert column_indices(frame, pd.Series(["a"])).tolist() == [0]


@pytest.mark.parametrize("table", [["a", "b"], [[1, 2], [3, 4]], np.array(["a", "b"])])
def test_columns_of_what_has_none(table):
    with pytest.raises(TypeError, match=f"two-dimensional.*got {type(table).__name__}"):
        column_indices(table, [0])


@pytest.mark.parametrize("column", [0, np.int64(1)])
def test_column_values(container, column):
    values = column_values(container(X.astype(int)), column)
    assert values.dtype == float
    assert_array_equal(values, X[:, column])


def test_replace_columns(container):
    """Two columns come from one donor, the third from the row itself."""
    table = container(X)
    rows, donors = np.array([0, 1, 2, 3, 3]), np.array([3, 3, 2, 1, 0])
    replaced = replace_columns(table, np.array([0, 2]), rows, donors)
    expected = X[rows]
    expected[:, [0, 2]] = X[donors][:, [0, 2]]
    assert_array_equal(dense(replaced), expected)
    assert kind(replaced) == kind(table)
    assert_array_equal(dense(table), X)


def test_replace_columns_of_other_kinds(df_module):
    """Texts and integers keep their type."""
    frame = df_module.DataFrame({"job": ["a", "b", "c"], "age": [1, 2, 3]})
    rows, donors = np.arange(3), np.array([2, 2, 0])
    job = replace_columns(frame, np.array([0]), rows, donors)
    assert list(job["job"]) == ["c", "c", "a"]
    assert list(job["age"]) == [1, 2, 3]
    age = replace_columns(frame, np.array([1]), rows, donors)
    assert list(age["job"]) == ["a", "b", "c"]
    assert list(age["age"]) == [3, 3, 1]
    assert age["age"].dtype == frame["age"].dtype


def test_replace_columns_ignores_the_pandas_index():
    pd = pytest.importorskip("pandas")
    frame = frame_of(pd)(X).set_index(np.array([7, 5, 7, 1]))
    rows, donors = np.arange(4), np.array([1, 0, 3, 2])
    replaced = replace_columns(frame, np.array([1]), rows, donors)
    assert_array_equal(replaced["b"], X[donors, 1])
    assert_array_equal(replaced["a"], X[:, 0])


def test_replaced_zeros_of_sparse_tables():
    """A donor's zero replaces a number, and a stored zero does no harm."""
    table = sparse.csr_array(X)
    table[3, 2] = 0.0
    replaced = replace_columns(
        table, np.array([1, 2]), np.array([0, 2]), np.array([1, 3])
    )
    assert_array_equal(replaced.toarray(), [[0, 0, 5], [6, 10, 0]])


@pytest.mark.parametrize("amounts", [np.array([0.5, -1.0]), np.ones((4, 2)) * 0.25])
def test_add_to_columns(container, amounts):
    table = container(X)
    moved = add_to_columns(table, np.array([0, 2]), amounts)
    expected = X.copy()
    expected[:, [0, 2]] += amounts
    assert_allclose(dense(moved), expected, rtol=1e-15)
    assert kind(moved) == kind(table)
    assert_array_equal(dense(table), X)


def test_add_number_to_one_column(container):
    moved = add_to_columns(container(X), [1], 0.5)
    assert_allclose(dense(moved), X + HALF, rtol=1e-15)


def test_add_fractions_to_integers(container):
    moved = add_to_columns(container(X.astype(int)), [1], 0.5)
    assert_allclose(dense(moved), X + HALF, rtol=1e-15)


def test_add_to_columns_keeps_the_pandas_index():
    pd = pytest.importorskip("pandas")
    frame = frame_of(pd)(X).set_index(np.array([7, 5, 7, 1]))
    moved = add_to_columns(frame, [1], np.arange(4.0)[:, None])
    assert_array_equal(moved["b"], X[:, 1] + np.arange(4))
    assert_array_equal(moved.index, frame.index)


def test_concatenate(container):
    tables = [container(X), container(X[:2] + 100)]
    stacked = concatenate(tables)
    assert_array_equal(dense(stacked), np.concatenate([X, X[:2] + 100]))
    assert kind(stacked) == kind(tables[0])


def test_concatenate_lists_and_series(df_module):
    assert concatenate([["a"], ["b", "c"]]) == ["a", "b", "c"]
    labels = df_module.Series(["a", "b"])
    assert list(concatenate([labels, labels])) == ["a", "b", "a", "b"]


@pytest.mark.parametrize("columns", [[1, 1], [1, -2], (1, 1, 1), np.array([1, 1])])
def test_a_column_named_twice_is_there_once(container, columns):
    table = container(X)
    found = column_indices(table, columns)
    assert found.tolist() == [1]
    moved = add_to_columns(table, found, np.array([0.5]))
    assert_allclose(dense(moved), X + HALF)
    donated = replace_columns(table, found, np.arange(4), np.arange(4))
    assert_array_equal(dense(donated), X)


def test_a_name_given_twice_is_there_once(df_module):
    frame = frame_of(df_module)(X)
    assert column_indices(frame, ["c", "a", "c"]).tolist() == [2, 0]


@pytest.mark.parametrize("shift", [StrategicResponse, ResampleIfRejected])
def test_shifts_move_a_column_once(container, shift):
    def rule(table):
        return np.full(table.shape[0], 0.5)

    class Slope:
        def __call__(self, table):
            return rule(table)

        def gradient(self, table, columns):
            return np.ones((table.shape[0], len(columns)))

    samples = [
        shift(0.5, strategic_features=columns).sample(
            container(X), np.ones(4), np.full(4, 0.5), predictor=Slope(), random_state=0
        )
        for columns in ([1, 1], [1])
    ]
    assert_array_equal(*[dense(sample.X) for sample in samples])


@pytest.mark.parametrize("mask", [[True, False], [True] * 4, np.array([True] * 4)])
def test_a_mask_of_the_wrong_length(container, mask):
    words = f"mask of columns has {len(mask)} entries, and X has 3 columns"
    with pytest.raises(ValueError, match=words):
        column_indices(container(X), mask)


@pytest.mark.parametrize("columns", [3, [0, 7], [-4], [0.5], [[0, 1]]])
def test_positions_that_are_not_there(container, columns):
    words = r"X has 3 columns, and .* are not among them.*positions from 0 to 2"
    with pytest.raises(ValueError, match=words):
        column_indices(container(X), columns)


@pytest.mark.parametrize("columns", ["b", ["a", "b"], slice("a", "b")])
def test_names_of_what_became_an_array(columns):
    words = r"named \['.*ndarray, which has no names.*wrapper.*set_output"
    with pytest.raises(ValueError, match=words):
        column_indices(X, columns)


def test_names_that_a_wrapper_has_changed(df_module):
    frame = df_module.DataFrame({"scale__a": [1.0], "scale__b": [2.0]})
    words = r"\['a'\] are not among.*'scale__a'.*verbose_feature_names_out=False"
    with pytest.raises(ValueError, match=words):
        column_indices(frame, ["scale__b", "a"])


@pytest.mark.parametrize("strategic", [["b"], ["a", "b"], None])
def test_a_gradient_along_text(df_module, strategic):
    frame = df_module.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    shift = StrategicResponse(0.5, strategic_features=strategic)
    words = r"columns hold no numbers: 'b' \(String\).*numeric columns.*Resample"
    with pytest.raises(ValueError, match=words):
        shift.sample(frame, [0, 1], None, predictor=lambda table: np.zeros(2))
    letters = np.array([[1.0, "x"], [2.0, "y"]], dtype=object)
    with pytest.raises(ValueError, match=r"hold no numbers: 1 \(text\)"):
        StrategicResponse(0.5, strategic_features=[0, 1]).sample(
            letters, [0, 1], None, predictor=lambda table: np.zeros(2)
        )


def test_a_gradient_along_categories():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": pd.Categorical([1, 2])})
    with pytest.raises(ValueError, match=r"'b' \(Categorical\)"):
        StrategicResponse(0.5).sample(
            frame, [0, 1], None, predictor=lambda table: np.zeros(2)
        )
