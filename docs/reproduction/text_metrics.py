# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Areas under the ROC curve for texts of like length, and how sure they are."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_curve
from sklearn.utils import check_random_state

LIKE = 1.25


class Interval(NamedTuple):
    """A figure with the ends of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class LikeLengthAUC:
    """The share of pairs of like length that scores put in the right order.

    A pair is a harmful and a harmless text, the longer of which has at most 1.25 times
    the length of the other. Ties count one half. Without the condition on the length
    this is the area under the ROC curve.

    Parameters
    ----------
    y : ndarray of shape (n_texts,)
        1 for harmful, 0 for harmless.

    lengths : ndarray of shape (n_texts,)
        Lengths of the texts; all of them alike for the usual area.
    """

    def __init__(self, y, lengths):
        self.harmful, self.harmless = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
        ratio = lengths[self.harmful][:, None] / lengths[self.harmless]
        self.like = (ratio <= LIKE) & (ratio >= 1 / LIKE)

    def __call__(self, scores):
        """Return the area for scores of shape (n_texts,)."""
        return float(self._order(scores).sum() / self.like.sum())

    def _order(self, scores):
        difference = scores[self.harmful][:, None] - scores[self.harmless]
        return self.like * np.heaviside(difference, 0.5)

    def interval(self, scores, weights, baseline=None):
        """Return the Interval of the area, or of its difference to that of `baseline`.

        Parameters
        ----------
        scores, baseline : ndarray of shape (n_texts,)
            Scores that are compared on the same draws.

        weights : ndarray of shape (n_draws, n_texts)
            What :func:`draw` gave.
        """
        order = self._order(scores)
        if baseline is not None:
            order = order - self._order(baseline)
        total = self._weigh(self.like.astype(float), weights)
        drawn = self._weigh(order, weights)[total > 0] / total[total > 0]
        low, high = np.quantile(drawn, [0.025, 0.975])
        return Interval(float(order.sum() / self.like.sum()), float(low), float(high))

    def _weigh(self, pairs, weights):
        rows, columns = weights[:, self.harmful], weights[:, self.harmless]
        return np.einsum("ij,ij->i", rows @ pairs, columns)


def draw(groups, *, n_draws=2000, random_state=0):
    """Return how often each text is in each bootstrap sample of whole groups.

    Answers to the same prompt are no independent draws, so prompts are drawn.

    Parameters
    ----------
    groups : ndarray of shape (n_texts,)
        Texts with the same number are drawn together.

    n_draws : int, default=2000
        Number of samples.

    random_state : int, default=0
        Seed.

    Returns
    -------
    weights : ndarray of shape (n_draws, n_texts)
        Counts, as float.
    """
    random = check_random_state(random_state)
    names, group = np.unique(groups, return_inverse=True)
    n_groups = len(names)
    drawn = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), n_draws)
    return drawn[:, group].astype(float)


def fpr_at_recall(y, scores, recall=0.95):
    """Return the smallest false positive rate of a threshold with such a recall."""
    fpr, tpr, _ = roc_curve(y, scores, drop_intermediate=False)
    return float(fpr[np.argmax(tpr >= recall)])
