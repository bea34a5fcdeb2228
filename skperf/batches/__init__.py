# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables that are larger than memory, and estimators that train on them in batches."""

from skperf.batches._batches import Batches
from skperf.batches._incremental import IncrementalEstimator
from skperf.batches._lightgbm import LightGBMEstimator

__all__ = ["Batches", "IncrementalEstimator", "LightGBMEstimator"]
