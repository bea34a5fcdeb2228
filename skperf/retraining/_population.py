# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Base populations: rows that belong together, with valid weights."""

from copy import deepcopy

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length, indexable
from sklearn.utils.validation import column_or_1d

from skperf.shift import Sample
from skperf.shift._sample import Floats, Table
from skperf.utils._by_rows import extremes, in_blocks, keep, keep_rows
from skperf.utils._sklearn import _check_sample_weight


def check_population(
    X: Table, y: Table, sample_weight: ArrayLike | None, groups: ArrayLike | None = None
) -> Sample:
    """Return a population whose rows belong together, with valid weights."""
    if y is None:
        raise ValueError(
            "Retraining requires y to be passed, but the target y is None. Pass the "
            "labels or values that the model learns, as in fit(X, y)."
        )
    X, y = indexable(X, y)
    y = keep(y)  # which each round reads often
    weights = persons = None
    if sample_weight is not None:
        weights = _check_weights(sample_weight, X)
    if groups is not None:
        persons = column_or_1d(groups)
        check_consistent_length(X, persons)
    return Sample(X, y, weights, persons)


def _check_weights(sample_weight: ArrayLike, X: Table) -> Floats:
    """Return weights of zero or more, one for each row."""
    if not in_blocks(sample_weight):
        return _check_sample_weight(sample_weight, X, ensure_non_negative=True)
    check_consistent_length(X, sample_weight)
    weights: Floats = keep_rows(np.asarray, sample_weight, dtype=float)
    low, _ = extremes(weights)
    if not low >= 0:
        raise ValueError(
            f"Negative values in data passed to `sample_weight` (minimum {low:.3g})."
        )
    return weights


def own(sample: Sample) -> Sample:
    """Return a copy that stays as it is, whatever its giver does with the original."""
    return deepcopy(sample)
