# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Functions and sums of rows, for tables in memory, in blocks, and on other machines.

All that has a number for each row is made here, so that a table of another kind changes
one place. In memory a table is a single block, and the function is just called.
"""

from functools import partial, reduce

import numpy as np

from skperf.utils import _dask
from skperf.utils._blocks import (
    BlockTable,
    Derived,
    Stacked,
    cut,
    is_blocked,
    sizes_of,
    spill,
    take_from_blocks,
    zip_blocks,
)
from skperf.utils._dask_blocks import LazyRows, RowNumbers, any_dask


def map_rows(func, *tables, factor=1, **shared):
    """Return what a function makes of the rows of tables: a number for each.

    On other machines it is made whenever somebody asks for it, so it should be cheap.

    Parameters
    ----------
    func : callable
        Takes the blocks of all tables and returns an array. In memory it takes tables
        as they are.

    *tables : tables, or None
        Those in blocks must have the same; others are cut like them.

    factor : int, default=1
        How many numbers it makes of each row.

    **shared : dict
        Large arguments that are the same for all blocks.
    """
    if any_dask(tables):
        return LazyRows(func, tables, shared, factor)
    return keep_rows(func, *tables, **shared)


def keep_rows(func, *tables, factor=1, **shared):
    """Return what a function makes of the rows of tables, of any shape, made once."""
    if any_dask(tables):
        return _dask.keep_rows(func, tables, shared, factor)
    if sizes_of(*tables) is None:
        return func(*tables, **shared)
    return spill(func(*blocks, **shared) for blocks in zip_blocks(*tables))


def derive_rows(func, *tables, like, factor=1, **shared):
    """Return a table that a function makes of the rows of others whenever it is read.

    It has columns and type of the table `like`, and `factor` rows for each.
    """
    if any_dask(tables):
        # kept too: who is asked twice for one thing while he forgets it loses both
        kept = _dask.keep_rows if like.ndim == 1 else _dask.keep_table
        return kept(func, tables, shared, factor)
    n_columns = like.shape[1] if like.ndim == 2 else None
    func = partial(func, **shared)
    return Derived(func, tables, n_columns, like.dtype, factor=factor)


def fold_rows(func, combine, *tables):
    """Return what is left of the values of a function of the blocks, two by two."""
    if any_dask(tables):
        return _dask.fold_rows(func, combine, tables)
    if sizes_of(*tables) is None:
        return func(*tables)
    return reduce(combine, (func(*blocks) for blocks in zip_blocks(*tables)))


def sum_rows(func, *tables):
    """Return the sum of the values of a function of the blocks."""
    return fold_rows(func, np.add, *tables)


def as_array(values):
    """Return values as an array; one in blocks stays what it is."""
    return values if in_blocks(values) else np.asarray(values)


def total(values):
    """Return the sum of all values."""
    return fold_rows(np.sum, np.add, values)


def invert_sum(shares, weights):
    """Return the rows at which the sum of weights passes sorted shares of its total."""
    targets, passed, start, found = shares * total(weights), 0.0, 0, []
    sizes = sizes_of(weights) or [len(weights)]
    for block in cut(weights, sizes):
        sums = passed + np.cumsum(block)
        here = targets[slice(*np.searchsorted(targets, [passed, sums[-1]]))]
        found.append(start + np.searchsorted(sums, here, side="right"))
        passed, start = sums[-1], start + len(block)
    return np.concatenate(found).clip(max=start - 1)


def each_block(*tables):
    """Yield the blocks of tables that belong together, one at a time in memory."""
    return _dask.zip_dask(*tables) if any_dask(tables) else zip_blocks(*tables)


def gather_rows(rows, *tables):
    """Return some rows, by sorted numbers, of each table.

    They are in memory, or on the workers of dask, to be shared by all blocks.
    """
    if any_dask(tables):
        return [_dask.gather_rows(rows, table) for table in tables]
    return [
        take_from_blocks(t, rows) if isinstance(t, BlockTable) else np.asarray(t)[rows]
        for t in tables
    ]


def gather_in_order(table, rows):
    """Return some rows of a table in blocks, in memory and in the order asked for."""
    rows = np.asarray(rows)
    order = np.argsort(rows, kind="stable")
    (taken,) = gather_rows(rows[order], table)
    taken = taken.compute() if any_dask([table]) else taken
    out = np.empty_like(taken)
    out[order] = taken
    return out


def stack_blocks(tables):
    """Stack tables in blocks on top of each other."""
    if any_dask(tables):
        return _dask.stack(tables)
    if all(isinstance(table, BlockTable) for table in tables):
        return Stacked(tables)
    return spill(block for table in tables for block in cut(table, table.sizes))


def keep(values):
    """Return values in blocks so that they are computed once."""
    return _dask.keep(values) if any_dask([values]) else values


def takes_dask(estimator):
    """Return whether an estimator is made for collections of dask.

    Those of xgboost, lightgbm and dask-ml are, by the name of their modules.
    """
    return any("dask" in part for part in type(estimator).__module__.split("."))


def local_model(estimator):
    """Return the model of an estimator of dask that predicts for blocks, or None."""
    return _dask.local_model(estimator)


def in_blocks(*tables):
    """Return whether one of the tables is not in memory as a whole."""
    return any_dask(tables) or any(map(is_blocked, tables))


def number_of_each(table):
    """Return the numbers of the rows of a table, in blocks like it."""
    if any_dask([table]):
        return RowNumbers(table)
    if not is_blocked(table):
        return np.arange(table.shape[0])
    starts = np.cumsum([0, *table.sizes[:-1]])
    counts = zip(starts, table.sizes, strict=True)
    return spill(np.arange(start, start + size) for start, size in counts)


def mean(values, weights=None):
    """Return the mean over rows, a number or one for each column."""
    if not in_blocks(values, weights):
        return np.average(values, axis=0, weights=weights)
    sums = sum_rows(_weighted_sums, values, weights)
    return sums[1:] / sums[0] if np.ndim(values) == 2 else sums[1] / sums[0]


def extremes(values):
    """Return the smallest and the largest value."""
    return fold_rows(_extremes, _wider, values)


def _weighted_sums(values, weights):
    weights = np.ones(len(values)) if weights is None else weights
    return np.append(weights.sum(), weights @ values)


def _extremes(values):
    return np.array([values.min(), values.max()])


def _wider(first, second):
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.array([low[0], high[1]])
