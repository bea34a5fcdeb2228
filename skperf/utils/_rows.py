# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which rows of a table are equal."""

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from skperf.utils._arrays import to_numpy

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # of the golden ratio, as for hashing


def number_rows(table):
    """Return the number of each row, and a row for each number.

    Equal rows have one number; numbers count rows in the order in which they are first
    met. Missing values are equal to each other.

    Returns
    -------
    numbers : ndarray of shape (n_rows,)
        From 0 on.

    first : ndarray of shape (n_distinct,)
        The first row of each number.
    """
    codes = _codes(table)
    hashes = np.zeros(len(codes), np.uint64)
    for column in codes.T:  # overflow is meant
        hashes = (hashes ^ (hashes >> np.uint64(29))) * _MULTIPLIER + column
    _, first, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    if not (codes[first[numbers]] == codes).all():  # once in 10^8 tables
        _, first, numbers = np.unique(
            codes, axis=0, return_index=True, return_inverse=True
        )
        numbers = numbers.ravel()
    order = np.argsort(first)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places[numbers], first[order]


def _codes(table):
    """Return a table of integers that are equal where the values are."""
    if sparse.issparse(table):
        table = table.tocsr().sorted_indices()
        table.sum_duplicates()
        table.eliminate_zeros()
        bounds = zip(table.indptr[:-1], table.indptr[1:], strict=True)
        rows = (slice(*bound) for bound in bounds)
        keys = [(table.indices[r].tobytes(), table.data[r].tobytes()) for r in rows]
        return _enumerate(keys)[:, None]
    if nw.dependencies.is_into_dataframe(table):
        columns = nw.from_native(table, eager_only=True).iter_columns()
        return np.column_stack([_column_codes(column) for column in columns])
    array = to_numpy(table)
    if array.dtype.kind not in "biuf":
        keys = [tuple(map(str, np.ravel(row).tolist())) for row in array]
        return _enumerate(keys)[:, None]
    return _bits(array.reshape(len(array), -1))


def _column_codes(column):
    if column.dtype.is_numeric() and not column.null_count():
        return _bits(column.to_numpy())
    return _enumerate(map(str, column.to_list()))


def _bits(numbers):
    """Return the bits of numbers; those of both zeros and of all NaN are the same."""
    values = numbers.astype(np.float64) + 0.0
    np.copyto(values, np.nan, where=np.isnan(values))
    return values.view(np.uint64)


def _enumerate(keys):
    known = {}
    return np.array([known.setdefault(key, len(known)) for key in keys], np.uint64)
