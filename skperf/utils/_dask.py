# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Functions and sums of rows on other machines.

Sums are made where the blocks are, and only the last one comes here.
"""

from functools import reduce
from secrets import token_hex

import numpy as np

from skperf.utils._dask_blocks import (
    bundle_name,
    call,
    call_each,
    chunks_of,
    cut,
    is_dask,
    is_kept,
    new_name,
    parts_of,
    sizes_of,
    take,
    unbundle,
)

_N_COMBINED = 8  # partial results at a time


def keep_rows(func, tables, shared, factor):
    """Return an array of dask that is computed once and stays with the workers."""
    import dask

    name = new_name()
    own = dask.delayed(_same)
    bundles = dask.persist(
        *(
            own(bundle, dask_key_name=bundle_name(name, i))
            for i, bundle in enumerate(call(func, tables, shared))
        )
    )
    shape, dtype = dask.delayed(_describe)(bundles[0]).compute()
    return unbundle(name, bundles, chunks_of(tables, shape, factor), dtype)


def keep_table(func, tables, shared, factor):
    """Return an array of dask like `keep_rows`, whose blocks stay where they are made.

    These are features, which are too large to be moved.
    """
    import dask
    from dask import array as da

    name = f"rows-{token_hex(8)}"
    blocks = dask.persist(*call_each(func, tables, shared, name))
    shape, dtype = dask.delayed(_describe)([blocks[0]]).compute()
    graph = {block.key: block.dask[block.key] for block in blocks}
    return da.Array(graph, name, chunks_of(tables, shape, factor), dtype)


def fold_rows(func, combine, tables):
    """Return what is left of the values of all blocks, combined on the workers."""
    import dask

    together = dask.delayed(_fold)
    parts = [together(combine, bundle) for bundle in call(func, tables, {})]
    while len(parts) > 1:
        groups = range(0, len(parts), _N_COMBINED)
        parts = [together(combine, parts[i : i + _N_COMBINED]) for i in groups]
    return parts[0].compute()


def keep(table):
    """Return an array of dask that is computed and stays with the workers."""
    sizes_of([table])
    if is_kept(table):
        return table
    if table.ndim == 1:
        return keep_rows(np.asarray, (table,), {}, 1)
    return table.rechunk({1: -1}).persist()


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

    stacked = da.concatenate([keep(table) for table in tables])
    return keep(stacked) if stacked.ndim == 1 else stacked


def zip_dask(*tables):
    """Yield the blocks of tables that belong together, one at a time in memory."""
    for parts in zip(*parts_of(tables), strict=True):
        yield [part if part is None else _compute(part) for part in parts]


def gather_rows(rows, table):
    """Return some rows of a table, delayed and on the workers."""
    import dask

    if not is_dask(table):
        return np.asarray(table)[rows]
    sizes = sizes_of([table])
    stops = np.cumsum(sizes)
    parts = []
    for block, start, stop in zip(
        cut(table, sizes), [0, *stops[:-1]], stops, strict=True
    ):
        wanted = rows[slice(*np.searchsorted(rows, [start, stop]))] - start
        parts.append(dask.delayed(take)(block, wanted))
    return dask.delayed(_concatenate)(*parts).persist()


def _compute(part):
    return part.compute() if hasattr(part, "compute") else part


def _describe(bundle):
    return bundle[0].shape, bundle[0].dtype


def _same(bundle):
    return bundle


def _concatenate(*parts):
    return np.concatenate(parts)


def _fold(combine, parts):
    return reduce(combine, parts)
