# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The loss of each row as a function of a model's outputs, and how steep it is."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, is_classifier

from skperf.retraining._labels import as_targets
from skperf.retraining._model import DeployedModel
from skperf.retraining._output_model import OutputModel
from skperf.shift import Sample
from skperf.shift._sample import Floats, Table

_ALIKE = 1e-6  # of probabilities, which may be those of a float32 model


class RowSlopes(NamedTuple):
    """The loss of each row, and its derivatives by the outputs and the target."""

    losses: Floats
    by_output: Floats  # (n_samples, n_outputs)
    by_target: Floats | None = None


#: Takes a model and a sample.
OutputLoss = Callable[[OutputModel, Sample], RowSlopes]


def find_output_loss(predictor: DeployedModel, X: Table) -> OutputLoss | None:
    """Return how a model's risk depends on its outputs, None where that is not known.

    Probabilities have to be those that the logistic function, or softmax, makes of the
    decision function.
    """
    model = predictor.estimator
    if not is_classifier(model):
        return own_loss if has_own_loss(model) else squared_error
    if not hasattr(model, "predict_proba") or not hasattr(model, "decision_function"):
        return None
    outputs = OutputModel.of(predictor).outputs(X)
    proba = predictor.respond(X, "predict_proba")[:, -outputs.shape[1] :]
    made = expit(outputs) if outputs.shape[1] == 1 else softmax(outputs, axis=1)
    if np.abs(made - proba).max() > _ALIKE:
        return None
    return own_loss if has_own_loss(model) else log_loss


def log_loss(predictor: OutputModel, sample: Sample) -> RowSlopes:
    """Return the log loss."""
    outputs, targets = predictor.outputs(sample.X), as_targets(sample.y)
    if outputs.shape[1] > 1:
        truth = (targets[:, None] == predictor.classes_).astype(float)
        scale = np.logaddexp.reduce(outputs, axis=1)
        losses = scale - (truth * outputs).sum(axis=1)
        return RowSlopes(losses, softmax(outputs, axis=1) - truth)
    signs = np.where(targets == predictor.classes_[1], -1.0, 1.0)
    wrong = signs * outputs[:, 0]  # by how much the score is on the wrong side
    # log(1 + exp) and its slope, of one exponential: thrice as fast, and as exact
    small = np.exp(-np.abs(wrong))
    losses = np.log1p(small) + np.maximum(wrong, 0)
    slopes = np.where(wrong > 0, 1.0, small) / (1 + small)
    return RowSlopes(losses, (signs * slopes)[:, None])


def squared_error(predictor: OutputModel, sample: Sample) -> RowSlopes:
    """Return the squared error, averaged over outputs."""
    outputs, targets = predictor.outputs(sample.X), np.asarray(sample.y, float)
    errors = outputs - targets.reshape(outputs.shape)
    slopes = 2 * errors / errors.shape[1]
    losses = np.square(errors).mean(axis=1)
    return RowSlopes(losses, slopes, -slopes.reshape(targets.shape))


def own_loss(predictor: OutputModel, sample: Sample) -> RowSlopes:
    """Return the loss of a torch estimator, which says itself how steep it is."""
    return RowSlopes(*predictor.estimator.__skperf_losses__(sample.X, sample.y))


def has_own_loss(model: BaseEstimator) -> bool:
    """Return whether a torch estimator minimizes another loss than is measured."""
    usual = "log_loss" if is_classifier(model) else "squared_error"
    return hasattr(type(model), "__skperf_losses__") and model.loss != usual
