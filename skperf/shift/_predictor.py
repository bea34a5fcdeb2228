# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The deployed model as people meet it: a function of their features."""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier

from skperf.shift._gradients import score_gradient
from skperf.shift._labels import Label, choose_pos_label
from skperf.shift._responses import require_class_scores, respond
from skperf.shift._sample import Floats, Table
from skperf.utils._arrays import to_numpy
from skperf.utils._by_rows import map_rows
from skperf.utils._sklearn import _check_response_method, _num_samples
from skperf.utils._tables import column_indices, equal_tables

#: Names, positions, a mask or a slice; `column_indices` says which are meant.
Columns: TypeAlias = object

_AUTO = ["predict_proba", "decision_function", "predict"]


class PredictionFunction:
    """A function from features to predictions, and what else may be asked of it.

    Shifts get one of these. Of a plain function nothing else is known: its score is
    its prediction, and it has no gradient, estimator or class.
    """

    estimator: BaseEstimator | None = None
    pos_label: Label | None = None

    def __call__(self, X: Table) -> Floats:
        """Return the predictions on X."""
        raise NotImplementedError

    def score(self, X: Table) -> Floats:
        """Return what people lower or raise: the prediction before it is squashed.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        score : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, where no more is known.
        """
        return self(X)

    def gradient(self, X: Table, columns: Columns | None = None) -> Floats | None:
        """Return the gradient of the score, None where it is not known.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        columns : int, str, slice or array-like, default=None
            The columns asked for. None means all.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_columns), or None
            The derivatives of each row's score by its features.
        """
        return None


class Predictor(PredictionFunction):
    """A fitted model as the population meets it.

    Calling it gives what people react to, one number a row. It is what the minimizers
    and metrics hand to a shift, and what a hand-written loop should hand to it.

    Parameters
    ----------
    model : estimator
        A fitted classifier or regressor.

    response_method : str, default="auto"
        Which predictions people react to: "predict_proba", "decision_function" or
        "predict". "auto" takes the first of them that a classifier has, and ``predict``
        for a regressor. A classifier's ``predict`` becomes an indicator of `pos_label`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes what a fitted
        minimizer has settled on, else the 1 of labels that are 0 and 1 or -1 and 1;
        of other labels the last, with a
        :class:`~skperf.exceptions.PositiveClassWarning`.

    Attributes
    ----------
    estimator : estimator
        The model, for maps of its parameters.

    pos_label : int, float, bool, str or None
        The class that people react to; None for a regressor.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf.shift import Predictor
    >>> X, y = np.array([[-1.0], [1.0]]), np.array([0, 1])
    >>> predictor = Predictor(LogisticRegression().fit(X, y))
    >>> predictor(X).round(2)
    array([0.34, 0.66])
    >>> predictor.score(X).round(2)
    array([-0.67,  0.67])
    >>> predictor.gradient(X).round(2)
    array([[0.67],
           [0.67]])
    """

    estimator: BaseEstimator

    def __init__(
        self,
        model: BaseEstimator,
        response_method: str = "auto",
        pos_label: Label | None = None,
    ) -> None:
        self.estimator = model
        self.response_method = response_method
        self.pos_label = choose_pos_label(model, pos_label)

    @property
    def classes_(self) -> NDArray:
        """The labels of a classifier."""
        classes: NDArray = self.estimator.classes_  # of several outputs, a list
        return classes if isinstance(classes, list) else to_numpy(classes)

    def succeed(self, model: BaseEstimator) -> Self:
        """Return the predictor of a later model.

        Parameters
        ----------
        model : estimator
            Another fitted model. If it has not learnt `pos_label`, since no row of its
            sample had it, its probability is 0.

        Returns
        -------
        predictor : Predictor
            It speaks of the same class, whatever the later model has learnt.
        """
        other = copy(self)
        other.estimator = model
        return other

    def __call__(self, X: Table) -> Floats:
        """Return what people react to.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.
        """
        auto = self.response_method == "auto"
        return self._predict(_AUTO if auto else self.response_method, X)

    def score(self, X: Table) -> Floats:
        """Return the unsquashed score: the decision function where there is one.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        score : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The score of `pos_label`, or the prediction.
        """
        if hasattr(self.estimator, "decision_function"):
            return self._predict("decision_function", X)
        return self(X)

    def gradient(self, X: Table, columns: Columns | None = None) -> Floats | None:
        """Return the gradient of the score.

        Known for models that score by the methods of scikit-learn's linear models, and
        for models that tell their own; alone or behind scalers in a Pipeline.

        A class tells its own by a method ``__skperf_gradient__(X)``, which returns the
        gradient of its decision function, or of its prediction for a regressor, as
        (n_samples, n_features), or None if it does not know. With more than two classes
        it is called with the position of a class in ``classes_`` as second argument.
        The torch estimators of skperf do so.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        columns : int, str, slice or array-like, default=None
            The columns asked for. None means all.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_columns), or None
            A read-only view of one row where it is the same everywhere. None where it
            is not known.
        """
        position = self._known_position() if is_classifier(self.estimator) else 0
        gradient = score_gradient(self.estimator, X, position)
        if gradient is None:
            return None
        if columns is not None:
            gradient = gradient[..., column_indices(X, columns)]
        return np.broadcast_to(gradient, (_num_samples(X), gradient.shape[-1]))

    @property
    def _position(self) -> int | None:
        """The position of the positive class in ``classes_``, if it was learnt."""
        labels = self.classes_.tolist()
        return labels.index(self.pos_label) if self.pos_label in labels else None

    def _known_position(self) -> int:
        position = self._position
        if position is None:
            raise ValueError(
                f"The model has no score of the class {self.pos_label!r}: no row that "
                f"it was trained on has it, only {self.classes_.tolist()}. "
                "Let people react to probabilities, of which it has 0, or train on "
                "more rows."
            )
        return position

    def _predict(self, methods: str | list[str], X: Table) -> Floats:
        try:
            method = _check_response_method(self.estimator, methods).__name__
        except AttributeError as error:
            raise ValueError(
                f"People react to response_method={self.response_method!r}, and "
                f"{type(self.estimator).__name__} has no such method. Use 'auto', or "
                "a method that the fitted estimator has."
            ) from error
        response = self._respond(X, method)
        if is_classifier(self.estimator):
            return self._positive(response, method)
        return response.ravel() if response.shape[1:] == (1,) else response

    def _respond(self, X: Table, method: str) -> NDArray:
        """Return what the estimator's method says about X."""
        return respond(self.estimator, X, method)

    def _positive(self, response: NDArray, method: str) -> Floats:
        """Reduce a classifier's response to the positive class."""
        if isinstance(self.classes_, list):  # several outputs
            return response
        if method == "predict":
            return map_rows(partial(_indicate, self.pos_label), response)
        position = self._position
        if position is None and method == "predict_proba":
            return map_rows(_no_chance, response)
        if position is None:
            position = self._known_position()  # says that there is none
        if response.ndim == 1:  # the decision function of a binary classifier
            return response if position == 1 else map_rows(np.negative, response)
        require_class_scores(self.estimator, response, len(self.classes_))
        return map_rows(partial(_column, position), response)


def _indicate(label: Label | None, response: NDArray) -> Floats:
    return (response == label).astype(float)


def _no_chance(response: NDArray) -> Floats:
    return np.zeros(len(response))


def _column(position: int, response: NDArray) -> Floats:
    # a view would keep the columns of all classes in memory
    return np.ascontiguousarray(response[:, position])


class PlainFunction(PredictionFunction):
    """A function of the features that a user wrote."""

    def __init__(self, function: Callable[[Table], Floats]) -> None:
        self.function = function
        self.estimator = getattr(function, "estimator", None)

    def __call__(self, X: Table) -> Floats:
        """Return the function's value."""
        return self.function(X)

    def score(self, X: Table) -> Floats:
        """Return the function's own score if it has one, otherwise its value."""
        return getattr(self.function, "score", self.function)(X)

    def gradient(self, X: Table, columns: Columns | None = None) -> Floats | None:
        """Return the function's own gradient if it has one."""
        own = getattr(self.function, "gradient", None)
        return None if own is None else own(X, columns)


class TransformedPredictor(PredictionFunction):
    """A predictor of which people see a function; all else is passed on unchanged."""

    def __init__(
        self,
        predictor: PredictionFunction,
        func: Callable[[Floats], Floats],
    ) -> None:
        self.predictor = predictor
        self.func = func
        self.estimator = predictor.estimator
        self.pos_label = predictor.pos_label

    def __call__(self, X: Table) -> Floats:
        """Return the transformed predictions."""
        return map_rows(self.func, self.predictor(X))

    def score(self, X: Table) -> Floats:
        """Return the score before the transformation."""
        return self.predictor.score(X)

    def gradient(self, X: Table, columns: Columns | None = None) -> Floats | None:
        """Return the gradient of the score before the transformation."""
        return self.predictor.gradient(X, columns)


class KnownPredictor(PredictionFunction):
    """A predictor whose predictions on one table are given; it may know no others."""

    def __init__(
        self, X: Table, y_pred: Floats, predictor: PredictionFunction | None, asker: str
    ) -> None:
        self.X = X
        self.y_pred = y_pred
        self.predictor = predictor
        self.asker = asker
        self.estimator = None if predictor is None else predictor.estimator
        self.pos_label = None if predictor is None else predictor.pos_label

    def __call__(self, X: Table) -> Floats:
        """Return what is given for the known table, and ask for any other."""
        return self.y_pred if equal_tables(X, self.X) else self._require()(X)

    def score(self, X: Table) -> Floats:
        """Return the score of the predictor."""
        return self._require().score(X)

    def gradient(self, X: Table, columns: Columns | None = None) -> Floats | None:
        """Return the gradient of the predictor."""
        return self._require().gradient(X, columns)

    def _require(self) -> PredictionFunction:
        return require_predictor(self.asker, self.predictor)


def as_prediction_function(
    predictor: Callable[[Table], Floats],
) -> PredictionFunction:
    """Return a predictor that shifts can ask for its score and gradient too."""
    if isinstance(predictor, PredictionFunction):
        return predictor
    if not callable(predictor):
        what = f"a {type(predictor).__name__}"
        asked = "a function from features to predictions"
        if hasattr(predictor, "predict"):
            raise TypeError(
                f"predictor is {what}, an estimator; expected {asked}. Pass "
                "skperf.shift.Predictor(estimator), which is what people meet of it."
            )
        raise TypeError(f"predictor is {what}; expected {asked}.")
    return PlainFunction(predictor)


def require_predictor(
    asker: str, predictor: Callable[[Table], Floats] | None
) -> PredictionFunction:
    """Return the predictor, or say who must ask a model and got none."""
    if predictor is None:
        raise ValueError(
            f"{asker} must ask the deployed model at other points than the base "
            "population: pass predictor=, a function from features to predictions. "
            "The minimizers and metrics of skperf pass it by themselves."
        )
    return as_prediction_function(predictor)
