# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Minimizers: estimators that retrain until the model is stable."""

from skperf.risk_minimization._affine import AffineRiskMinimizer
from skperf.risk_minimization._anderson import anderson
from skperf.risk_minimization._coefficients import uniform
from skperf.risk_minimization._performative import PerformativeRiskMinimizer
from skperf.risk_minimization._repeated import RepeatedRiskMinimizer

__all__ = [
    "AffineRiskMinimizer",
    "PerformativeRiskMinimizer",
    "RepeatedRiskMinimizer",
    "anderson",
    "uniform",
]
