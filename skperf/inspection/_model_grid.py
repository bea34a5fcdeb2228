# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Risks of a grid of fitted models, of any kind."""

import numpy as np

from skperf.retraining._performative_slope import settle

_GRID = (list, tuple, np.ndarray)  # a Pipeline has a length, too


def check_grid(models):
    """Return the shape of a grid of models, and the models row by row."""
    rows = list(models) if isinstance(models, _GRID) else [models]
    nested = [isinstance(row, _GRID) for row in rows]
    lengths = {len(row) for row in rows if isinstance(row, _GRID)}
    shape = (len(rows), *lengths)
    regular = not any(nested) or (all(nested) and len(lengths) == 1)
    if not regular or min(shape) < 2:
        raise ValueError(
            "models is no grid; expected a list of at least two fitted models, or "
            "lists of equal lengths, at least two of at least two models."
        )
    return shape, [model for row in rows for model in row] if any(nested) else rows


def check_values(values, n_parameters):
    """Return the values of each parameter as arrays, None where none are given."""
    if values is None:
        return None
    if n_parameters == 1 and np.ndim(values[0]) == 0:
        values = [values]
    values = [np.asarray(one, dtype=float) for one in values]
    good = [
        one.ndim == 1 and len(one) > 1 and np.all(np.diff(one) > 0) for one in values
    ]
    if len(values) != n_parameters or not all(good):
        raise ValueError(
            f"values must be {n_parameters} array(s), one for each parameter, of at "
            "least two numbers that increase."
        )
    return values


def label_grid(values, names, shape):
    """Return values and names of what the models of a grid differ in."""
    values = check_values(values, len(shape))
    values = [np.arange(n) for n in shape] if values is None else values
    names = [names] if isinstance(names, str) else names
    if tuple(map(len, values)) != shape or len(names or shape) != len(shape):
        raise ValueError(
            f"There is a grid of {shape} models, and there are values for "
            f"{tuple(map(len, values))} and the names {names!r}; expected a value for "
            "each place and a name for each direction."
        )
    return values, names


def grid_risk(deployed, shape, world, scoring):
    """Return the risk of each pair of a list of models, or of each model of a grid."""
    if len(shape) == 2:
        risks = [model.risk(settle(world, model), scoring) for model in deployed]
        return np.reshape(risks, shape)
    rows = []
    for model in deployed:
        sample = settle(world, model)
        rows.append([judged.risk(sample, scoring) for judged in deployed])
    return np.array(rows)


def stable_models(risk, values):
    """Return the values of models that none of a list beats on their own data."""
    if len(values) > 1:
        return ()
    own = np.diag(risk)
    return values[0][own <= risk.min(axis=1)][:, None]
