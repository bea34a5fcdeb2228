# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inspection: studies, and pictures of retraining, risks, drift and detectors."""

from skperf.inspection._detection_delay import DetectionDelayDisplay
from skperf.inspection._drift import DriftDisplay
from skperf.inspection._gaming import gaming_importance
from skperf.inspection._gaming_display import GamingDisplay
from skperf.inspection._landscape import RiskLandscapeDisplay
from skperf.inspection._reaction import ReactionDisplay
from skperf.inspection._retraining import RetrainingDisplay
from skperf.inspection._runs import RetrainingRunsDisplay
from skperf.inspection._stress import StressDisplay
from skperf.inspection._study._study import RetrainingStudy

__all__ = [
    "DetectionDelayDisplay",
    "DriftDisplay",
    "GamingDisplay",
    "ReactionDisplay",
    "RetrainingDisplay",
    "RetrainingRunsDisplay",
    "RetrainingStudy",
    "RiskLandscapeDisplay",
    "StressDisplay",
    "gaming_importance",
]
