# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Later periods look like the first, or are refused with the difference."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skperf.exceptions import SchemaError
from skperf.retraining import Schema
from skperf.shift import Sample

LABELS = np.array([0, 1, 1])


def month(X, y=LABELS):
    return Sample(X, y)


def frame(df_module, **columns):
    base = {"age": [1.0, 2.0, 3.0], "n": [1, 2, 3], "name": ["a", "b", "c"]}
    return df_module.DataFrame(base | columns)


def test_equal_tables_are_left_alone(df_module):
    schema = Schema.of(month(frame(df_module)))
    later = month(frame(df_module))
    assert schema.align(later) is later


def test_columns_are_told_by_name(df_module):
    schema = Schema.of(month(frame(df_module)))
    turned = frame(df_module)[["name", "n", "age"]]
    aligned = schema.align(month(turned)).X
    assert isinstance(aligned, df_module.DataFrame)
    assert list(aligned.columns) == ["age", "n", "name"]
    assert list(aligned["n"]) == [1, 2, 3]
    assert list(turned.columns) == ["name", "n", "age"]


def test_integers_widen(df_module):
    schema = Schema.of(month(frame(df_module)))
    aligned = schema.align(month(frame(df_module, age=[4, 5, 6]))).X
    assert aligned["age"].dtype == frame(df_module)["age"].dtype


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"n": [1.5, 2.0, 3.0]}, "'n' of X is float; expecting integer"),
        ({"name": [1, 2, 3]}, "'name' of X is integer; expecting text"),
        ({"age": ["1", "2", "3"]}, "'age' of X is text; expecting float"),
        ({"age": [True, False, True]}, "'age' of X is Boolean; expecting float"),
        ({"extra": [0, 0, 0]}, r"missing \[\], not expected \['extra'\]"),
    ],
)
def test_other_columns_are_refused(df_module, columns, message):
    schema = Schema.of(month(frame(df_module)))
    with pytest.raises(SchemaError, match=message):
        schema.align(month(frame(df_module, **columns)))


def test_a_missing_column_is_named(df_module):
    schema = Schema.of(month(frame(df_module)))
    with pytest.raises(SchemaError, match=r"missing \['n'\], not expected \['N'\]"):
        schema.align(month(frame(df_module).rename(**renaming(df_module))))


def renaming(df_module):
    columns = {"n": "N"}
    return {"columns": columns} if df_module is pd else {"mapping": columns}


def categories(df_module, values, known="xyz"):
    if df_module is pd:
        return pd.DataFrame({"c": pd.Categorical(values, categories=list(known))})
    return pl.DataFrame({"c": pl.Series(values, dtype=pl.Enum(list(known)))})


def test_a_part_of_the_categories_is_recast(df_module):
    first = categories(df_module, list("xyz"))
    aligned = (
        Schema.of(month(first)).align(month(categories(df_module, list("xyx"), "xy"))).X
    )
    assert list(aligned["c"]) == ["x", "y", "x"]
    assert aligned["c"].dtype == first["c"].dtype


def test_new_categories_are_refused(df_module):
    schema = Schema.of(month(categories(df_module, list("xyz"))))
    later = month(categories(df_module, list("xyw"), "xyw"))
    with pytest.raises(SchemaError, match=r"has the categories \['w'\]"):
        schema.align(later)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_arrays(container):
    schema = Schema.of(month(container(np.ones((3, 4)))))
    later = month(container(np.ones((3, 4), dtype=int)))
    assert schema.align(later) is later
    with pytest.raises(SchemaError, match=r"3 features, but .* expecting 4 features"):
        schema.align(month(container(np.ones((3, 3)))))


@pytest.mark.parametrize(
    ("first", "later", "message"),
    [
        (pd.DataFrame({"a": [1.0]}), np.ones((1, 1)), "'array'; expecting 'pandas'"),
        (np.ones((1, 1)), pd.DataFrame({"a": [1.0]}), "'pandas'; expecting 'array'"),
        (
            pd.DataFrame({"a": [1.0]}),
            pl.DataFrame({"a": [1.0]}),
            "'polars'; expecting 'pandas'",
        ),
    ],
)
def test_other_containers_are_refused(first, later, message):
    with pytest.raises(SchemaError, match=message):
        Schema.of(month(first, [0])).align(month(later, [0]))


@pytest.mark.parametrize(
    ("first", "later", "fits"),
    [
        ([0, 1], [1.0, 0.0], True),
        ([0, 1], [True, False], True),
        (["a", "b"], np.array(["a", "c"], dtype=object), True),
        ([0, 1], ["0", "1"], False),
        (["0", "1"], [0, 1], False),
    ],
)
def test_labels(first, later, fits):
    """Labels are compared by value, and no text equals a number."""
    X = np.ones((2, 1))
    schema = Schema.of(month(X, first))
    if fits:
        schema.align(month(X, later))
        return
    with pytest.raises(SchemaError, match="y holds labels of kind"):
        schema.align(month(X, later))


def many(X):
    return {
        "array": X,
        "list": X.tolist(),
        "sparse": sparse.csr_array(X),
        "pandas": pd.DataFrame(X, columns=["a", "b", "c"]),
        "polars": pl.DataFrame(X, schema=["a", "b", "c"]),
    }


TABLES = many(np.eye(3))


@pytest.mark.parametrize("first", TABLES)
@pytest.mark.parametrize("later", TABLES)
def test_tables_that_cannot_be_stacked(first, later):
    """Only lists and arrays can; rows of the one are rows of the other."""
    schema = Schema.of(month(TABLES[first]))
    if first == later or {first, later} == {"array", "list"}:
        assert schema.align(month(TABLES[later])).X is TABLES[later]
        return
    message = f"X is of kind '{later}'; expecting '{first}'"
    with pytest.raises(SchemaError, match=message):
        schema.align(month(TABLES[later]))


def test_lists_are_left_to_the_estimator():
    schema = Schema.of(month(["spam", "ham"], ["a", "b"]))
    later = month(["eggs"], ["a"])
    assert schema.align(later) is later


def test_a_schema_is_a_value():
    schema = Schema.of(month(frame(pd)))
    assert schema == Schema.of(month(frame(pd)[:1], LABELS[:1]))
    assert schema == pickle.loads(pickle.dumps(schema))
    assert_array_equal([column.name for column in schema.columns], ["age", "n", "name"])


@pytest.mark.parametrize(
    ("first", "later", "message"),
    [
        (
            LABELS,
            LABELS[:, None],
            "1 columns of labels; expecting one label a row",
        ),
        (LABELS.tolist(), LABELS[:, None], "expecting one label a row"),
        (LABELS[:, None], LABELS.tolist(), "one label a row; expecting 1 columns"),
        (np.ones((3, 2)), np.ones((3, 3)), "holds 3 columns of labels; expecting 2"),
    ],
)
def test_labels_have_the_shape_of_the_first(first, later, message):
    schema = Schema.of(month(np.ones((3, 2)), first))
    with pytest.raises(SchemaError, match=message):
        schema.align(month(np.ones((3, 2)), later))
    again = month(np.ones((3, 2)), first)
    assert schema.align(again) is again
