# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Persons drawn anew: the same draws for all figures of all models, so paired."""

import numpy as np

from skperf.metrics._bootstrap import draw_groups

_AT_ONCE = 100  # draws


def draw_ratios(sums, n_bootstrap, random_state):
    """Return ratios of sums over persons, on all persons and on draws of them.

    Parameters
    ----------
    sums : dict of hashable to ndarray of shape (2, n_persons)
        Numerators and denominators.

    n_bootstrap : int
        Draws.

    random_state : int
        Draws the persons.

    Returns
    -------
    ratios : dict of hashable to ndarray of shape (n_bootstrap + 1,)
        First the value on the people as they are; NaN where the denominator is 0.
    """
    if not sums:
        return {}
    table = np.concatenate(list(sums.values()))  # (2 n_figures, n_persons)
    counts = draw_persons(table.shape[1], n_bootstrap, random_state)
    blocks = [block @ table.T for block in _in_blocks(counts)]
    top, bottom = np.concatenate(blocks).reshape(n_bootstrap + 1, -1, 2).T
    ratios = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return dict(zip(sums, ratios, strict=True))


def draw_persons(n_persons, n_bootstrap, random_state):
    """Yield how often each person counts: first once, then as drawn."""
    yield np.ones(n_persons)
    yield from draw_groups(np.arange(n_persons), n_bootstrap, random_state)


def _in_blocks(counts):
    """Yield tables of a few draws."""
    block = []
    for count in counts:
        block.append(count)
        if len(block) == _AT_ONCE:
            yield np.array(block, dtype=float)
            block = []
    if block:
        yield np.array(block, dtype=float)
