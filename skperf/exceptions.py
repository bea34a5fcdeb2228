# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Errors and warnings of this package."""

__all__ = ["SchemaError"]


class SchemaError(ValueError):
    """A table does not fit those of the periods before it."""
