# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows and columns of tables of any kind: array, DataFrame, sparse matrix, list."""

from copy import deepcopy

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from skperf.utils import _arrays
from skperf.utils._arrays import is_foreign, to_numpy
from skperf.utils._blocks import BlockTable
from skperf.utils._by_rows import gather_in_order, in_blocks, stack_blocks
from skperf.utils._sklearn import _get_column_indices, _safe_indexing, array_namespace


def take_rows(table, rows):
    """Return the rows numbered `rows`; the table keeps its type."""
    if type(table) is np.ndarray and isinstance(rows, np.ndarray):
        return table[rows]  # scikit-learn would look for data frames
    if in_blocks(table):
        return gather_in_order(table, rows)
    if is_foreign(table):
        return _arrays.take(table, rows)
    return _safe_indexing(table, rows)


def column_indices(X, columns):
    """Return the positions of `columns`: names, positions, a mask or a slice.

    A column that is named several times is there once, where it is named first.
    """
    _require_columns(X)
    if isinstance(columns, slice) and columns.start is None and columns.stop is None:
        return np.arange(X.shape[1])[columns]  # scikit-learn would look for names
    if isinstance(columns, slice) or np.isscalar(columns):
        key = columns
    else:
        key = np.asarray(columns).tolist()  # an Index or an array is fine too
    try:
        found = key if _are_positions(X, key) else _find_columns(X, key)
    except (TypeError, ValueError) as error:
        raise ValueError(_explain_columns(X, key, error)) from error
    return np.array(list(dict.fromkeys(np.atleast_1d(found).tolist())), dtype=int)


def _are_positions(X, key):
    """Return whether scikit-learn need not be asked, which takes a while."""
    if not isinstance(key, list):
        return False
    return all(type(k) is int and 0 <= k < X.shape[1] for k in key)


def _find_columns(X, key):
    """Return the positions of columns by any key."""
    names = np.ravel(key).tolist()
    if isinstance(X, BlockTable) and any(isinstance(name, str) for name in names):
        return [getattr(X, "columns", []).index(name) for name in names]
    return _get_column_indices(X, key)


def _explain_columns(X, key, error):
    """Say what is wrong with columns that could not be found."""
    n_columns = X.shape[1]
    if isinstance(key, list) and key and all(isinstance(k, bool) for k in key):
        return (
            f"The mask of columns has {len(key)} entries, and X has {n_columns} "
            "columns; expected an entry for each column."
        )
    given = [key.start, key.stop] if isinstance(key, slice) else np.ravel(key).tolist()
    names = [name for name in given if isinstance(name, str)]
    if names:
        return _explain_names(X, names, error)
    return (
        f"X has {n_columns} columns, and {given} are not among them ({error}). "
        f"Expected positions from 0 to {n_columns - 1}, names of a DataFrame's "
        "columns, a slice or a mask."
    )


def _explain_names(X, names, error):
    """Say why no columns have these names; a wrapper may have taken them."""
    wrapper = "If a wrapper, such as a transformer before the minimizer in a Pipeline, "
    if not hasattr(X, "columns"):
        return (
            f"The columns are named {names}, and X is of type {type(X).__name__}, "
            f"which has no names ({error}). {wrapper}has made an array of a DataFrame, "
            "call its set_output(transform='pandas'), or give positions."
        )
    known = [str(name) for name in X.columns]
    missing = [name for name in names if name not in known]
    return (
        f"{missing} are not among the columns of X, which are {known[:20]} ({error}). "
        f"{wrapper}has renamed them, use the names that it gives, or set its "
        "verbose_feature_names_out=False."
    )


def column_values(X, column):
    """Return the numbers in the column at position `column`."""
    require_numbers(X, [column])
    if is_foreign(X):
        return to_numpy(X[:, int(column)], float)
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
    if is_foreign(X):
        return _arrays.replace(take_rows(X, rows), take_rows(X, donors), columns)
    out = take_rows(X, rows)
    copy_columns(X, columns, donors, out)
    return out


def copy_columns(X, columns, donors, out):
    """Write columns of the rows `donors` of an array into the rows of another.

    A column alone stays in the processor's cache: numpy's index of rows and columns at
    once takes several times as long.
    """
    for column in columns:
        out[:, column] = X[:, column].take(donors)


def add_to_columns(X, columns, amounts):
    """Return a copy of X with `amounts`, (n, k) or (k,), added to k columns."""
    require_numbers(X, columns)
    if _is_frame(X):
        amounts = np.broadcast_to(amounts, (X.shape[0], len(columns)))
        frame = nw.from_native(X, eager_only=True)
        moved = [
            frame[:, int(j)] + nw.new_series("", a, backend=frame.implementation)
            for j, a in zip(columns, amounts.T, strict=True)
        ]
        return frame.with_columns(*moved).to_native()
    if sparse.issparse(X):
        amounts = np.broadcast_to(amounts, (X.shape[0], len(columns)))
        place = _selector(columns, X.shape[1])[:, columns]
        return sparse.csr_array(X + sparse.csr_array(amounts) @ place.T)
    if is_foreign(X):
        return _arrays.add(X, columns, amounts)
    if np.array_equal(columns, np.arange(X.shape[1])):  # three times as fast
        return X + amounts
    out = np.array(X, dtype=np.result_type(X, float))
    out[:, columns] += amounts
    return out


def numeric_columns(X):
    """Return the positions of the columns that hold numbers."""
    if _is_frame(X):
        kinds = nw.from_native(X, eager_only=True).schema.values()
        return np.flatnonzero([kind.is_numeric() for kind in kinds])
    if is_foreign(X) or getattr(X, "dtype", np.dtype(float)).kind in "biufc":
        return np.arange(X.shape[1])
    return np.flatnonzero([_are_numbers(cells) for cells in np.asarray(X).T])


def require_numbers(X, columns):
    """Raise a ValueError where a column, by position, holds no numbers."""
    if _is_frame(X):
        schema = nw.from_native(X, eager_only=True).schema
        kinds = [list(schema.items())[int(column)] for column in columns]
        strange = [(name, kind) for name, kind in kinds if not _may_hold_numbers(kind)]
    elif is_foreign(X) or getattr(X, "dtype", np.dtype(float)).kind in "biufc":
        return
    else:
        cells = {int(j): np.asarray(X)[:, int(j)] for j in columns}
        strange = [(j, "text") for j, cell in cells.items() if not _are_numbers(cell)]
    if strange:
        told = ", ".join(f"{name!r} ({kind})" for name, kind in strange)
        raise ValueError(
            f"People move along a gradient, and these columns hold no numbers: {told}. "
            "Name the numeric columns in strategic_features, encode the others before, "
            "or use ResampleIfRejected, which moves columns of any kind."
        )


def _may_hold_numbers(kind):
    others = isinstance(kind, nw.Boolean | nw.Object | nw.Unknown)
    return kind.is_numeric() or others


def _are_numbers(cells):
    try:
        cells.astype(float)
    except (TypeError, ValueError):
        return False
    return not any(isinstance(cell, str) for cell in cells.tolist())


def concatenate(tables):
    """Stack tables of one kind on top of each other."""
    first = tables[0]
    if in_blocks(first):
        return stack_blocks(tables)
    if _is_frame(first):
        frames = [nw.from_native(table, eager_only=True) for table in tables]
        return nw.concat(_widen(frames)).to_native()
    if sparse.issparse(first):
        return sparse.vstack(tables, format="csr")
    if isinstance(first, list):
        return [row for table in tables for row in table]
    if is_foreign(first):
        return array_namespace(first).concat(tables)
    return np.concatenate([np.asarray(table) for table in tables])


def _widen(frames):
    """Return frames with floats for whole numbers where another frame has floats."""
    kinds = [dict(frame.schema) for frame in frames]
    floats = {n: k for own in kinds for n, k in own.items() if k.is_float()}
    return [
        frame.with_columns(
            *[nw.col(n).cast(k) for n, k in floats.items() if own[n].is_integer()]
        )
        for frame, own in zip(frames, kinds, strict=True)
    ]


def are_of_one_kind(first, second):
    """Return whether two tables can be stacked: arrays and lists can."""
    if sparse.issparse(first) or sparse.issparse(second):
        return sparse.issparse(first) and sparse.issparse(second)
    if _is_frame(first) or _is_frame(second):
        return type(first) is type(second)
    return True


def own_copy(table):
    """Return a copy that may be changed in place; frames share memory until it is.

    What is no table of a known kind is returned as it is.
    """
    if sparse.issparse(table):
        return table.copy()
    if isinstance(table, list):
        return deepcopy(table)
    if nw.dependencies.is_polars_dataframe(table) or nw.dependencies.is_polars_series(
        table
    ):
        return table.clone()
    if nw.dependencies.is_pandas_dataframe(table) or nw.dependencies.is_pandas_series(
        table
    ):
        import pandas

        # from version 3 on, pandas copies what is written on
        return table.copy(deep=int(pandas.__version__.partition(".")[0]) < 3)
    return table


def equal_tables(first, second):
    """Return whether two tables hold the same values, missing ones included.

    A few rows are looked at first, since most tables differ in these.
    """
    if first is second:
        return True
    if in_blocks(first) or in_blocks(second):
        return False  # to read them all would take as long as a fit
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
    if isinstance(first, list):
        return first == second
    if sparse.issparse(first):
        return first.dtype == second.dtype and (first != second).nnz == 0
    first, second = to_numpy(first), to_numpy(second)
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
