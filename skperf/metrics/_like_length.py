# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The area under the ROC curve among texts of like length."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skperf.metrics._pairs import shares_in_order
from skperf.metrics._positive import check_scores

_ROUNDING = 1e-9  # 1.1 * 10 is not to be less than 11


def like_length_auc_score(
    y_true, y_score, lengths, *, ratio=1.25, pos_label=None, sample_weight=None
):
    """Share of pairs of like length that scores put in the right order.

    A pair is a positive and another sample, the longer of which has at most `ratio`
    times the length of the other. Ties count one half. Without the condition on lengths
    this is the area under the ROC curve, which length alone can make large where, say,
    harmful answers are the long ones.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.

    y_score : array-like of shape (n_samples,)
        Finite scores, higher for the positive class.

    lengths : array-like of shape (n_samples,)
        Lengths above 0, in any unit.

    ratio : float, default=1.25
        The largest ratio of lengths in a pair, from 1 on.

    pos_label : int, float, bool or str, default=None
        The positive class. None means the 1 of labels 0 and 1, or -1 and 1; others need
        it.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights; a pair has the product of two.

    Returns
    -------
    share : float
        From 0 to 1.

    Raises
    ------
    ValueError
        If no pair is of like length, if a class is missing, or if a length is not
        above 0.

    See Also
    --------
    within_group_auc_score : Among samples of the same group.
    bootstrap_interval : How sure such a figure is.

    Notes
    -----
    All pairs are looked at, in blocks: time grows with the number of positive samples
    times that of the others.

    Examples
    --------
    >>> from sklearn.metrics import roc_auc_score
    >>> from skperf.metrics import like_length_auc_score
    >>> y, lengths = [1, 1, 0, 0], [100, 900, 90, 850]
    >>> roc_auc_score(y, lengths)
    0.75
    >>> score = [0.1, 0.2, 0.7, 0.8]
    >>> like_length_auc_score(y, score, lengths)
    0.0
    """
    positive, score, weight = check_scores(y_true, y_score, pos_label, sample_weight)
    lengths = check_array(column_or_1d(lengths), ensure_2d=False, dtype=float)
    check_consistent_length(score, lengths)
    if not (lengths > 0).all():
        raise ValueError(
            "lengths should be above 0: a text of length 0 is like no other."
        )
    if not ratio >= 1:
        raise ValueError(f"ratio should be 1 or more; got {ratio}.")
    alike = of_like_length(lengths, ratio)
    (share,) = shares_in_order(score, positive, alike, weight[None])
    if np.isnan(share):
        raise ValueError(
            f"There is no pair of two classes whose lengths have a ratio of {ratio:g} "
            "or less. Pass more samples, or a larger ratio."
        )
    return float(share)


def of_like_length(lengths, ratio=1.25):
    """Return a function that tells which pairs of samples are of like length."""
    logs, limit = np.log(lengths), np.log(ratio) + _ROUNDING
    return lambda rows, columns: np.abs(logs[rows, None] - logs[columns]) <= limit
