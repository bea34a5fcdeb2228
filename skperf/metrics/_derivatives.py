# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Derivatives by the numbers in a model."""

import numpy as np

MOST_NUMBERS = 500  # by which derivatives are taken one after the other
STEP = np.cbrt(np.finfo(float).eps)  # balances rounding and curvature


def jacobian(function, values, steps):
    """Return the derivatives of a vector, by central differences.

    Parameters
    ----------
    function : callable
        Maps values to an ndarray of shape (n_outputs,).

    values : ndarray of shape (n_values,)
        Where.

    steps : ndarray of shape (n_values,)
        How far each value is moved to either side.

    Returns
    -------
    derivatives : ndarray of shape (n_outputs, n_values)
        By each of the values.
    """
    moves = np.diag(steps)
    rises = [function(values + move) - function(values - move) for move in moves]
    return np.column_stack(rises) / (2 * steps)
