# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Predictions that must be probabilities."""

import numpy as np
from numpy.typing import ArrayLike

from skperf.shift._sample import Floats

_SLACK = 1e-8  # rounding that a calibrator or a sum of probabilities may leave


def as_probabilities(y_pred: ArrayLike, asker: str, meaning: str) -> Floats:
    """Return predictions in [0, 1], or say who needs them and what they mean."""
    y_pred = np.asarray(y_pred)
    if y_pred.ndim != 1:
        raise ValueError(
            f"{asker} needs one prediction a row; got predictions of shape "
            f"{y_pred.shape}. Reduce them with TransformedPredictionShift."
        )
    low, high = y_pred.min(), y_pred.max()
    if not (low >= -_SLACK and high <= 1 + _SLACK):
        raise ValueError(
            f"{asker} needs predictions in [0, 1], {meaning}; got values from "
            f"{low:.4g} to {high:.4g}. Use a classifier with predict_proba, or "
            "TransformedPredictionShift to map scores or values into [0, 1]."
        )
    return np.clip(y_pred, 0, 1)
