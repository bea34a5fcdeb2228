# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is written to disk is read again to the last bit and in the same types."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from skperf.exceptions import SchemaError
from skperf.retraining._disk._tables import Rows, fit_into, from_arrow, to_arrow

N = 3
NUMBERS = ["?", "i1", "i4", "i8", "u1", "u2", "u4", "f2", "f4", "f8"]


def again(X, **others):
    return from_arrow(to_arrow(Rows(X, np.zeros(N), **others)))


@given(
    st.sampled_from(NUMBERS).flatmap(lambda kind: arrays(kind, st.just((N, 2)))),
)
def test_arrays(X):
    read = again(X).X
    assert read.dtype == X.dtype
    assert read.tobytes() == np.ascontiguousarray(X).tobytes() or np.isnan(X).any()
    assert_array_equal(read, X)


COLUMNS = {
    "int64": [1, 2, 3],
    "int8": np.array([1, 2, 3], "i1"),
    "uint16": np.array([1, 2, 65535], "u2"),
    "float": [0.1, np.nan, -0.0],
    "float32": np.array([0.1, 2, 3], "f4"),
    "bool": [True, False, True],
    "text": ["a", None, "c"],
    "object": np.array(["a", None, "c"], object),
    "Int64": pd.array([1, None, 2**60 + 1], "Int64"),
    "Float32": pd.array([1.5, None, 2], "Float32"),
    "boolean": pd.array([True, None, False], "boolean"),
    "string": pd.array(["a", None, "c"], "string"),
    "arrow": pd.array([1.5, None, 2], "double[pyarrow]"),
    "category": pd.Categorical(["b", None, "a"], categories=["c", "b", "a"]),
    "ordered": pd.Categorical([3, 1, None], categories=[3, 2, 1], ordered=True),
    "nothing": pd.Categorical([None] * 3, categories=["a"]),
    "dates": pd.to_datetime(["2026-01-01", None, "2026-03-01"]),
    "zoned": pd.to_datetime(["2026-01-01"] * 3).tz_localize("Europe/Paris"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_pandas(name):
    frame = pd.DataFrame({name: COLUMNS[name], "other": 0.5}, index=[5, 7, 5])
    read = again(frame).X
    pd.testing.assert_frame_equal(read, frame.reset_index(drop=True))


POLARS = {
    "float": pl.Series([0.1, None, -0.0]),
    "u8": pl.Series([1, 2, 255], dtype=pl.UInt8),
    "i16": pl.Series([1, None, 255], dtype=pl.Int16),
    "bool": pl.Series([True, None, False]),
    "text": pl.Series(["a", None, "c"]),
    "enum": pl.Series(["b", None, "a"], dtype=pl.Enum(["c", "b", "a"])),
    "categorical": pl.Series(["b", None, "a"], dtype=pl.Categorical),
    "date": pl.Series([datetime.date(2026, 1, 1), None, datetime.date(2026, 3, 1)]),
    "datetime": pl.Series([datetime.datetime(2026, 1, 1, 5), None, None]),
}


@pytest.mark.parametrize("name", POLARS)
def test_columns_of_polars(name):
    frame = pl.DataFrame({name: POLARS[name], "other": [0.5] * 3})
    read = again(frame).X
    assert read.schema == frame.schema
    assert read.equals(frame)


@pytest.mark.parametrize(
    "y",
    [
        np.array([0, 1, 2]),
        np.array([True, False, True]),
        np.array([0.1, np.nan, 2], "f4"),
        np.array(["a", "bcd", ""]),
        np.array(["a", "b", "c"], object),
        np.arange(6.0).reshape(3, 2),
    ],
)
def test_targets(y):
    read = from_arrow(to_arrow(Rows(np.ones((N, 1)), y))).y
    assert read.dtype == y.dtype
    assert_array_equal(read, y)


@pytest.mark.parametrize(
    "groups", [[3, 1, 2], ["a", "1", "c"], np.array([1, 2, 3], "u1")]
)
def test_persons_and_weights(groups):
    weights = np.array([0.1, 0.0, 3.0])
    read = again(np.ones((N, 1)), groups=np.array(groups), sample_weight=weights)
    assert read.groups.tolist() == list(groups)
    assert_array_equal(read.sample_weight, weights)
    assert_array_equal(read.numbers, [0, 1, 2])


def test_what_is_unknown_stays_so():
    read = again(np.ones((N, 1)))
    assert read.groups is read.sample_weight is read.y_pred is None


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"skperf_y": [1.0] * 3}), "do not begin with 'skperf_'"),
        (pd.DataFrame(np.ones((3, 2)), columns=["a", "a"]), "unique column names"),
        (pd.DataFrame(np.ones((3, 2))), "that are text"),
    ],
)
def test_names_that_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        again(X)


def test_targets_that_would_be_rounded_are_refused():
    with pytest.raises(ValueError, match="not stored exactly"):
        to_arrow(Rows(np.ones((N, 1)), np.array([2**53 + 1, 0, 0])))


def test_categories_that_are_neither_text_nor_numbers():
    bins = pd.cut([1, 5, 9], [0, 5, 10])
    with pytest.raises(TypeError, match="neither text nor numbers"):
        again(pd.DataFrame({"bins": bins}))


def test_a_later_table_gets_the_first_types_or_is_refused():
    first = to_arrow(Rows(np.ones((N, 1), "f4"), np.zeros(N))).schema
    later = Rows(np.array([[1], [2], [3]], "i8"), np.zeros(N))
    fitted = fit_into(to_arrow(later), first)
    assert fitted.schema.types == first.types
    assert from_arrow(fitted).X.dtype == np.dtype("i8")
    wide = to_arrow(Rows(np.ones((N, 2)), np.zeros(N)))
    with pytest.raises(SchemaError, match=r"missing \[\], not expected \['x1'\]"):
        fit_into(wide, first)
