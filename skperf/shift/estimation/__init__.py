# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How strongly people react, from what was seen under deployed models.

Each shift writes down its estimating equations, quantities whose means are zero at the
true strength. One solver makes estimates, covariances and checks of them.
"""
