# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The loss of each row as a function of a model's outputs, and how steep it is.

An output is a column of the decision function of a classifier, one for two classes, or
of the prediction of a regressor.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, is_classifier

from skperf.retraining._labels import as_targets
from skperf.retraining._model import DeployedModel
from skperf.shift import Sample
from skperf.shift._sample import Floats, Table

_ALIKE = 1e-6  # of probabilities, which may be those of a float32 model


class RowSlopes(NamedTuple):
    """The loss of each row, and its derivatives by the outputs and the target."""

    losses: Floats
    by_output: Floats  # (n_samples, n_outputs)
    by_target: Floats | None = None


#: Takes a model and a sample.
OutputLoss = Callable[[DeployedModel, Sample], RowSlopes]


def find_output_loss(predictor: DeployedModel, X: Table) -> OutputLoss | None:
    """Return how a model's risk depends on its outputs, None where that is not known.

    Probabilities have to be those that the logistic function, or softmax, makes of the
    decision function.
    """
    model = predictor.estimator
    if has_own_loss(model):
        return own_loss
    if not is_classifier(model):
        return squared_error
    if not hasattr(model, "predict_proba") or not hasattr(model, "decision_function"):
        return None
    outputs, proba = outputs_of(predictor, X), predictor.respond(X, "predict_proba")
    gap = np.abs(_probabilities(outputs) - proba[:, -outputs.shape[1] :]).max()
    return log_loss if gap <= _ALIKE else None


def log_loss(predictor: DeployedModel, sample: Sample) -> RowSlopes:
    """Return the log loss."""
    outputs, targets = outputs_of(predictor, sample.X), as_targets(sample.y)
    if outputs.shape[1] > 1:
        truth = (targets[:, None] == predictor.classes_).astype(float)
        scale = np.logaddexp.reduce(outputs, axis=1)
        losses = scale - (truth * outputs).sum(axis=1)
        return RowSlopes(losses, softmax(outputs, axis=1) - truth)
    score, is_second = outputs[:, 0], targets == predictor.classes_[1]
    losses = np.logaddexp(0.0, np.where(is_second, -score, score))
    return RowSlopes(losses, (expit(score) - is_second)[:, None])


def squared_error(predictor: DeployedModel, sample: Sample) -> RowSlopes:
    """Return the squared error, averaged over outputs."""
    outputs, targets = outputs_of(predictor, sample.X), np.asarray(sample.y, float)
    errors = outputs - targets.reshape(outputs.shape)
    slopes = 2 * errors / errors.shape[1]
    return RowSlopes(
        np.square(errors).mean(axis=1), slopes, -slopes.reshape(targets.shape)
    )


def own_loss(predictor: DeployedModel, sample: Sample) -> RowSlopes:
    """Return the loss of a torch estimator, which says itself how steep it is."""
    return RowSlopes(*predictor.estimator.__skperf_losses__(sample.X, sample.y))


def has_own_loss(model: BaseEstimator) -> bool:
    """Return whether a torch estimator minimizes another loss than is measured."""
    usual = "log_loss" if is_classifier(model) else "squared_error"
    return hasattr(type(model), "__skperf_losses__") and model.loss != usual


def outputs_of(predictor: DeployedModel, X: Table) -> Floats:
    """Return the outputs, of shape (n_samples, n_outputs)."""
    classifier = is_classifier(predictor.estimator)
    outputs = predictor.respond(X, "decision_function" if classifier else "predict")
    return outputs.reshape(len(outputs), -1)


def pull_prediction(predictor: DeployedModel, X: Table, v: Floats) -> Floats:
    """Return derivatives by the outputs, given those by what people react to."""
    model = predictor.estimator
    if not is_classifier(model):
        return v.reshape(len(v), -1)
    classes = np.asarray(model.classes_).tolist()
    position = classes.index(predictor.pos_label)
    chosen = np.arange(len(classes)) == position
    if predictor.response_method == "decision_function":
        by_output = v[:, None] * chosen
    else:
        proba = predictor.respond(X, "predict_proba")
        by_output = (v * proba[:, position])[:, None] * (chosen - proba)
    if len(classes) > 2:
        return by_output
    # the one output is the score of the second class
    if predictor.response_method == "decision_function":
        return v[:, None] if position else -v[:, None]
    return by_output[:, 1:]


def _probabilities(outputs: Floats) -> Floats:
    return expit(outputs) if outputs.shape[1] == 1 else softmax(outputs, axis=1)
