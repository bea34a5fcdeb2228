# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The last models of a path, in few numbers each, and whether the same come again."""

import numpy as np

from skperf.shift._sample import Floats

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
    rows = y_pred.reshape(len(y_pred), -1)
    if sample_weight is not None:
        rows = rows * sample_weight[:, None]
    values = rows.ravel()
    size = -(-len(values) // _N_SUMS)
    sums = np.add.reduceat(values, np.arange(0, len(values), size), dtype=float)
    known = orbit if len(orbit) else np.empty((0, len(sums)))
    return np.vstack([known, sums])[-_REMEMBERED:]


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
