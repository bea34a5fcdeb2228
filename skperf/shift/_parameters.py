# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The numbers inside a fitted model, for solvers that move them."""

from typing import Protocol

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from skperf.shift._gradients import is_linear, model_steps, scale_of, tells
from skperf.shift._labels import Label, choose_pos_label
from skperf.shift._linear_parameters import LinearParameters
from skperf.shift._sample import Floats, Table


class OwnParameters(Protocol):
    """What a model's ``__skperf_parameters__()`` returns; `V` has all its outputs."""

    n_outputs: int

    def get(self) -> Floats:
        """Return the numbers."""

    def set(self, values: Floats) -> None:
        """Replace the numbers."""

    def vjp(self, X: Table, V: Floats) -> Floats:
        """Return the derivatives of ``sum(V * outputs)``."""

    def vjp_gradient(self, X: Table, U: Floats, output: int) -> Floats:
        """Return those of ``sum(U * the gradient of an output)``."""

    def vjp_input(self, X: Table, V: Floats) -> Floats:
        """Return the derivatives of ``sum(V * outputs)`` by X."""


class Parameters:
    """The numbers inside a fitted model, and derivatives by them.

    Known of models that score by the methods of scikit-learn's linear models, exactly,
    and of the torch estimators of skperf, by autograd; alone or behind scalers in a
    Pipeline, which stay as they are. A class tells its own by a method
    ``__skperf_parameters__()``.

    Parameters
    ----------
    model : estimator
        A fitted classifier or regressor. :meth:`set` changes it.

    pos_label : int, float, bool or str, default=None
        The class whose score is meant by one number a row, as in
        :class:`~skperf.shift.Predictor`.

    Attributes
    ----------
    n_outputs : int
        Columns of what the model computes: 1 for two classes.

    Raises
    ------
    ValueError
        If the parameters of the model are not known, see :meth:`known`, or it has no
        class `pos_label`.

    Notes
    -----
    The *score* is the decision function of a classifier and the prediction of a
    regressor. Where derivatives are taken, ``v`` is a number a row, for the score of
    `pos_label`, or has a column for each output. It is for one column of
    ``decision_function`` in the case of two classes, which is that of ``classes_[1]``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.shift import Parameters
    >>> X, y = np.array([[0.0], [1.0]]), np.array([1.0, 3.0])
    >>> parameters = Parameters(LinearRegression().fit(X, y))
    >>> parameters.get()
    array([2., 1.])
    >>> parameters.vjp(X, np.array([1.0, 1.0]))  # of the sum of both predictions
    array([1., 2.])
    """

    n_outputs: int

    def __init__(self, model: BaseEstimator, pos_label: Label | None = None) -> None:
        *scalers, last = model_steps(model)
        own, factor = _own_parameters(last), scale_of(scalers)
        if own is None or factor is None:
            raise ValueError(
                f"The parameters of {_name(model)} are not known. Known are those of "
                "linear models and of skperf's torch estimators, alone or behind "
                "scalers that multiply columns, in a Pipeline. Take such a model, or a "
                "method that needs predictions only."
            )
        self.model = model
        self.n_outputs = own.n_outputs
        self._scalers, self._factor, self._own = scalers, factor, own
        self._output, self._sign = _score_of(model, pos_label)

    @staticmethod
    def known(model: BaseEstimator) -> bool:
        """Return whether the parameters of a fitted model are known.

        Parameters
        ----------
        model : estimator
            A fitted model.

        Returns
        -------
        known : bool
            Whether `Parameters` takes it.
        """
        *scalers, last = model_steps(model)
        return _own_parameters(last) is not None and scale_of(scalers) is not None

    def get(self) -> Floats:
        """Return the parameters.

        Returns
        -------
        values : ndarray of shape (n_parameters,)
            Coefficients output by output, then the intercepts that are fitted; of a
            module its trainable parameters, in its order. In float64.
        """
        return self._own.get()

    def set(self, values: Floats) -> None:
        """Replace the parameters in the model.

        Parameters
        ----------
        values : ndarray of shape (n_parameters,)
            The new parameters.
        """
        expected = self.get().shape
        if np.shape(values) != expected:
            raise ValueError(
                f"The model has parameters of shape {expected}; got values of shape "
                f"{np.shape(values)}."
            )
        self._own.set(np.asarray(values, dtype=float))

    def vjp(self, X: Table, v: Floats) -> Floats:
        """Return the derivative of ``sum(v * score(X))`` by the parameters.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows on which the model is asked.

        v : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            What the score of each row counts.

        Returns
        -------
        derivative : ndarray of shape (n_parameters,)
            One number a parameter.
        """
        return self._own.vjp(self._scale(X), self._by_output(v))

    def vjp_gradient(self, X: Table, U: Floats) -> Floats:
        """Return that of ``sum(U * gradient of the score at X)``.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows on which the model is asked.

        U : ndarray of shape (n_samples, n_features)
            What the gradient at each row counts.

        Returns
        -------
        derivative : ndarray of shape (n_parameters,)
            One number a parameter.
        """
        self._require_one_score()
        scaled = self._times(U, self._sign * self._factor)
        return self._own.vjp_gradient(self._scale(X), scaled, self._output)

    def vjp_input(self, X: Table, v: Floats) -> Floats:
        """Return the derivative of ``sum(v * score(X))`` by X.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows on which the model is asked.

        v : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            What the score of each row counts.

        Returns
        -------
        derivative : ndarray of shape (n_samples, n_features)
            One number a feature and row.
        """
        by_scaled = self._own.vjp_input(self._scale(X), self._by_output(v))
        return self._times(by_scaled, self._factor)

    @staticmethod
    def _times(rows: Floats, factor: Floats | float) -> Floats:
        """Return the product, without a copy of large arrays for a factor of 1."""
        return rows if np.all(factor == 1) else rows * factor

    def _scale(self, X: Table) -> Table:
        """Return the rows as the model behind the scalers sees them."""
        for scaler in self._scalers:
            X = scaler.transform(X)
        return X

    def _by_output(self, v: Floats) -> Floats:
        """Return derivatives by all outputs."""
        v = np.asarray(v, dtype=float)
        if v.ndim == 2 and v.shape[1] == self.n_outputs:
            return v
        if v.ndim != 1:
            raise ValueError(
                f"The model has {self.n_outputs} outputs, and v has the shape "
                f"{v.shape}; expected a number a row, or a column for each output."
            )
        self._require_one_score()
        by_output = np.zeros((len(v), self.n_outputs))
        by_output[:, self._output] = self._sign * v
        return by_output

    def _require_one_score(self) -> None:
        if not is_classifier(self.model) and self.n_outputs > 1:
            raise ValueError(
                f"The regressor has {self.n_outputs} outputs, none of which is the "
                "score; give v a column for each output."
            )


def _own_parameters(model: BaseEstimator) -> OwnParameters | None:
    """Return the numbers of a model without scalers, None where they are not known."""
    if is_linear(model):
        return LinearParameters(model)
    if tells(model, "__skperf_parameters__"):
        own: OwnParameters = type(model).__skperf_parameters__(model)
        return own
    return None


def _score_of(model: BaseEstimator, pos_label: Label | None) -> tuple[int, float]:
    """Return which output is the score that people know, and its sign."""
    if not is_classifier(model):
        return 0, 1.0
    pos_label = choose_pos_label(model, pos_label)
    classes = np.asarray(model.classes_).tolist()
    if pos_label not in classes:
        raise ValueError(
            f"The model has no score of the class {pos_label!r}; it has learnt "
            f"{classes}."
        )
    position = classes.index(pos_label)
    if len(classes) > 2:
        return position, 1.0
    return 0, 1.0 if position == 1 else -1.0


def _name(model: BaseEstimator) -> str:
    """Return the classes of a model, in a Pipeline those of its steps."""
    return " after ".join(type(s).__name__ for s in reversed(model_steps(model)))
