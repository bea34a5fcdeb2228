# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Losses by name: functions of (output, target) with one value a row."""

from torch import sigmoid, softmax
from torch.nn import functional as F


def log_loss(logits, target):
    """Return the cross-entropy of labels, binary where there is one logit a row."""
    if logits.ndim == 1:
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return F.cross_entropy(logits, target, reduction="none")


def brier_loss(logits, target):
    """Return half the squared error of the probabilities, summed over logits."""
    if logits.ndim == 1:
        return squared_error(sigmoid(logits), target)
    truth = F.one_hot(target, logits.shape[1])
    return 0.5 * (softmax(logits, dim=1) - truth).square().sum(dim=1)


def squared_error(output, target):
    """Return half the squared error, averaged over outputs."""
    return _row_mean(0.5 * (output - target).square())


def absolute_error(output, target):
    """Return the absolute error, averaged over outputs."""
    return _row_mean((output - target).abs())


def huber(output, target):
    """Return the Huber loss with its bend at 1, averaged over outputs."""
    return _row_mean(F.huber_loss(output, target, reduction="none"))


def _row_mean(losses):
    return losses if losses.ndim == 1 else losses.mean(dim=1)


CLASSIFICATION_LOSSES = {"log_loss": log_loss, "squared_error": brier_loss}
REGRESSION_LOSSES = {
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
}
