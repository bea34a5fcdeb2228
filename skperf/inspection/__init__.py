# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inspection: pictures of retraining, of risks, of drift and of text detectors."""

from skperf.inspection._detection_delay import DetectionDelayDisplay
from skperf.inspection._drift import DriftDisplay
from skperf.inspection._landscape import RiskLandscapeDisplay
from skperf.inspection._reaction import ReactionDisplay
from skperf.inspection._retraining import RetrainingDisplay
from skperf.inspection._runs import RetrainingRunsDisplay
from skperf.inspection._stress import StressDisplay

__all__ = [
    "DetectionDelayDisplay",
    "DriftDisplay",
    "ReactionDisplay",
    "RetrainingDisplay",
    "RetrainingRunsDisplay",
    "RiskLandscapeDisplay",
    "StressDisplay",
]
