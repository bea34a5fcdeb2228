# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The coefficients and intercepts of a linear model, and derivatives by them."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from skperf.shift._sample import Floats, Table


class LinearParameters:
    """The numbers of a model that scores ``X @ coef_.T + intercept_``.

    The coefficients come first, output by output, then the intercepts, unless the model
    has ``fit_intercept=False``.
    """

    def __init__(self, model: BaseEstimator) -> None:
        self.model = model
        self.shape = np.shape(_dense(model.coef_))
        self.n_outputs = self.shape[0] if len(self.shape) == 2 else 1
        self.has_intercept = bool(getattr(model, "fit_intercept", True))

    @property
    def coef(self) -> Floats:
        """The coefficients, of shape (n_outputs, n_features)."""
        return _dense(self.model.coef_).reshape(self.n_outputs, self.shape[-1])

    def get(self) -> Floats:
        """Return the numbers, of shape (n_parameters,)."""
        coef = self.coef.ravel()
        if not self.has_intercept:
            return coef
        return np.concatenate([coef, np.ravel(self.model.intercept_)])

    def set(self, values: Floats) -> None:
        """Replace the numbers."""
        coef, intercept = np.split(values, [self.n_outputs * self.shape[-1]])
        self.model.coef_ = coef.reshape(self.shape)
        if self.has_intercept:
            shape = np.shape(self.model.intercept_)
            self.model.intercept_ = intercept.reshape(shape) if shape else intercept[0]

    def vjp(self, X: Table, V: Floats) -> Floats:
        """Return the derivatives of ``sum(V * outputs)``."""
        columns = sparse.csr_array(X).T if sparse.issparse(X) else _columns(X)
        return self._joined((columns @ V).T.ravel(), V.sum(axis=0))

    def vjp_gradient(self, X: Table, U: Floats, output: int) -> Floats:
        """Return those of ``sum(U * the gradient of an output)``."""
        by_coef = np.zeros(self.coef.shape)
        by_coef[output] = np.ones(len(U)) @ U  # ten times as fast as its sum
        return self._joined(by_coef.ravel(), np.zeros(self.n_outputs))

    def vjp_input(self, X: Table, V: Floats) -> Floats:
        """Return the derivatives of ``sum(V * outputs)`` by X."""
        return V * self.coef if self.n_outputs == 1 else V @ self.coef  # thrice as fast

    def _joined(self, by_coef: Floats, by_intercept: Floats) -> Floats:
        return np.concatenate([by_coef, by_intercept if self.has_intercept else []])


def _columns(X: Table) -> Floats:
    return np.asarray(X, dtype=float).T


def _dense(coef: Any) -> Floats:
    if sparse.issparse(coef):
        coef = coef.toarray()
    return np.asarray(coef, dtype=float)
