# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Arrays of other libraries, such as tensors on a GPU.

Features stay where they are. What is small, predictions and weights, comes to NumPy on
purpose: shifts and the loop compute with it, and a copy of one number a row is cheap.
"""

import numpy as np
from scipy import sparse

from skperf.utils._sklearn import array_namespace, convert_to_numpy


def is_foreign(table):
    """Return whether a table is an array of another library than NumPy."""
    if isinstance(table, np.ndarray) or sparse.issparse(table):
        return False
    return hasattr(table, "device") and hasattr(table, "shape")


def to_numpy(values, dtype=None):
    """Return values of any kind as an array of NumPy."""
    if is_foreign(values):
        values = convert_to_numpy(values, array_namespace(values))
    return np.asarray(values, dtype=dtype)


def move_beside(values, table):
    """Return an array of NumPy as one of the library and on the device of a table."""
    return array_namespace(table).asarray(values, device=table.device)


def take(table, rows):
    """Return rows of an array of another library."""
    rows = move_beside(np.asarray(rows), table)
    return array_namespace(table).take(table, rows, axis=0)


def replace(table, others, columns):
    """Return an array of another library with some columns of a second one."""
    named = np.zeros(table.shape[1], dtype=bool)
    named[columns] = True
    xp = array_namespace(table)
    return xp.where(move_beside(named[None], table), others, table)


def add(table, columns, amounts):
    """Return an array of another library with amounts added to some columns.

    Floats keep their precision.
    """
    xp = array_namespace(table)
    if not xp.isdtype(table.dtype, "real floating"):
        table = xp.astype(table, xp.float64)
    added = np.zeros(table.shape)
    added[:, columns] = amounts
    return table + xp.astype(move_beside(added, table), table.dtype)
