# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Directions in which a model is moved, to see what that does to a risk."""

import numpy as np

from skperf.shift._differences import central_differences
from skperf.shift._predictor import PredictionFunction
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import column_indices, column_values, numeric_columns


class Nudge:
    """Directions in which predictions and scores move, as functions of the features."""

    def __init__(self, population, rng):
        self.base = population.model
        X, y_pred = population.X, population.y_pred
        self.columns = numeric_columns(X)
        values = numbers(X)[:, self.columns]
        self.offset, scale = np.mean(values, axis=0), np.std(values, axis=0)
        self.scale = np.where(scale > 0, scale, 1.0)
        outputs = y_pred.reshape(len(y_pred), -1).shape[1]
        self.coef = rng.uniform(-1, 1, (len(self.columns), outputs + 1))
        self.phase = rng.uniform(1, 2, outputs + 1)
        self.in_unit = y_pred.min() >= 0 and y_pred.max() <= 1

    def model(self, t):
        """Return the model, a little further in these directions."""
        return _Nudged(self, t)

    def prediction(self, X, y_pred):
        """Return how fast predictions move; probabilities do not leave [0, 1]."""
        move = np.sin(self._angles(X)[:, :-1]).reshape(y_pred.shape)
        return move * y_pred * (1 - y_pred) if self.in_unit else move

    def score(self, X):
        """Return how fast the score moves."""
        return np.sin(self._angles(X)[:, -1])

    def gradient(self, X):
        """Return how fast the gradient of the score moves, by numeric columns."""
        slopes = np.cos(self._angles(X)[:, -1])
        return slopes[:, None] * (self.coef[:, -1] / self.scale)

    def effects(self, asked):
        """Return what these moves do to the risk, on each row asked."""
        y_pred = np.asarray(self.base(asked.X))
        effects = [np.ravel(asked.v * self.prediction(asked.X, y_pred))]
        if asked.U is not None:
            U = asked.U[:, self.columns]
            effects.append(np.ravel(U * self.gradient(asked.X)))
        return np.concatenate(effects)

    def _angles(self, X):
        values = (numbers(X)[:, self.columns] - self.offset) / self.scale
        return values @ self.coef + self.phase


class _Nudged(PredictionFunction):
    """A model that is a little further in the directions of a nudge."""

    def __init__(self, nudge, t):
        self.nudge, self.t = nudge, t
        self.estimator = nudge.base.estimator
        self.pos_label = nudge.base.pos_label

    def __call__(self, X):
        y_pred = np.asarray(self.nudge.base(X), dtype=float)
        return y_pred + self.t * self.nudge.prediction(X, y_pred)

    def score(self, X):
        return self.nudge.base.score(X) + self.t * self.nudge.score(X)

    def gradient(self, X, columns=None):
        """Return the gradient; differences of the rest do not depend on the move."""
        gradient = np.zeros(np.shape(X))
        numeric = self.nudge.columns
        if len(numeric):
            known = known_gradient(self.nudge.base, X, numeric)
            gradient[:, numeric] = known + self.t * self.nudge.gradient(X)
        return gradient if columns is None else gradient[:, column_indices(X, columns)]


def known_gradient(model, X, columns):
    """Return the gradient of the score, by differences where it is not known."""
    known = model.gradient(X, columns)
    return central_differences(model.score, X, columns) if known is None else known


def numbers(X):
    """Return the features as an array with zeros for what is no number."""
    numbers = np.zeros((_num_samples(X), np.shape(X)[1]))
    for column in numeric_columns(X):
        numbers[:, column] = np.nan_to_num(column_values(X, column))
    return numbers
