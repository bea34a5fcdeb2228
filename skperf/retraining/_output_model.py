# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A deployed model whose answers are all made of its outputs.

An output is a column of the decision function of a classifier, one for two classes, or
of the prediction of a regressor. Solvers ask a model for its score, its probabilities
and its losses on the same rows, hundreds of times, and for derivatives by the outputs.
"""

from typing import Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, is_classifier

from skperf.retraining._model import DeployedModel, is_view
from skperf.shift._gradients import is_linear, model_steps, scale_of
from skperf.shift._predictor import Columns
from skperf.shift._sample import Floats, Table
from skperf.utils._tables import column_indices


class OutputModel(DeployedModel):
    """A model that is asked for its outputs, once a table.

    Its probabilities are taken to be the logistic function of the output, or softmax
    of the outputs; who makes it has looked whether they are.
    """

    scalers: list[BaseEstimator]
    last: BaseEstimator  # the model behind them
    factor: Floats | float  # what they multiply columns by
    is_linear: bool  # and nothing else is between the rows and the outputs
    is_classifier: bool
    n_classes: int
    place: int  # of the class that people react to
    _known: list[tuple[Table, Floats]]
    _told: tuple[Table, Floats] | None

    @classmethod
    def of(cls, predictor: DeployedModel) -> Self:
        """Return this view of a model."""
        model = cls.restore(
            predictor.estimator, predictor.response_method, predictor.pos_label
        )
        *model.scalers, model.last = model_steps(predictor.estimator)
        factor = scale_of(model.scalers)
        model.is_linear = is_linear(model.last) and factor is not None
        model.factor = 1.0 if factor is None else factor
        model.is_classifier = is_classifier(predictor.estimator)
        if model.is_classifier:
            model.n_classes = len(predictor.classes_)
            model.place = predictor.classes_.tolist().index(predictor.pos_label)
        return model.anew()

    def anew(self) -> Self:
        """Return the view after the numbers in the model have changed."""
        model = type(self).__new__(type(self))  # a copy would leave all this behind
        vars(model).update(vars(self), _known=[], _told=None)
        return model

    @property
    def coef(self) -> Floats:
        """The coefficients of a linear model, a row for each output."""
        return np.atleast_2d(np.asarray(self.last.coef_, dtype=float))

    def outputs(self, X: Table) -> Floats:
        """Return the outputs, of shape (n_samples, n_outputs)."""
        for table, outputs in self._known:
            if is_view(X, table):
                return outputs
        outputs = self._compute(X)
        self._known = [(X, outputs), *self._known[:1]]
        return outputs

    def __call__(self, X: Table) -> Floats:
        """Return what people react to, which they ask again on the way back."""
        if self._told is None or not is_view(X, self._told[0]):
            self._told = (X, self._squash(self.outputs(X)))
        return self._told[1]

    def score(self, X: Table) -> Floats:
        """Return the score of the class that people react to, or the prediction."""
        return self._signed(self.outputs(X)) if self.is_classifier else self(X)

    def gradient(self, X: Table, columns: Columns | None = None) -> Floats | None:
        """Return the gradient of the score."""
        if not self.is_linear or (not self.is_classifier and len(self.coef) > 1):
            return super().gradient(X, columns)
        row = self._signed(self.coef.T)[None] * self.factor
        if columns is not None:
            row = row[:, column_indices(X, columns)]
        return np.broadcast_to(row, (len(self.outputs(X)), row.shape[1]))

    def by_outputs(self, X: Table, v: Floats) -> Floats:
        """Return derivatives by the outputs, given those by what people react to."""
        if not self.is_classifier:
            return v.reshape(len(v), -1)
        chosen = np.arange(self.n_classes) == self.place
        if self.n_classes == 2:
            chosen = np.array([1.0 if self.place else -1.0])
        if self.response_method == "decision_function":
            return v[:, None] * chosen
        if self.n_classes == 2:
            f = self(X)
            return (v * f * (1 - f))[:, None] * chosen
        proba = softmax(self.outputs(X), axis=1)
        return (v * proba[:, self.place])[:, None] * (chosen - proba)

    def _squash(self, outputs: Floats) -> Floats:
        if not self.is_classifier:
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        if self.response_method == "decision_function":
            return self._signed(outputs)
        if self.n_classes == 2:
            return expit(self._signed(outputs))
        return softmax(outputs, axis=1)[:, self.place]

    def _signed(self, outputs: Floats) -> Floats:
        """Return the output that is the score."""
        if not self.is_classifier or self.n_classes == 2:
            alone = outputs[:, 0]
            return -alone if self.is_classifier and not self.place else alone
        return outputs[:, self.place]

    def _compute(self, X: Table) -> Floats:
        if self.is_linear and isinstance(X, np.ndarray) and X.dtype.kind == "f":
            rows: Floats = X
            for scaler in self.scalers:
                rows = scaler.transform(rows)
            # scikit-learn looks through all of X first
            return rows @ self.coef.T + self.last.intercept_
        method = "decision_function" if self.is_classifier else "predict"
        outputs = self._respond(X, method)
        return outputs.reshape(len(outputs), -1)
