# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows and columns of tables of any kind: array, DataFrame, sparse matrix, list."""

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from skperf.utils._sklearn import _get_column_indices, _safe_indexing


def take_rows(table, rows):
    """Return the rows numbered `rows`; the table keeps its type."""
    return _safe_indexing(table, rows)


def column_indices(X, columns):
    """Return the positions of `columns`: names, positions, a mask or a slice."""
    _require_columns(X)
    if isinstance(columns, slice) and columns.start is None and columns.stop is None:
        return np.arange(X.shape[1])[columns]  # scikit-learn would look for names
    if isinstance(columns, slice) or np.isscalar(columns):
        key = columns
    else:
        key = np.asarray(columns)  # an Index or an array is fine too
        if key.dtype.kind == "i" and np.all((key >= 0) & (key < X.shape[1])):
            return np.atleast_1d(key).astype(int)
        key = key.tolist()
    return np.atleast_1d(_get_column_indices(X, key)).astype(int)


def column_values(X, column):
    """Return the numbers in the column at position `column`."""
    values = _safe_indexing(X, [int(column)], axis=1)
    values = values.toarray() if sparse.issparse(values) else values
    return np.asarray(values, dtype=float)[:, 0]


def replace_columns(X, columns, rows, donors):
    """Return rows `rows` of X with the columns at `columns` taken from `donors`."""
    if _is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        donated = [frame[:, int(j)][donors] for j in columns]
        return frame[rows].with_columns(*donated).to_native()
    if sparse.issparse(X):
        keep = np.setdiff1d(np.arange(X.shape[1]), columns)
        kept = X.tocsr()[rows] @ _selector(keep, X.shape[1])
        return kept + X.tocsr()[donors] @ _selector(columns, X.shape[1])
    out = take_rows(X, rows)
    out[:, columns] = X[np.ix_(donors, columns)]
    return out


def add_to_columns(X, columns, amounts):
    """Return a copy of X with `amounts`, (n, k) or (k,), added to k columns."""
    amounts = np.broadcast_to(amounts, (X.shape[0], len(columns)))
    if _is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        moved = [
            frame[:, int(j)] + nw.new_series("", a, backend=frame.implementation)
            for j, a in zip(columns, amounts.T, strict=True)
        ]
        return frame.with_columns(*moved).to_native()
    if sparse.issparse(X):
        place = _selector(columns, X.shape[1])[:, columns]
        return sparse.csr_array(X + sparse.csr_array(amounts) @ place.T)
    if np.array_equal(columns, np.arange(X.shape[1])):  # three times as fast
        return X + amounts
    out = np.array(X, dtype=np.result_type(X, float))
    out[:, columns] += amounts
    return out


def concatenate(tables):
    """Stack tables of one kind on top of each other."""
    first = tables[0]
    if _is_frame(first):
        frames = [nw.from_native(table, eager_only=True) for table in tables]
        return nw.concat(frames).to_native()
    if sparse.issparse(first):
        return sparse.vstack(tables, format="csr")
    if isinstance(first, list):
        return [row for table in tables for row in table]
    return np.concatenate([np.asarray(table) for table in tables])


def equal_tables(first, second):
    """Return whether two tables hold the same values, missing ones included.

    A few rows are looked at first, since most tables differ in these.
    """
    if first is second:
        return True
    if type(first) is not type(second) or np.shape(first) != np.shape(second):
        return False
    if isinstance(first, np.ndarray) and not _equal_values(first[:8], second[:8]):
        return False
    return _equal_values(first, second)


def _is_frame(table):
    # narwhals takes a while to say that an array is none
    return not isinstance(table, np.ndarray) and nw.dependencies.is_into_dataframe(
        table
    )


def _equal_values(first, second):
    if _is_frame(first):
        return first.equals(second)
    if sparse.issparse(first):
        return first.dtype == second.dtype and (first != second).nnz == 0
    first, second = np.asarray(first), np.asarray(second)
    missing = (first != first) & (second != second)  # NaN differs from itself
    return bool(((first == second) | missing).all())


def _selector(columns, n_columns):
    """Return the diagonal 0/1 matrix that keeps `columns` and empties the others."""
    ones = np.ones(len(columns))
    return sparse.csr_array((ones, (columns, columns)), shape=(n_columns, n_columns))


def _require_columns(X):
    if getattr(X, "ndim", None) != 2 and not _is_frame(X):
        raise TypeError(
            "Columns can only be told apart in a two-dimensional array, a sparse "
            f"matrix or a DataFrame; got {type(X).__name__}. Convert X, or leave "
            "strategic_features=None so that whole rows are meant."
        )
