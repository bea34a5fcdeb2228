# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The loss of a fitted model on every row: what the default risk averages."""

import numpy as np
from sklearn.base import is_classifier


def row_losses(estimator, y, respond):
    """Return the loss of `estimator` on each row, of shape (n_samples,).

    Log loss for classifiers with ``predict_proba``, the share of wrong labels for
    other classifiers, and the squared error, averaged over outputs, for the rest.
    ``respond("predict")`` is what its method of that name says about the rows.
    """
    y = np.asarray(y)
    if not is_classifier(estimator):
        return _row_mean((respond("predict").reshape(y.shape) - y) ** 2)
    if y.ndim == 1 and hasattr(estimator, "predict_proba"):
        return _log_losses(y, respond("predict_proba"), estimator.classes_)
    return _row_mean(respond("predict").reshape(y.shape) != y)


def _log_losses(y, proba, classes):
    # a label that the model has never seen gets no probability
    likelihood = np.einsum("ij,ij->i", proba, y[:, None] == classes)
    return -np.log(likelihood.clip(min=np.finfo(proba.dtype).eps))


def _row_mean(values):
    return values.reshape(len(values), -1).mean(axis=1)
