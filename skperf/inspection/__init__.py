# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inspection: pictures of retraining, and of the risk that it moves on."""

from skperf.inspection._landscape import RiskLandscapeDisplay
from skperf.inspection._retraining import RetrainingDisplay

__all__ = ["RetrainingDisplay", "RiskLandscapeDisplay"]
