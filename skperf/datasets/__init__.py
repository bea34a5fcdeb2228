# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Data to study performative prediction on, and a language model for text.

Each generator returns a population and what its distribution map needs; its docstring
names the shift of :mod:`skperf.shift` to pair it with. Under squared loss retraining on
the shifted data is a map of the predictions that can be written down, and so can its
fixed point.
"""

from skperf.datasets._affine_lower_bound import make_affine_lower_bound
from skperf.datasets._credit import fetch_give_me_some_credit
from skperf.datasets._harmfulness import fetch_harmfulness
from skperf.datasets._label_shift_groups import make_label_shift_groups
from skperf.datasets._linear_feedback import make_linear_feedback
from skperf.datasets._linear_game import make_linear_game
from skperf.datasets._location_scale import make_location_scale
from skperf.datasets._pricing import make_pricing
from skperf.datasets._ride_share import make_ride_share
from skperf.datasets._smollm2 import fetch_smollm2
from skperf.datasets._two_group_prophecy import make_two_group_prophecy
from skperf.datasets._two_group_rejection import make_two_group_rejection

__all__ = [
    "fetch_give_me_some_credit",
    "fetch_harmfulness",
    "fetch_smollm2",
    "make_affine_lower_bound",
    "make_label_shift_groups",
    "make_linear_feedback",
    "make_linear_game",
    "make_location_scale",
    "make_pricing",
    "make_ride_share",
    "make_two_group_prophecy",
    "make_two_group_rejection",
]
