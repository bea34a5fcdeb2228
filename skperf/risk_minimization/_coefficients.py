# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How much each past snapshot counts in the mixture that a model is trained on."""

import numpy as np

from skperf.utils._sklearn import _num_samples


def uniform(snapshots):
    """Weigh all models of the window equally.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        The window, oldest first.

    Returns
    -------
    coefficients : ndarray of shape (n_snapshots,)
        Non-negative, with sum 1.
    """
    n_models = np.array([snapshot.n_models for snapshot in snapshots])
    return n_models / n_models.sum()


def by_size(snapshots):
    """Weigh each row the same, or each unit of weight.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        The window, oldest first.

    Returns
    -------
    coefficients : ndarray of shape (n_snapshots,)
        Non-negative, with sum 1.
    """
    totals = np.array([_total_weight(snapshot.sample) for snapshot in snapshots])
    return totals / totals.sum()


def _total_weight(sample):
    weights = sample.sample_weight
    return _num_samples(sample.X) if weights is None else weights.sum()
