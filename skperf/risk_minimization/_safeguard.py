# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Anderson mixing while it helps, and averages where it does not.

A path that has left Anderson mixing stays with averages: they are slower and surer, and
to go back would lose what they have won.
"""

from functools import reduce

import numpy as np

from skperf.retraining._losses import distance, norm
from skperf.risk_minimization._anderson import anderson, is_rounding
from skperf.risk_minimization._coefficients import uniform
from skperf.risk_minimization._pooling import absorb

RECENT = 10  # rounds that are remembered to see whether mixing helps
_PROGRESS = 0.9  # of the best residual before, which the last rounds must beat
_SAME = 1e-12  # a gap of models that are the same


def accelerate(snapshots, size=None):
    """Return the snapshots that later rounds look at, and how much each counts.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        The window or, if they are more, the last rounds; oldest first.

    size : int, default=None
        Size of the window; older snapshots do not count. None means all rounds, whose
        average is kept as one snapshot.

    Returns
    -------
    snapshots : sequence of Snapshot
        Those to keep.

    coefficients : ndarray of shape (n_snapshots,)
        With sum 1.
    """
    left = _left(snapshots)
    if left is not None:
        return _average(snapshots, left, size)
    outside = 0 if size is None else max(len(snapshots) - size, 0)
    solve = uniform if _repeat(snapshots) else anderson
    coefficients = _pad(solve(snapshots[outside:]), len(snapshots))
    # what says nothing new never will
    first = min(np.flatnonzero(coefficients)[0], max(len(snapshots) - RECENT, 0))
    return snapshots[first:], coefficients[first:]


def _left(snapshots):
    """Return the place where Anderson mixing was left, None while it helps.

    It has not helped if none of the last nine residuals is below the best before.
    """
    if snapshots[-1].residual is None or is_rounding(snapshots[-1]):
        return None
    places = [i for i, s in enumerate(snapshots) if s.residual is not None]
    norms = [norm(snapshots[i].residual) for i in places]
    for recent in range(1, len(norms) - RECENT + 2):
        last = recent + RECENT - 2
        if min(norms[recent : last + 1]) >= _PROGRESS * min(norms[:recent]):
            return places[last]
    return None


def _average(snapshots, left, size):
    """Average from the place on where Anderson mixing was left.

    The data of older models do not count, but show why it was.
    """
    if size is None:
        newer = reduce(absorb, snapshots[left + 1 :], ())
        snapshots = (*snapshots[: left + 1], *newer)
    else:
        left = max(left, len(snapshots) - size)
    return snapshots, _pad(uniform(snapshots[left:]), len(snapshots))


def _repeat(snapshots):
    """Return whether the last three models are the same and yet not stable."""
    newest = snapshots[-1]
    if len(snapshots) < 3 or newest.residual is None:
        return False
    gaps = map(_gap, snapshots[-3:-1], snapshots[-2:])
    return max(gaps) < _SAME < norm(newest.residual)


def _gap(first, second):
    return distance(first.y_pred, second.y_pred, None)


def _pad(coefficients, n_snapshots):
    """Return the coefficients, after zeros for older snapshots."""
    return np.append(np.zeros(n_snapshots - len(coefficients)), coefficients)
