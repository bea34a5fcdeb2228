# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What samples are compared by: means of features, targets, predictions, products."""

import numpy as np

from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import Floats, Sample, as_weights
from skperf.shift.estimation._features import numeric_features

_MOST_PRODUCTS = 15  # columns whose products with predictions are looked at


class Summary:
    """Means of a sample, in units of the base population.

    Parameters
    ----------
    base : Sample
        The base population.

    predictor : PredictionFunction or None
        The deployed model, where it is known.
    """

    def __init__(self, base: Sample, predictor: PredictionFunction | None) -> None:
        self.predictor = predictor
        y = np.asarray(base.y)
        self._labels = None if y.dtype.kind in "biuf" else np.unique(y)
        columns = self._columns(base)
        spread = columns.std(axis=0)
        self._centres = columns.mean(axis=0)
        self._scales = np.where(spread > 0, spread, 1.0)

    def __call__(self, sample: Sample) -> Floats:
        """Return the means, of shape (n_summaries,)."""
        columns = (self._columns(sample) - self._centres) / self._scales
        weights = as_weights(sample.sample_weight, len(columns))
        if self.predictor is not None:
            told, others = columns[:, :1], columns[:, :_MOST_PRODUCTS]
            columns = np.column_stack([columns, told * others])
        return weights @ columns / weights.sum()

    def _columns(self, sample: Sample) -> Floats:
        """Return predictions, where there are any, targets and numeric features."""
        features = np.nan_to_num(numeric_features(sample))
        parts = [self._targets(sample), features]
        if self.predictor is not None:
            parts.insert(0, np.asarray(self.predictor(sample.X)))
        n_rows = len(features)
        return np.column_stack([np.reshape(part, (n_rows, -1)) for part in parts])

    def _targets(self, sample: Sample) -> Floats:
        """Return numbers, or an indicator of each label but the first."""
        y = np.asarray(sample.y)
        if self._labels is None:
            return y.astype(float)
        return (y.reshape(-1, 1) == self._labels[1:]).astype(float)
