# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables that are read block by block, since they do not fit into memory.

What has one number a row, such as predictions and weights, is written to a temporary
file and mapped into memory, from where the operating system may drop it at any time.
"""

import tempfile
from itertools import chain, pairwise

import numpy as np


class BlockTable:
    """Rows that come in blocks, always the same and in the same order.

    `sizes` are the numbers of rows of the blocks.
    """

    def __init__(self, sizes, n_columns, dtype):
        self.sizes = tuple(sizes)
        self.dtype = np.dtype(dtype)
        width = () if n_columns is None else (n_columns,)
        self.shape = (sum(self.sizes), *width)
        self.known = {}  # what others have made of all rows, for a later time

    def blocks(self):
        """Yield arrays in memory."""
        raise NotImplementedError

    @property
    def ndim(self):
        """1 for a column, 2 for a table."""
        return len(self.shape)

    def __len__(self):
        return self.shape[0]

    def __deepcopy__(self, memo):
        return self  # it never changes

    def __getstate__(self):
        return vars(self) | {"known": {}}

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            f"This table of shape {self.shape} is read in batches and is never loaded "
            "as a whole, which somebody has asked for. Use estimators and shifts that "
            "work by batch, see 'Bigger than memory' in the user guide, or load some "
            "rows with take(rows)."
        )


class Derived(BlockTable):
    """What a function makes of the blocks of other tables, anew each time.

    It gives `factor` rows for each.
    """

    def __init__(self, func, tables, n_columns, dtype, *, factor=1):
        sizes = (factor * size for size in sizes_of(*tables))
        super().__init__(sizes, n_columns, dtype)
        self.func = func
        self.tables = tables

    def blocks(self):
        """Yield what the function returns."""
        for blocks in zip_blocks(*self.tables):
            yield self.func(*blocks)


class Stacked(BlockTable):
    """Tables one below the other."""

    def __init__(self, tables):
        tables = [part for table in tables for part in parts_of(table)]
        first = tables[0]
        n_columns = first.shape[1] if first.ndim == 2 else None
        sizes = (size for table in tables for size in table.sizes)
        dtype = np.result_type(*(table.dtype for table in tables))
        super().__init__(sizes, n_columns, dtype)
        self.tables = tables

    def blocks(self):
        """Yield the blocks of each."""
        for table in self.tables:
            yield from cut(table, table.sizes)


def parts_of(table):
    """Return the tables that lie one below the other in a table."""
    return table.tables if isinstance(table, Stacked) else [table]


class Spilled(np.ndarray):
    """An array that lies in a temporary file, and in which blocks it is worked on."""

    sizes = None

    def __array_finalize__(self, source):
        sizes = getattr(source, "sizes", None)
        fits = sizes is not None and self.shape[:1] == (sum(sizes),)
        self.sizes = sizes if fits else None

    def __reduce__(self):
        return np.array(self).__reduce__()  # the file stays with the process


def spill(blocks):
    """Write blocks of rows to a file that is gone when nobody looks at it any more.

    What is no number, such as labels that are text, stays in memory.
    """
    blocks = iter(blocks)
    first = np.ascontiguousarray(next(blocks))
    if first.dtype.kind not in "biufc":
        kept = [first, *blocks]
        array = np.concatenate(kept).view(Spilled)
        array.sizes = tuple(map(len, kept))
        return array
    sizes = []
    with tempfile.TemporaryFile() as file:
        for block in chain([first], blocks):
            np.ascontiguousarray(block).astype(
                first.dtype, casting="no", copy=False
            ).tofile(file)
            sizes.append(len(block))
        shape = (sum(sizes), *first.shape[1:])
        array = np.memmap(file, first.dtype, "r+", shape=shape).view(Spilled)
    array.sizes = tuple(sizes)
    return array


def sizes_of(*tables):
    """Return the sizes of the blocks in which tables are read, None if they are not."""
    known = [sizes for t in tables if (sizes := getattr(t, "sizes", None)) is not None]
    if any(sizes != known[0] for sizes in known):
        raise ValueError(
            f"Tables are read in batches of different sizes, {known[0][:3]}... and "
            f"others. Take X, y and weights from one table, or give the same "
            "batch_size to each."
        )
    return known[0] if known else None


def is_blocked(table):
    """Return whether a table is read in blocks."""
    return getattr(table, "sizes", None) is not None


def zip_blocks(*tables):
    """Yield the blocks of tables that belong together; None stays None."""
    sizes = sizes_of(*tables)
    yield from zip(*(cut(table, sizes) for table in tables), strict=True)


def cut(table, sizes):
    """Yield the blocks of a table; one in memory is cut into pieces of some sizes."""
    if isinstance(table, BlockTable):
        yield from table.blocks()
        return
    bounds = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    for start, stop in pairwise(bounds):
        yield None if table is None else np.asarray(table[start:stop])


def take_from_blocks(table, rows):
    """Return rows of a table of blocks, by sorted numbers, in memory."""
    stop, found = 0, []
    for block in table.blocks():
        start, stop = stop, stop + len(block)
        here = rows[slice(*np.searchsorted(rows, [start, stop]))]
        found.append(block[here - start])
    return np.concatenate(found)
