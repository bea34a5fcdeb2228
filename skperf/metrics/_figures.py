# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Figures of a detector on many bootstrap draws at once."""

import numpy as np

from skperf.metrics._bootstrap import Interval, draw_groups, percentile_interval
from skperf.metrics._like_length import of_like_length
from skperf.metrics._operating_point import recalls_at_fpr
from skperf.metrics._pairs import shares_in_order
from skperf.metrics._within_group import within_group_auc_score


class JudgedRows:
    """Labels of rows that detectors are judged on, and draws of their groups.

    Each figure is an array of shape (n_resamples + 1,): first the value on the rows as
    they are, then on each draw, the same ones for all detectors; nan where a draw has
    none.

    Parameters
    ----------
    positive : ndarray of shape (n_rows,)
        Of bool.

    lengths : ndarray of shape (n_rows,)
        Lengths of the texts.

    groups : array-like of shape (n_rows,) or None
        Rows that are drawn together.

    n_resamples : int
        Number of draws.

    random_state : int, RandomState instance or None
        Draws the groups.
    """

    def __init__(self, positive, lengths, groups, n_resamples, random_state):
        self.positive = positive
        self.lengths = lengths
        self.groups = None if groups is None else np.asarray(groups)
        drawn = np.arange(len(positive)) if groups is None else groups
        draws = draw_groups(drawn, n_resamples, random_state)
        self.weights = np.array([np.ones(len(positive)), *draws], dtype=float)

    def ranking(self, score, target_fpr):
        """Return by name the figures that depend on the order of scores only."""
        figures = {
            "AUC": self._auc(score, lambda rows, columns: np.ones((len(rows), 1))),
            "like-length AUC": self._auc(score, of_like_length(self.lengths)),
            "recall at FPR": recalls_at_fpr(
                self.positive, score, target_fpr, self.weights
            ),
        }
        if self.groups is not None:
            figures["within-group AUC"] = self._within_groups(score)
        return figures

    def _auc(self, score, weigh):
        def weigh_all(rows, columns):
            return np.broadcast_to(weigh(rows, columns), (len(rows), len(columns)))

        return shares_in_order(score, self.positive, weigh_all, self.weights)

    def _within_groups(self, score):
        """Return the mean over groups, whose own areas are the same in all draws."""
        names, group = np.unique(self.groups, return_inverse=True)
        areas = [self._area_of(group == i, score) for i in range(len(names))]
        known = ~np.isnan(areas)
        members = (group[:, None] == np.flatnonzero(known)).astype(float)
        totals = self.weights @ members
        return _divide(totals @ np.array(areas)[known], totals.sum(axis=1))

    def _area_of(self, rows, score):
        positive = self.positive[rows]
        if positive.all() or not positive.any():
            return np.nan
        one = np.zeros(len(positive))
        return within_group_auc_score(positive, score[rows], one)

    def flagged(self, flagged):
        """Return by name the shares of the two classes that are flagged."""
        return {
            "recall": self._share(flagged, self.positive),
            "FPR": self._share(flagged, ~self.positive),
        }

    def _share(self, flagged, rows):
        weights = self.weights[:, rows]
        return _divide(weights @ flagged[rows].astype(float), weights.sum(axis=1))


def interval(figure, confidence_level=0.95):
    """Return the Interval of a figure; its ends are nan if few draws have it."""
    value, drawn = figure[0], figure[1:]
    if 2 * np.isnan(drawn).sum() >= len(drawn):
        return Interval(float(value), np.nan, np.nan)
    return percentile_interval(value, drawn, confidence_level)


def _divide(part, whole):
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
