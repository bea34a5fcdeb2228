# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the threshold with a given rate of false positives, or recall, gives."""

import numpy as np
from sklearn.metrics import roc_curve

from skperf.metrics._positive import check_scores

_ROUNDING = 1e-12  # of sums of weights


def recall_at_fpr(
    y_true, y_score, *, target_fpr=0.05, pos_label=None, sample_weight=None
):
    """Largest recall of a threshold with no more than a given false positive rate.

    The threshold is the best one for these very samples, so this measures how well they
    are put in order. What a threshold that was set before will do is another question:
    set it on other samples, and count.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.

    y_score : array-like of shape (n_samples,)
        Finite scores, higher for the positive class.

    target_fpr : float, default=0.05
        The false positive rate, from 0 to 1.

    pos_label : int, float, bool or str, default=None
        The positive class. None means the 1 of labels 0 and 1, or -1 and 1; others need
        it.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    recall : float
        From 0 to 1. Samples of the same score pass a threshold together.

    See Also
    --------
    fpr_at_recall : The other way round.

    Examples
    --------
    >>> from skperf.metrics import recall_at_fpr
    >>> recall_at_fpr([1, 1, 0, 1, 0, 0], [6, 5, 4, 3, 2, 1], target_fpr=0.1)
    0.6666666666666666
    """
    _check_share(target_fpr, "target_fpr")
    fpr, recall = _rates(y_true, y_score, pos_label, sample_weight)
    return float(recall[fpr <= target_fpr + _ROUNDING].max())


def fpr_at_recall(y_true, y_score, *, recall=0.95, pos_label=None, sample_weight=None):
    """Smallest false positive rate of a threshold with no less than a given recall.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.

    y_score : array-like of shape (n_samples,)
        Finite scores, higher for the positive class.

    recall : float, default=0.95
        The share of positive samples that is to be found, from 0 to 1.

    pos_label : int, float, bool or str, default=None
        The positive class. None means the 1 of labels 0 and 1, or -1 and 1; others need
        it.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    fpr : float
        From 0 to 1; lower is better.

    See Also
    --------
    recall_at_fpr : The other way round.

    Examples
    --------
    >>> from skperf.metrics import fpr_at_recall
    >>> fpr_at_recall([1, 1, 0, 1, 0, 0], [6, 5, 4, 3, 2, 1], recall=0.9)
    0.3333333333333333
    """
    _check_share(recall, "recall")
    fpr, found = _rates(y_true, y_score, pos_label, sample_weight)
    return float(fpr[found >= recall - _ROUNDING].min())


def _rates(y_true, y_score, pos_label, sample_weight):
    positive, score, weight = check_scores(y_true, y_score, pos_label, sample_weight)
    fpr, recall, _ = roc_curve(
        positive, score, sample_weight=weight, drop_intermediate=False
    )
    return fpr, recall


def _check_share(value, name):
    if not 0 <= value <= 1:
        raise ValueError(f"{name} should be from 0 to 1; got {value}.")


def recalls_at_fpr(positive, score, target_fpr, weights):
    """Return :func:`recall_at_fpr` for several weights of the same samples.

    Parameters
    ----------
    positive, score : ndarray of shape (n_samples,)
        Which samples are positive, and finite scores.

    target_fpr : float
        The false positive rate.

    weights : ndarray of shape (n_draws, n_samples)
        Weights.

    Returns
    -------
    recalls : ndarray of shape (n_draws,)
        nan where a class has no weight.
    """
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.diff(score[order], append=-np.inf))  # of equal scores
    found, false = (
        np.cumsum(weights[:, order] * rows[order], axis=1)[:, ends]
        for rows in (positive, ~positive)
    )
    n_found, n_false = found[:, -1], false[:, -1]
    allowed = false <= (target_fpr + _ROUNDING) * n_false[:, None]
    best = np.where(allowed, found, 0).max(axis=1)
    defined = (n_found > 0) & (n_false > 0)
    return np.divide(best, n_found, out=np.full(len(best), np.nan), where=defined)
