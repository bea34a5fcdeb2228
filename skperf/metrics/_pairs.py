# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Pairs of a positive and another sample: the share that scores put in order."""

import numpy as np
from sklearn.utils import gen_batches

_PAIRS_AT_ONCE = 2**20


def share_in_order(score, positive, weigh):
    """Return the weighted share of pairs whose positive sample has the higher score.

    Ties count one half. With equal weights it is the area under the ROC curve.

    Parameters
    ----------
    score : ndarray of shape (n_samples,)
        Finite scores.

    positive : ndarray of shape (n_samples,)
        Of bool.

    weigh : callable
        ``weigh(rows, columns)`` returns the weights of the pairs of positive samples
        `rows` and other samples `columns`, as an array of that shape.

    Returns
    -------
    share : float
        nan if no pair has a weight.
    """
    rows, columns = np.flatnonzero(positive), np.flatnonzero(~positive)
    size = max(_PAIRS_AT_ONCE // len(columns), 1)
    right = total = 0.0
    for block in gen_batches(len(rows), size):
        weight = weigh(rows[block], columns)
        difference = score[rows[block], None] - score[columns]
        right += np.sum(weight * np.heaviside(difference, 0.5))
        total += weight.sum()
    return float(right / total) if total > 0 else float("nan")
