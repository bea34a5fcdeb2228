# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the score of a text learns beside the flag: a center and an intercept."""

import numpy as np

from skperf.llm._aggregates import TextScore


def fit_text_score(aggregate, window, scores, flagged, weight):
    """Return the TextScore that training texts ask for.

    Parameters
    ----------
    aggregate, window : str or callable, int
        As in RedFlagClassifier.

    scores : list of ndarray of shape (n_positions,)
        Log-odds at the positions of each training text.

    flagged : ndarray of shape (n_texts,)
        1 for texts that the flag belongs to, otherwise 0.

    weight : ndarray of shape (n_texts,)
        Weights of the texts.

    Returns
    -------
    text_score : TextScore
        Its center is the median of the positions of texts that are not flagged, and its
        intercept puts 0 halfway between the classes.
    """
    center = _median_of_positions(scores, np.where(flagged, 0, weight))
    text_score = TextScore(aggregate, window, center)
    pooled = np.array([text_score.of(row) for row in scores])
    return text_score._replace(intercept=fit_intercept(pooled, flagged, weight))


def _median_of_positions(scores, weight):
    """Return the lower median, where each position has the weight of its text."""
    values = np.concatenate(scores)
    weight = np.repeat(weight, [len(row) for row in scores])
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def fit_intercept(scores, flagged, weight):
    """Return what to add to scores so that 0 is halfway between the classes' means.

    That is the boundary of linear discriminant analysis for classes of equal size. It
    does not move with the share of flagged texts, and classes that are apart, as they
    often are in training, do not leave it open, as the log loss does.
    """
    sides = (
        np.average(scores[rows], weights=weight[rows])
        for rows in (flagged == 1, flagged == 0)
    )
    return -float(sum(sides)) / 2
