# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Losses, means and distances: all sums over rows that retraining is judged by."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier

from skperf.retraining._labels import as_targets, require_known_labels
from skperf.shift._sample import Floats, Table
from skperf.utils._arrays import to_numpy
from skperf.utils._by_rows import (
    extremes,
    in_blocks,
    map_rows,
    mean,
    sum_rows,
    total,
)


def default_risk(estimator: BaseEstimator) -> str:
    """Name the risk of an estimator for which no scorer was chosen."""
    if not is_classifier(estimator):
        return "mean squared error"
    return "log loss" if hasattr(estimator, "predict_proba") else "error rate"


def row_losses(
    estimator: BaseEstimator, y: Table, respond: Callable[[str], NDArray]
) -> Floats:
    """Return the loss of `estimator` on each row, of shape (n_samples,).

    Log loss for classifiers with ``predict_proba``, the share of wrong labels for
    other classifiers, and the squared error, averaged over outputs, for the rest.
    ``respond("predict")`` is what its method of that name says about the rows. One
    column of targets is the same as none.

    Raises
    ------
    ValueError
        If labels are of another type than those of the classifier.
    """
    risk = default_risk(estimator)
    if risk == "mean squared error":
        return map_rows(_squared_errors, y, respond("predict"))
    classes = getattr(estimator, "classes_", None)
    if risk == "log loss" and _is_column(y):
        return map_rows(partial(_log_losses, classes), y, respond("predict_proba"))
    return map_rows(partial(_errors, classes), y, respond("predict"))


def _is_column(y: Table) -> bool:
    """Return whether there is one target a row."""
    targets = y if in_blocks(y) else as_targets(y)
    shape = getattr(targets, "shape", ())
    return len(shape) == 1 or shape[1:] == (1,)


def weighted_mean(values: Floats, sample_weight: Floats | None) -> float:
    """Return the mean over rows."""
    return float(mean(values, sample_weight))


def are_finite(values: Floats) -> bool:
    """Return whether all values are numbers."""
    return bool(np.isfinite(extremes(values)).all())


def differ(values: Floats) -> bool:
    """Return whether not all values are the same."""
    low, high = extremes(values)
    return bool(high > low)


def blend(coefficients: Floats, predictions: Sequence[Floats]) -> Floats:
    """Return the sum of predictions times coefficients; zeros leave them out."""
    counted = [p for c, p in zip(coefficients, predictions, strict=True) if c]
    return map_rows(partial(_blend, [c for c in coefficients if c]), *counted)


def root_mean_square(difference: Floats | None) -> float:
    """Return the root mean square of what :func:`scaled_difference` gave."""
    return np.nan if difference is None else norm(difference)


def norm(values: Floats) -> float:
    """Return the root of the sum of squares."""
    if not in_blocks(values):
        return float(np.linalg.norm(values))
    return float(np.sqrt(sum_rows(_square, values)))


def scaled_difference(
    first: Floats, second: Floats, sample_weight: Floats | None
) -> Floats:
    """Return the difference, scaled so that its norm is the root mean square."""
    n_samples = first.shape[0]
    weight = n_samples if sample_weight is None else total(sample_weight)
    return map_rows(partial(_scale, weight), first, second, sample_weight)


def distance(first: Floats, second: Floats, sample_weight: Floats | None) -> float:
    """Return the root mean square of the difference."""
    if not in_blocks(first, second):
        return root_mean_square(scaled_difference(first, second, sample_weight))
    weight = first.shape[0] if sample_weight is None else total(sample_weight)
    squares = partial(_scaled_square, weight)
    return float(np.sqrt(sum_rows(squares, first, second, sample_weight)))


def spread(values: Floats, sample_weight: Floats | None) -> float:
    """Return the standard deviation over rows, the root mean square of all outputs."""
    center = mean(values, sample_weight)
    return distance(values, map_rows(partial(_fill, center), values), sample_weight)


def _squared_errors(y: Table, predicted: NDArray) -> Floats:
    targets = as_targets(y)
    return _row_mean((predicted.reshape(targets.shape) - targets.astype(float)) ** 2)


def _errors(classes: NDArray | None, y: Table, predicted: NDArray) -> Floats:
    targets = as_targets(y)
    require_known_labels(classes, targets)
    return _row_mean(predicted.reshape(targets.shape) != targets)


def _blend(coefficients: Sequence[float], *predictions: Floats) -> Floats:
    pairs = zip(coefficients, predictions, strict=True)
    return np.asarray(sum(coefficient * values for coefficient, values in pairs))


def _square(values: Floats) -> float:
    return float(np.vdot(values, values))


def _scaled_square(
    weight: float, first: Floats, second: Floats, sample_weight: Floats | None
) -> float:
    return _square(_scale(weight, first, second, sample_weight))


def _scale(
    weight: float, first: Floats, second: Floats, sample_weight: Floats | None
) -> Floats:
    difference = (first - second).reshape(len(first), -1)
    if sample_weight is None:
        return difference.ravel() / np.sqrt(weight * difference.shape[1])
    scale = np.sqrt(sample_weight / (weight * difference.shape[1]))
    return (difference * scale[:, None]).ravel()


def _fill(center: Floats, values: Floats) -> Floats:
    return np.broadcast_to(center, values.shape)


def _log_losses(classes: NDArray | None, y: Table, proba: NDArray) -> Floats:
    targets = as_targets(y)
    require_known_labels(classes, targets)
    # a label that the model has never seen gets no probability
    losses = np.zeros(len(targets), proba.dtype)
    for p, k in zip(proba.T, to_numpy(classes), strict=True):
        losses += p * (targets == k)
    np.maximum(losses, np.finfo(proba.dtype).eps, out=losses)
    np.log(losses, out=losses)
    return np.negative(losses, out=losses)


def _row_mean(values: NDArray) -> Floats:
    return values.reshape(len(values), -1).mean(axis=1)
