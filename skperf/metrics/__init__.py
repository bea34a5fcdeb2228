# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Metrics: what a model is worth on data that react to it, and detectors of texts."""

from skperf.metrics._bootstrap import Interval, bootstrap_interval
from skperf.metrics._certificates import ConvergenceReport
from skperf.metrics._contraction import ContractionRate, contraction_rate
from skperf.metrics._detection_delay import detection_delay
from skperf.metrics._evaluate import DetectorEvaluation, evaluate_detectors
from skperf.metrics._induce import induce
from skperf.metrics._like_length import like_length_auc_score
from skperf.metrics._linearization import ContractionRadius, contraction_radius
from skperf.metrics._operating_point import fpr_at_recall, recall_at_fpr
from skperf.metrics._optimality import optimality_gap
from skperf.metrics._report import convergence_report
from skperf.metrics._risk import (
    decoupled_performative_risk,
    performative_risk,
    stability_gap,
)
from skperf.metrics._scorer import make_performative_scorer
from skperf.metrics._stress import AfterChat, FineTuned, Prefill, Resampled
from skperf.metrics._within_group import within_group_auc_score

__all__ = [
    "AfterChat",
    "ContractionRadius",
    "ContractionRate",
    "ConvergenceReport",
    "DetectorEvaluation",
    "FineTuned",
    "Interval",
    "Prefill",
    "Resampled",
    "bootstrap_interval",
    "contraction_radius",
    "contraction_rate",
    "convergence_report",
    "decoupled_performative_risk",
    "detection_delay",
    "evaluate_detectors",
    "fpr_at_recall",
    "induce",
    "like_length_auc_score",
    "make_performative_scorer",
    "optimality_gap",
    "performative_risk",
    "recall_at_fpr",
    "stability_gap",
    "within_group_auc_score",
]
