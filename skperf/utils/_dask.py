# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows on other machines, as arrays of dask: a block is a chunk of rows.

Sums are made where the blocks are, and only the last one comes here.
"""

import sys
from itertools import pairwise

import numpy as np

_N_COMBINED = 8  # partial results at a time


def is_dask(table):
    """Return whether a table is a collection of dask."""
    module = type(table).__module__.partition(".")[0]
    return isinstance(table, LazyRows) or (module == "dask" and "dask" in sys.modules)


def any_dask(tables):
    """Return whether one of the tables is a collection of dask."""
    return any(map(is_dask, tables))


class LazyRows:
    """A vector that is made by a function of other tables whenever it is asked for.

    To keep it would cost the driver a message for each block. Each time its tasks get
    new names, as one name that is asked for again while it is forgotten is lost.
    """

    ndim = 1
    dtype = np.dtype(float)

    def __init__(self, func, tables, shared, factor):
        self.func = func
        self.tables = tables
        self.shared = shared
        self.chunks = (tuple(factor * size for size in _sizes(tables)),)
        self.shape = (sum(self.chunks[0]),)

    def __len__(self):
        return self.shape[0]

    def to_blocks(self):
        """Return the blocks, delayed."""
        return _call(self.func, self.tables, self.shared)


class RowNumbers(LazyRows):
    """The numbers of the rows of a table."""

    def __init__(self, table):
        self.chunks = (table.chunks[0],)
        self.shape = (table.shape[0],)

    def to_blocks(self):
        """Return the blocks, delayed."""
        import dask

        bounds = np.concatenate([[0], np.cumsum(self.chunks[0])]).tolist()
        count = dask.delayed(np.arange, pure=False)
        return [count(*ends) for ends in pairwise(bounds)]


def keep_rows(func, tables, shared, factor):
    """Return an array of dask that is computed once and stays with the workers."""
    import dask
    from dask import array as da

    results = dask.persist(*_call(func, tables, shared))
    shape, dtype = dask.delayed(_describe)(results[0]).compute()
    blocks = [
        da.from_delayed(result, (factor * size, *shape[1:]), dtype)
        for result, size in zip(results, _sizes(tables), strict=True)
    ]
    return da.concatenate(blocks)


def fold_rows(func, combine, tables):
    """Return what is left of the values of all blocks, combined on the workers."""
    import dask

    parts = _call(func, tables, {})
    together = dask.delayed(_fold)
    while len(parts) > 1:
        groups = range(0, len(parts), _N_COMBINED)
        parts = [together(combine, *parts[i : i + _N_COMBINED]) for i in groups]
    return parts[0].compute()


def keep(table):
    """Return an array of dask that is computed and stays with the workers."""
    if isinstance(table, LazyRows):
        return keep_rows(np.asarray, (table,), {}, 1)
    return (table.rechunk({1: -1}) if table.ndim == 2 else table).persist()


def local_model(estimator):
    """Return a model that predicts for blocks what an estimator of dask does for all.

    Its own predictions are bound to a model on the workers, which is gone before they
    are made if nobody holds it.
    """
    if hasattr(estimator, "to_local"):  # of LightGBM
        return estimator.to_local()
    if hasattr(estimator, "get_booster"):  # of XGBoost
        import xgboost

        name = type(estimator).__name__.removeprefix("Dask")
        model = getattr(xgboost, name)()
        model.load_model(estimator.get_booster().save_raw())
        return model
    return None


def stack(tables):
    """Return arrays of dask on top of each other."""
    from dask import array as da

    return da.concatenate([keep(table) for table in tables])


def zip_dask(*tables):
    """Yield the blocks of tables that belong together, one at a time in memory."""
    for parts in zip(*_parts(tables), strict=True):
        yield [part if part is None else _compute(part) for part in parts]


def gather_rows(rows, table):
    """Return some rows of a table, delayed and on the workers."""
    import dask

    if not is_dask(table):
        return np.asarray(table)[rows]
    sizes = _sizes([table])
    stops = np.cumsum(sizes)
    parts = []
    for block, start, stop in zip(
        _cut(table, sizes), [0, *stops[:-1]], stops, strict=True
    ):
        wanted = rows[slice(*np.searchsorted(rows, [start, stop]))] - start
        parts.append(dask.delayed(_take)(block, wanted))
    return dask.delayed(_concatenate)(*parts).persist()


def _call(func, tables, shared):
    """Return the delayed results of a function of all blocks."""
    import dask

    shared = {name: dask.delayed(value) for name, value in shared.items()}
    called = dask.delayed(func, pure=False)
    return [called(*blocks, **shared) for blocks in zip(*_parts(tables), strict=True)]


def _parts(tables):
    sizes = _sizes(tables)
    return [_cut(table, sizes) for table in tables]


def _cut(table, sizes):
    """Return the blocks of a table, delayed if it is one of dask."""
    if table is None:
        return [None] * len(sizes)
    if isinstance(table, LazyRows):
        return table.to_blocks()
    if is_dask(table):
        return table.to_delayed().ravel().tolist()
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    return [table[start:stop] for start, stop in pairwise(bounds)]


def _sizes(tables):
    """Return the numbers of rows of the blocks, or say what is wrong with them."""
    collections = [table for table in tables if is_dask(table)]
    for table in collections:
        if not hasattr(table, "chunks") or np.isnan(table.shape[0]):
            raise TypeError(
                f"Expected an array of dask whose chunks know their numbers of rows; "
                f"got {type(table).__name__}. Call to_dask_array(lengths=True) on a "
                "data frame, or compute_chunk_sizes() on an array."
            )
        if table.ndim == 2 and len(table.chunks[1]) > 1:
            raise ValueError(
                "Expected an array of dask with all columns in one chunk; got "
                f"{len(table.chunks[1])} chunks. Call rechunk({{1: -1}})."
            )
    sizes = collections[0].chunks[0]
    if any(table.chunks[0] != sizes for table in collections):
        raise ValueError(
            "Arrays of dask have different chunks of rows. Call rechunk on one, so "
            "that X, y and weights have the same."
        )
    return sizes


def _compute(part):
    return part.compute() if hasattr(part, "compute") else part


def _describe(array):
    return array.shape, array.dtype


def _take(block, rows):
    return block[rows]


def _concatenate(*parts):
    return np.concatenate(parts)


def _fold(combine, *parts):
    from functools import reduce

    return reduce(combine, parts)
