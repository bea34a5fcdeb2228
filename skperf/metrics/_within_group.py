# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The area under the ROC curve within groups."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skperf.metrics._pairs import shares_in_order
from skperf.metrics._positive import check_scores


def within_group_auc_score(
    y_true, y_score, groups, *, pos_label=None, sample_weight=None
):
    r"""Mean of the areas under the ROC curves of groups, weighted by their samples.

    :math:`\sum_g W_g\,\mathrm{AUC}_g / \sum_g W_g`, with :math:`W_g` the total weight
    of the samples of group g, over the groups that have both classes. Answers to the
    same prompt, for instance, are a group: a detector that knows prompts only gets 0.5.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.

    y_score : array-like of shape (n_samples,)
        Finite scores, higher for the positive class.

    groups : array-like of shape (n_samples,)
        The group of each sample. Groups of one class say nothing and do not count.

    pos_label : int, float, bool or str, default=None
        The positive class. None means the 1 of labels 0 and 1, or -1 and 1; others need
        it.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights.

    Returns
    -------
    area : float
        From 0 to 1.

    Raises
    ------
    ValueError
        If no group has both classes.

    See Also
    --------
    like_length_auc_score : Among texts of like length.

    References
    ----------
    .. [1] G. Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
       KDD 2018, where groups are users and the metric is called GAUC.

    Examples
    --------
    >>> from sklearn.metrics import roc_auc_score
    >>> from skperf.metrics import within_group_auc_score
    >>> y, groups = [1, 0, 1, 0], ["a", "a", "b", "b"]
    >>> score = [0.9, 0.8, 0.3, 0.2]
    >>> roc_auc_score(y, score), within_group_auc_score(y, score, groups)
    (0.75, 1.0)
    """
    positive, score, weight = check_scores(y_true, y_score, pos_label, sample_weight)
    groups = column_or_1d(groups)
    check_consistent_length(score, groups)
    group = np.unique(groups, return_inverse=True)[1]
    of_positive = np.bincount(group, weight * positive)
    of_other = np.bincount(group, weight * ~positive)
    n_pairs = of_positive * of_other
    # what a pair counts, so that the pairs of a group count as much as its samples
    worth = np.divide(
        of_positive + of_other, n_pairs, out=np.zeros_like(n_pairs), where=n_pairs > 0
    )

    def weigh(rows, columns):
        return (group[rows, None] == group[columns]) * worth[group[rows], None]

    (area,) = shares_in_order(score, positive, weigh, weight[None])
    if np.isnan(area):
        raise ValueError(
            f"None of the {len(n_pairs)} groups has samples of both classes, so there "
            "is no order within a group. Are these the right groups?"
        )
    return float(area)
