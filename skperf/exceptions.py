# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Errors and warnings of this package."""

__all__ = [
    "NoOptimumError",
    "PositiveClassWarning",
    "RepeatedPersonsWarning",
    "SchemaError",
    "UnidentifiedError",
]


class NoOptimumError(ValueError):
    """No way leads to the lowest performative risk of this estimator and shift."""


class PositiveClassWarning(UserWarning):
    """The labels do not say which class people react to, and nobody else did."""


class RepeatedPersonsWarning(UserWarning):
    """An estimator counts or splits rows, and several rows are one person."""


class SchemaError(ValueError):
    """A table does not fit those of the periods before it."""


class UnidentifiedError(ValueError):
    """The data cannot tell how strongly people react, whatever their number."""
