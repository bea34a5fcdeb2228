# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which rows of a table are equal."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skperf.utils._rows import number_rows

KINDS = ["array", "list", "sparse", "pandas", "polars", "text"]


@pytest.mark.parametrize("kind", KINDS)
def test_equal_rows_of_any_table(kind):
    rows = [[0.0, 1.0], [2.0, -0.0], [0.0, 1.0], [2.0, 0.0], [1.0, 0.0]]
    table = np.array(rows)
    if kind == "list":
        table = rows
    elif kind == "sparse":
        table = sparse.csr_array(table)
    elif kind in ("pandas", "polars"):
        frame = pytest.importorskip(kind).DataFrame
        table = frame({"a": table[:, 0], "b": table[:, 1], "c": list("xyxyz")})
    elif kind == "text":
        table = np.array([["a", "b"], ["c", "d"], ["a", "b"], ["c", "d"], ["a", "d"]])
    numbers, first = number_rows(table)
    assert_array_equal(numbers, [0, 1, 0, 1, 2])
    assert_array_equal(first, [0, 1, 4])


def test_missing_values_are_equal():
    table = np.array([[np.nan, 1.0], [np.nan, 1.0], [np.nan, 2.0]])
    assert_array_equal(number_rows(table)[0], [0, 0, 1])
