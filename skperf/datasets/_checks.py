# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Checks of the parameters of generators."""

from numbers import Integral, Real

from sklearn.utils import check_scalar


def check_count(name, value, min_val=1):
    """Raise unless the parameter `name` is a whole number from `min_val` on."""
    check_scalar(value, name, target_type=Integral, min_val=min_val)


def check_real(name, value, **bounds):
    """Raise unless the parameter `name` is a number within bounds of check_scalar."""
    check_scalar(value, name, target_type=Real, **bounds)
