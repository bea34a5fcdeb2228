# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tests for shifts of your own.

``from skperf.testing import strategies`` gives hypothesis strategies; only that import
needs hypothesis.
"""

from skperf.testing._check_shift import check_shift

__all__ = ["check_shift"]
