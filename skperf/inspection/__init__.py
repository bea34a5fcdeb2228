# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Inspection: pictures of retraining."""

from skperf.inspection._retraining import RetrainingDisplay

__all__ = ["RetrainingDisplay"]
