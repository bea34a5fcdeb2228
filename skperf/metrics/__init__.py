# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Metrics: what a model is worth on data that react to it."""

from skperf.metrics._induce import induce
from skperf.metrics._optimality import optimality_gap
from skperf.metrics._risk import (
    decoupled_performative_risk,
    performative_risk,
    stability_gap,
)
from skperf.metrics._scorer import make_performative_scorer

__all__ = [
    "decoupled_performative_risk",
    "induce",
    "make_performative_scorer",
    "optimality_gap",
    "performative_risk",
    "stability_gap",
]
