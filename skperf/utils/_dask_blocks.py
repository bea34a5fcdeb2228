# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Blocks of rows on other machines, which are chunks of arrays of dask.

The driver gets a message for each key of dask that a computation names. So what has a
number for each row is kept in bundles of blocks, one key a bundle. Blocks of features
are too large to be moved, and stay where they are.
"""

import sys
from itertools import pairwise
from secrets import token_hex

import numpy as np

_N_BUNDLED = 32  # blocks
_KEPT = "skperf"  # names of arrays in bundles start so


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
        self.chunks = chunks_of(tables, (0,), factor)
        self.shape = (sum(self.chunks[0]),)

    def __len__(self):
        return self.shape[0]

    def to_bundles(self):
        """Return lists of blocks, delayed."""
        return call(self.func, self.tables, self.shared)


class RowNumbers(LazyRows):
    """The numbers of the rows of a table."""

    def __init__(self, table):
        self.chunks = (table.chunks[0],)
        self.shape = (table.shape[0],)

    def to_bundles(self):
        """Return lists of blocks, delayed."""
        import dask

        bounds = np.concatenate([[0], np.cumsum(self.chunks[0])]).tolist()
        number = dask.delayed(_number_rows, pure=False)
        return [number(ends) for ends in _bundle([*pairwise(bounds)])]


def call(func, tables, shared):
    """Return the delayed results of a function of all blocks, in bundles.

    Blocks of features are not moved to be together.
    """
    import dask

    if any(is_dask(table) and not _is_bundled(table) for table in tables):
        return _bundle(call_each(func, tables, shared))
    sizes = sizes_of(tables)
    shared = {name: dask.delayed(value) for name, value in shared.items()}
    called = dask.delayed(_call_bundle, pure=False)
    parts = zip(*(bundles_of(table, sizes) for table in tables), strict=True)
    return [called(func, bundles, **shared) for bundles in parts]


def call_each(func, tables, shared, name=None):
    """Return the delayed results of a function of all blocks; `name` is of a table."""
    import dask

    shared = {key: dask.delayed(value) for key, value in shared.items()}
    called = dask.delayed(func, pure=False)
    parts = zip(*parts_of(tables), strict=True)
    return [
        called(*blocks, **shared, dask_key_name=name and (name, i, 0))
        for i, blocks in enumerate(parts)
    ]


def parts_of(tables):
    """Return the blocks of all tables."""
    sizes = sizes_of(tables)
    return [cut(table, sizes) for table in tables]


def cut(table, sizes):
    """Return the blocks of a table, delayed if it is one of dask."""
    if table is None:
        return [None] * len(sizes)
    if _is_bundled(table):
        pairs = zip(bundles_of(table, sizes), _bundle(sizes), strict=True)
        return [block for bundle, few in pairs for block in _open(bundle, len(few))]
    if is_dask(table):
        return table.to_delayed().ravel().tolist()
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    return [table[start:stop] for start, stop in pairwise(bounds)]


def bundles_of(table, sizes):
    """Return the lists of blocks of a table, delayed if it is one of dask."""
    from dask.delayed import Delayed

    if isinstance(table, LazyRows):
        return table.to_bundles()
    if not is_kept(table):
        return _bundle(cut(table, sizes))
    names = [bundle_name(table.name, i) for i in range(len(_bundle(sizes)))]
    return [Delayed(name, table.dask, layer=name) for name in names]


def _open(bundle, n_blocks):
    """Return the blocks of a bundle."""
    import dask

    if isinstance(bundle, list):  # of blocks that are not together
        return bundle
    taken = dask.delayed(take, pure=False)
    return [taken(bundle, i) for i in range(n_blocks)]


def _bundle(blocks):
    return [blocks[i : i + _N_BUNDLED] for i in range(0, len(blocks), _N_BUNDLED)]


def unbundle(name, bundles, chunks, dtype):
    """Return an array of dask whose blocks are taken from bundles."""
    from dask import array as da
    from dask.highlevelgraph import HighLevelGraph

    rest = (0,) * (len(chunks) - 1)
    layer = {
        (name, i, *rest): (take, bundles[i // _N_BUNDLED].key, i % _N_BUNDLED)
        for i in range(len(chunks[0]))
    }
    graph = HighLevelGraph.from_collections(name, layer, dependencies=bundles)
    return da.Array(graph, name, chunks, dtype)


def is_kept(table):
    """Return whether a table is an array of dask in bundles, which its graph tells.

    An array that a user has persisted keeps its name and loses them.
    """
    name = str(getattr(table, "name", ""))
    if not is_dask(table) or not name.startswith(f"{_KEPT}-"):
        return False
    return bundle_name(name, 0) in table.dask.layers


def _is_bundled(table):
    return isinstance(table, LazyRows) or is_kept(table)


def new_name():
    """Return a name for a kept array; it is short, as each message has it."""
    return f"{_KEPT}-{token_hex(8)}"


def bundle_name(name, number):
    """Return the key of a bundle of a kept array."""
    return f"{name}.{number}"


def chunks_of(tables, shape, factor):
    """Return the chunks of what a function makes of tables; `shape` is of a block."""
    sizes = tuple(factor * size for size in sizes_of(tables))
    return sizes, *((length,) for length in shape[1:])


def sizes_of(tables):
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


def _call_bundle(func, bundles, **shared):
    return [func(*blocks, **shared) for blocks in zip(*bundles, strict=True)]


def _number_rows(ends):
    return [np.arange(*pair) for pair in ends]


def take(block, rows):
    """Return some rows of a block, or a block of a bundle."""
    return block[rows]
