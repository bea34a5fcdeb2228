# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Pairs of a positive and another sample: the share that scores put in order."""

import numpy as np
from sklearn.utils import gen_batches

_PAIRS_AT_ONCE = 2**20


def shares_in_order(score, positive, weigh, weights):
    """Return the weighted share of pairs whose positive sample has the higher score.

    Ties count one half. With equal weights it is the area under the ROC curve.

    Parameters
    ----------
    score : ndarray of shape (n_samples,)
        Finite scores.

    positive : ndarray of shape (n_samples,)
        Of bool.

    weigh : callable
        ``weigh(rows, columns)`` returns what the pairs of positive samples `rows` and
        other samples `columns` count, as an array of that shape.

    weights : ndarray of shape (n_draws, n_samples)
        Weights of the samples, of several draws; a pair has the product of two.

    Returns
    -------
    shares : ndarray of shape (n_draws,)
        nan if no pair has a weight.
    """
    rows, columns = np.flatnonzero(positive), np.flatnonzero(~positive)
    of_columns = weights[:, columns]
    right, total = np.zeros((2, len(weights)))
    for block in gen_batches(len(rows), max(_PAIRS_AT_ONCE // len(columns), 1)):
        some = rows[block]
        count = np.asarray(weigh(some, columns), dtype=float)
        order = np.heaviside(score[some, None] - score[columns], 0.5)
        of_rows = weights[:, some]
        right += _dot(of_rows @ (count * order), of_columns)
        total += _dot(of_rows @ count, of_columns)
    return np.divide(right, total, out=np.full(len(weights), np.nan), where=total > 0)


def _dot(one, other):
    return np.einsum("ij,ij->i", one, other)
