# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which of two classes raises the flag: told by its label, never by its place."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skperf.utils._labels import name_their_positive


def find_flagged(y, texts, pos_label):
    """Return the flagged label and the other, and which texts have it.

    Parameters
    ----------
    y : array-like of shape (n_texts,)
        Labels of two classes.

    texts : sequence of length n_texts
        What they are the labels of.

    pos_label : int, float, bool, str or None
        The label that is flagged. None will do if the labels say it themselves.

    Returns
    -------
    labels : ndarray of shape (2,)
        The label that is not flagged, and the one that is.

    flagged : ndarray of shape (n_texts,)
        1 for texts of ``labels[1]``, and 0 for the others.
    """
    y = column_or_1d(y, warn=True)
    check_consistent_length(y, texts)
    check_classification_targets(y)
    classes = np.unique(y)
    if len(classes) != 2:
        raise ValueError(
            "Only binary classification is supported. y should have 2 classes, one of "
            f"which is flagged; got {len(classes)}."
        )
    labels = classes[::-1] if _first_is_flagged(classes, pos_label) else classes
    return labels, (y == labels[1]).astype(int)


def _first_is_flagged(classes, pos_label):
    first, second = classes.tolist()
    if pos_label is None and not name_their_positive(classes):
        raise ValueError(
            f"The labels {first!r} and {second!r} do not say which class is flagged. "
            "Pass pos_label, the label of the texts that raise the flag: "
            f"pos_label={first!r} or pos_label={second!r}."
        )
    if pos_label not in (None, first, second):
        raise ValueError(
            f"pos_label={pos_label!r} is not a label of y. Expected {first!r} or "
            f"{second!r}, of the type that y has where fit sees it: some estimators "
            "of estimators, such as VotingClassifier, hand on 0 and 1 in place of the "
            "sorted labels."
        )
    return pos_label == first
