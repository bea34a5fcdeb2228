# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Blocks for those who learn one after the other: each has rows from everywhere.

In a mixture the rounds or periods lie one below the other. Who reads them in this order
has learnt the last one in the end, and who scales the weights of a block to mean 1, as
neural networks do, never sees that one counts more than another.
"""

from itertools import accumulate, pairwise

import numpy as np

from skperf.utils._blocks import parts_of, zip_blocks


def zip_mixed(X, *others):
    """Yield blocks of tables that belong together, with a share of each stacked part.

    They are as many and, up to rounding, as large as the blocks of X.
    """
    parts = parts_of(X)
    if len(parts) == 1:
        yield from zip_blocks(X, *others)
        return
    bounds = list(accumulate(map(len, parts), initial=0))
    strands = zip(parts, *(_split(table, bounds) for table in others), strict=True)
    pieces = [_cut_evenly(strand, len(X.sizes)) for strand in strands]
    for block in map(_join, zip(*pieces, strict=True)):
        if len(block[0]):
            yield block


def _split(table, bounds):
    """Return the parts of a table that belong to some rows each."""
    parts = parts_of(table)
    if len(parts) == len(bounds) - 1:
        return parts
    return [None if table is None else table[i:j] for i, j in pairwise(bounds)]


def _cut_evenly(tables, n_pieces):
    """Yield pieces of tables that belong together, each with the same share of rows."""
    blocks, bounds = zip_blocks(*tables), np.arange(n_pieces + 1) * len(tables[0])
    held = next(blocks)
    for size in np.diff(bounds // n_pieces):
        while len(held[0]) < size:
            held = _join([held, next(blocks)])
        yield [rows if rows is None else rows[:size] for rows in held]
        held = [rows if rows is None else rows[size:] for rows in held]


def _join(blocks):
    """Return blocks of several tables one below the other."""
    return [
        None if rows[0] is None else np.concatenate(rows)
        for rows in zip(*blocks, strict=True)
    ]
