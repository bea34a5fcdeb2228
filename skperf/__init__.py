# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""scikit-learn for models that change the data they predict."""

from skperf.risk_minimization import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import ResampleIfRejected

__all__ = ["AffineRiskMinimizer", "RepeatedRiskMinimizer", "ResampleIfRejected"]
__version__ = "0.1.0"
