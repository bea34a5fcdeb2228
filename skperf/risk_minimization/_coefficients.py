# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How much each past snapshot counts in the mixture that a model is trained on."""

import numpy as np

from skperf.utils._by_rows import total
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

    Examples
    --------
    Each model counts the same, also where a snapshot holds the average of several:

    >>> import numpy as np
    >>> from skperf.retraining import Snapshot
    >>> from skperf.risk_minimization import uniform
    >>> from skperf.shift import Sample
    >>> sample = Sample(np.ones((2, 1)), np.array([0.0, 1.0]))
    >>> three = Snapshot(sample, y_pred=np.full(2, 0.9), n_models=3)
    >>> uniform([three, Snapshot(sample, y_pred=np.full(2, 0.3))])
    array([0.75, 0.25])
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
    return _num_samples(sample.X) if weights is None else total(weights)
