# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The features that are numbers, of a table of any type."""

import numpy as np

from skperf.shift._sample import Floats, Sample
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import column_values, numeric_columns


def numeric_features(sample: Sample) -> Floats:
    """Return the numeric columns of a sample, missing values included."""
    X = np.asarray(sample.X) if isinstance(sample.X, list) else sample.X
    if isinstance(X, np.ndarray) and X.dtype.kind in "biuf":  # ten times as fast
        return X.reshape(len(X), -1).astype(float)
    values = [column_values(X, column) for column in numeric_columns(X)]
    return np.reshape(values, (len(values), _num_samples(X))).T
