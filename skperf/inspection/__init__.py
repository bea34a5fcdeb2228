# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inspection: pictures of retraining, and of detectors of texts."""

from skperf.inspection._detection_delay import DetectionDelayDisplay
from skperf.inspection._retraining import RetrainingDisplay
from skperf.inspection._stress import StressDisplay

__all__ = ["DetectionDelayDisplay", "RetrainingDisplay", "StressDisplay"]
