# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a classifier's methods return, where rows and classes are not the axes."""

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skperf.shift._sample import Table
from skperf.utils._arrays import to_numpy
from skperf.utils._by_rows import in_blocks, keep, keep_rows, local_model, takes_dask

_INNER = ("best_estimator_", "estimator_")  # of searches and other wrappers


def respond(estimator: BaseEstimator, X: Table, method: str) -> NDArray:
    """Return what a method of an estimator says about X, with one row a sample.

    Of a table in blocks it is asked block by block, unless it takes the whole table.
    """
    if not in_blocks(X):
        return rows_first(getattr(estimator, method)(X))
    model = local_model(estimator) if takes_dask(estimator) else estimator
    if model is None:
        return rows_first(getattr(estimator, method)(X))
    return keep_rows(_respond, X, estimator=model, method=method)


def _respond(X: Table, *, estimator: BaseEstimator, method: str) -> NDArray:
    return rows_first(getattr(estimator, method)(X))


def rows_first(response: object) -> NDArray:
    """Return a response with one row a sample.

    Of several outputs a classifier returns a list with the probabilities of each,
    which become columns side by side.
    """
    if isinstance(response, list) and all(np.ndim(part) == 2 for part in response):
        return np.concatenate(response, axis=1)
    if in_blocks(response):
        return keep(response)
    return to_numpy(response)


def require_class_scores(
    estimator: BaseEstimator, response: NDArray, n_classes: int
) -> None:
    """Raise a ValueError where the columns of a response are not the classes.

    Some classifiers tell of pairs of classes, of which three have three.
    """
    n_columns = response.shape[1]
    if n_columns == n_classes and not _scores_pairs(estimator):
        return
    raise ValueError(
        f"The decision_function of {type(estimator).__name__} has {n_columns} columns "
        f"for {n_classes} classes: one for each pair of classes, and no score of one "
        "class that people could react to. Set decision_function_shape='ovr' for a "
        "score of each class, or response_method='predict'."
    )


def _scores_pairs(estimator: object) -> bool:
    """Return whether what decides, inside of wrappers, compares pairs of classes."""
    for _ in range(10):
        held = [getattr(estimator, name, None) for name in _INNER]
        steps = getattr(estimator, "steps", None)
        if steps:
            held.append(steps[-1][1])
        inner = next((part for part in held if part is not None), None)
        if inner is None:
            break
        estimator = inner
    return getattr(estimator, "decision_function_shape", None) == "ovo"
