# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Predictions that must be probabilities."""

import numpy as np
from numpy.typing import ArrayLike

from skperf.shift._sample import Floats
from skperf.utils._by_rows import as_array, extremes, map_rows

_SLACK = 1e-8  # rounding that a calibrator or a sum of probabilities may leave


def as_probabilities(y_pred: ArrayLike, asker: str, meaning: str) -> Floats:
    """Return predictions in [0, 1], or say who needs them and what they mean."""
    predictions: Floats = as_array(y_pred)
    if predictions.ndim != 1:
        raise ValueError(
            f"{asker} needs one prediction a row; got predictions of shape "
            f"{predictions.shape}. Reduce them with TransformedPredictionShift."
        )
    low, high = extremes(predictions)
    if not (low >= -_SLACK and high <= 1 + _SLACK):
        raise ValueError(
            f"{asker} needs predictions in [0, 1], {meaning}; got values from "
            f"{low:.4g} to {high:.4g}. Use a classifier with predict_proba, or "
            "TransformedPredictionShift to map scores or values into [0, 1]."
        )
    return map_rows(_clip, predictions)


def _clip(y_pred: Floats) -> Floats:
    return np.clip(y_pred, 0, 1)
