# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Thresholds for all texts, or for each kind of text."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skperf.utils._conformal import conformal_threshold

HARMLESS_ONLY = (
    "Harmless texts are all that a threshold is fitted on, without labels: "
    "fit_threshold(X_benign, target_fpr=0.05), with rows of X that the classifier was "
    "not fitted on and that are not of the class pos_label_, such as [text for text, "
    "label in zip(X, y) if label != clf.pos_label_]."
)


def fit_thresholds(scores, kinds, target_fpr):
    """Return a conformal threshold for each kind of text, by its name."""
    return {
        kind: _fit_one(scores[kinds == kind], kind, target_fpr)
        for kind in np.unique(kinds).tolist()
    }


def _fit_one(scores, kind, target_fpr):
    try:
        return conformal_threshold(scores, target_fpr)
    except ValueError as error:
        raise ValueError(f"Texts of the kind {kind!r}: {error}") from error


def check_kinds(kinds, rows):
    """Return names of kinds of texts as an array."""
    kinds = column_or_1d(kinds)
    check_consistent_length(kinds, rows)
    if not all(isinstance(kind, str) for kind in kinds.tolist()):
        raise ValueError("Kinds of texts should be names: an array of strings.")
    return kinds.astype(str)


def choose_thresholds(classifier, kinds):
    """Return the threshold for all texts, or an array with that of each.

    Parameters
    ----------
    classifier : RedFlagClassifier or MeanStatesProbe
        A fitted one.

    kinds : ndarray of shape (n_texts,) or None
        The kind of each text.
    """
    thresholds = classifier.threshold_
    if not isinstance(thresholds, dict):
        if kinds is not None:
            raise ValueError(
                "There is one threshold for all kinds of texts. Pass no kinds, or set "
                "thresholds by kind: fit_threshold(X_benign, by=kinds)."
            )
        return thresholds
    if kinds is None:
        raise ValueError(
            f"The thresholds are by kind of text, {sorted(thresholds)}. Say which kind "
            "each text is of: predict(X, kinds=...), stream(prompt, kind=...)."
        )
    unknown = sorted(set(kinds.tolist()) - thresholds.keys())
    if unknown:
        raise ValueError(
            f"There is no threshold for texts of the kinds {unknown}, only for "
            f"{sorted(thresholds)}. Pass harmless texts of these kinds to "
            "fit_threshold."
        )
    return np.array([thresholds[kind] for kind in kinds.tolist()])
