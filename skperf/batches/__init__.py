# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables that are larger than memory, and estimators that train on them in batches."""

from skperf.batches._batches import Batches
from skperf.batches._incremental import IncrementalEstimator
from skperf.batches._lightgbm import LightGBMEstimator
from skperf.batches._xgboost import XGBoostEstimator

__all__ = ["Batches", "IncrementalEstimator", "LightGBMEstimator", "XGBoostEstimator"]
