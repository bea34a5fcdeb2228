# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Losses, means and distances: all sums over rows that retraining is judged by."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier

from skperf.retraining._labels import as_targets, require_known_labels
from skperf.shift._sample import Floats, Table
from skperf.utils._arrays import to_numpy


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
    targets = as_targets(y)
    risk = default_risk(estimator)
    if risk != "mean squared error":
        require_known_labels(estimator, targets)
    if risk == "log loss" and targets.ndim == 1:
        return _log_losses(
            targets, respond("predict_proba"), to_numpy(estimator.classes_)
        )
    predicted = respond("predict").reshape(targets.shape)
    if risk == "mean squared error":
        return _row_mean((predicted - targets.astype(float)) ** 2)
    return _row_mean(predicted != targets)


def weighted_mean(values: Floats, sample_weight: Floats | None) -> float:
    """Return the mean over rows."""
    if sample_weight is None:
        return float(values.mean())
    return float(np.average(values, weights=sample_weight))


def root_mean_square(difference: Floats | None) -> float:
    """Return the root mean square of what :func:`scaled_difference` gave."""
    return np.nan if difference is None else float(np.linalg.norm(difference))


def scaled_difference(
    first: Floats, second: Floats, sample_weight: Floats | None
) -> Floats:
    """Return the difference, scaled so that its norm is the root mean square."""
    difference = (first - second).reshape(len(first), -1)
    if sample_weight is None:
        return difference.ravel() / np.sqrt(difference.size)
    scale = np.sqrt(sample_weight / (sample_weight.sum() * difference.shape[1]))
    return (difference * scale[:, None]).ravel()


def _log_losses(y: NDArray, proba: NDArray, classes: NDArray) -> Floats:
    # a label that the model has never seen gets no probability
    losses = np.zeros(len(y), proba.dtype)
    for p, k in zip(proba.T, classes, strict=True):
        losses += p * (y == k)
    np.maximum(losses, np.finfo(proba.dtype).eps, out=losses)
    np.log(losses, out=losses)
    return np.negative(losses, out=losses)


def _row_mean(values: NDArray) -> Floats:
    return values.reshape(len(values), -1).mean(axis=1)
