# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The last models of a path, in few numbers each, and whether the same come again."""

import math
from functools import partial

import numpy as np

from skperf.shift._sample import Floats, Rows
from skperf.utils._by_rows import in_blocks, number_of_each, sum_rows

_N_SUMS = 61  # of rows, at most, that stand for a model's predictions
_LONGEST = 12  # models in a cycle
_REMEMBERED = 2 * _LONGEST + 1
_NEAR = 0.1  # of the largest step: a model that comes again is so much nearer
_STEADY = 0.02  # a change of steps by 2 % a round or less can be a settling cycle

NOWHERE: Floats = np.empty((0, 0))


def extend_orbit(orbit: Floats, y_pred: Floats, sample_weight: Floats | None) -> Floats:
    """Return the orbit with the predictions of one more model.

    They are summed over blocks of rows, so that an orbit is small; models that differ
    have other sums but by a chance that no path meets twice.
    """
    numbers = number_of_each(y_pred) if in_blocks(y_pred) else None
    size = -(-math.prod(y_pred.shape) // _N_SUMS)
    n_sums = -(-math.prod(y_pred.shape) // size)
    sums = sum_rows(partial(_sum_up, size, n_sums), y_pred, sample_weight, numbers)
    known = orbit if len(orbit) else np.empty((0, len(sums)))
    return np.vstack([known, sums])[-_REMEMBERED:]


def _sum_up(
    size: int,
    n_sums: int,
    y_pred: Floats,
    sample_weight: Floats | None,
    numbers: Rows | None,
) -> Floats:
    """Return sums over `size` values each; `numbers` are those of a block's rows."""
    rows = y_pred.reshape(len(y_pred), -1)
    if sample_weight is not None:
        rows = rows * sample_weight[:, None]
    values = rows.ravel()
    start = 0 if numbers is None else int(numbers[0]) * rows.shape[1]
    first = start // size
    bounds = np.arange(first * size, start + len(values), size) - start
    own = np.add.reduceat(values, bounds.clip(min=0), dtype=float)
    sums = np.zeros(n_sums)
    sums[first : first + len(own)] = own
    return sums


def period_of(orbit: Floats) -> int | None:
    """Return how many models replace each other for ever, None if none do.

    Each of the last ones is near the one of the period before, seen from the steps
    between them, and the steps stay as large as they were.
    """
    steps = np.linalg.norm(np.diff(orbit, axis=0), axis=1)
    longest = (len(orbit) - 1) // 2
    periods = range(2, longest + 1)
    return next((n for n in periods if _repeats(orbit, steps, n)), None)


def _repeats(orbit: Floats, steps: Floats, period: int) -> bool:
    returns = np.linalg.norm(orbit[-period:] - orbit[-2 * period : -period], axis=1)
    recent, before = steps[-period:].sum(), steps[-2 * period : -period].sum()
    shrunk, grown = before * np.exp([-_STEADY * period, _STEADY * period])
    near = returns.max() < _NEAR * steps[-period:].max()
    return bool(near and shrunk < recent < grown)
