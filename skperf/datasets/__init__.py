# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Data to study performative prediction on, and a language model for text."""

from skperf.datasets._credit import fetch_give_me_some_credit
from skperf.datasets._generators import (
    make_affine_lower_bound,
    make_label_shift_groups,
    make_linear_feedback,
    make_linear_game,
    make_two_group_rejection,
)
from skperf.datasets._harmfulness import fetch_harmfulness
from skperf.datasets._ride_share import make_ride_share
from skperf.datasets._smollm2 import fetch_smollm2

__all__ = [
    "fetch_give_me_some_credit",
    "fetch_harmfulness",
    "fetch_smollm2",
    "make_affine_lower_bound",
    "make_label_shift_groups",
    "make_linear_feedback",
    "make_linear_game",
    "make_ride_share",
    "make_two_group_rejection",
]
