# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Errors and warnings of this package."""

__all__ = [
    "DamagedStoreError",
    "MissingLabelsWarning",
    "NoOptimumError",
    "PositiveClassWarning",
    "RepeatedPersonsWarning",
    "SchemaError",
    "StoreConflictError",
    "StoreError",
    "UnidentifiedError",
]


class MissingLabelsWarning(UserWarning):
    """Some rows of a period have no label yet, and training goes on without them."""


class NoOptimumError(ValueError):
    """No way leads to the lowest performative risk of this estimator and shift."""


class PositiveClassWarning(UserWarning):
    """The labels do not say which class people react to, and nobody else did."""


class RepeatedPersonsWarning(UserWarning):
    """An estimator counts or splits rows, and several rows are one person."""


class SchemaError(ValueError):
    """A table does not fit those of the periods before it."""


class StoreError(RuntimeError):
    """A store on disk cannot do what it was asked for; nothing was changed."""


class DamagedStoreError(StoreError):
    """A file of a store is not what was written; the message names it."""


class StoreConflictError(StoreError):
    """Another writer has changed a store, or the minimizer is not its newest."""


class UnidentifiedError(ValueError):
    """The data cannot tell how strongly people react, whatever their number."""
