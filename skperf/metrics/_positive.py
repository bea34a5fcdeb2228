# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scores of two classes, checked; the positive one is told by its label's value."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length, column_or_1d

from skperf.utils._labels import name_their_positive
from skperf.utils._sklearn import _check_sample_weight


def check_scores(y_true, y_score, pos_label, sample_weight):
    """Return which rows are positive, their scores and their weights.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of two classes.

    y_score : array-like of shape (n_samples,)
        Scores, higher for the positive class.

    pos_label : int, float, bool, str or None
        The positive class. None will do for labels that say it themselves.

    sample_weight : array-like of shape (n_samples,) or None
        Weights, none of them negative.

    Returns
    -------
    positive : ndarray of shape (n_samples,)
        Of bool.

    y_score, sample_weight : ndarray of shape (n_samples,)
        As float64.
    """
    score = check_array(column_or_1d(y_score), ensure_2d=False, dtype=float)
    positive = find_positive(y_true, pos_label)
    check_consistent_length(positive, score)
    weight = _check_sample_weight(
        sample_weight, score, dtype=float, ensure_non_negative=True
    )
    _require_both(positive, weight)
    return positive, score, weight


def find_positive(y_true, pos_label):
    """Return which labels are the positive one, by its value."""
    return column_or_1d(y_true) == positive_label(y_true, pos_label)


def positive_label(y_true, pos_label):
    """Return the positive one of two labels."""
    classes = np.unique(column_or_1d(y_true))
    labels = classes.tolist()
    if len(labels) > 2:
        raise ValueError(
            f"y_true should have two classes; got {len(labels)}: {labels[:10]}. Make "
            "it y_true == pos_label to tell one class from all others."
        )
    if pos_label is None and not name_their_positive(classes):
        raise ValueError(
            f"The labels {labels} do not say which class is the positive one. Pass "
            f"pos_label, such as pos_label={labels[0]!r}."
        )
    if pos_label is not None and pos_label not in labels:
        raise ValueError(f"pos_label={pos_label!r} is not a label of y_true: {labels}.")
    return 1 if pos_label is None else pos_label


def _require_both(positive, weight):
    for rows, name in ((positive, "positive"), (~positive, "other")):
        if not weight[rows].any():
            raise ValueError(
                f"There are no samples of the {name} class, or all of them have "
                "weight 0. Both classes are needed."
            )
