# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Through the map and back: what solvers that seek an optimum ask of a world.

Only the types; no world of this version has a pull-back yet.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from numpy.typing import NDArray

from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import Floats, Table
from skperf.shift._world import State, World


class Cotangent(NamedTuple):
    """What a little more of each row of a sample is worth, as derivatives of a risk.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
        By the weight of the row: its loss, less the risk where weights are normalized.

    y : ndarray of shape (n_samples,), default=None
        By its target; None where targets do not move.

    X : ndarray of shape (n_samples, n_features), default=None
        By its features; None where features do not move.
    """

    weight: Floats
    y: Floats | None = None
    X: Floats | None = None


class PullBack(NamedTuple):
    """What a little more prediction on some rows does to a risk, through the reaction.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_rows, n_features)
        The rows on which the reaction asked the model.

    v : ndarray of shape (n_rows,)
        Derivative of the risk by the prediction on each row.

    groups : ndarray of shape (n_rows,), default=None
        The person of each row.

    U : ndarray of shape (n_rows, n_features), default=None
        Derivative by the gradient of the score on each row, where people followed it.
    """

    X: Table
    v: Floats
    groups: NDArray | None = None
    U: Floats | None = None


@runtime_checkable
class DifferentiableWorld(World, Protocol):
    """A world that can be differentiated by the predictions that it met."""

    def pull_back(
        self, state: State, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Take derivatives from the sample back to the model.

        Parameters
        ----------
        state : object
            The state in which the world reacted.

        predictor : Predictor
            The model that it met.

        cotangent : Cotangent
            Derivatives of a risk by the rows of the sample.

        Returns
        -------
        cotangent : Cotangent
            Derivatives by the rows of the base population.

        pull_backs : list of PullBack
            Derivatives by the predictions, one for each time that the model was asked.
        """


class Parameters(Protocol):
    """The numbers inside a fitted model, and derivatives by them."""

    def get(self) -> Floats:
        """Return the parameters, of shape (n_parameters,)."""

    def set(self, values: Floats) -> None:
        """Replace the parameters by others of that shape.

        Parameters
        ----------
        values : ndarray of shape (n_parameters,)
            The new parameters.
        """

    def vjp(self, X: Table, v: Floats) -> Floats:
        """Return the derivative of ``sum(v * score(X))`` by the parameters.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows on which the model is asked.

        v : ndarray of shape (n_samples,)
            What the score of each row counts.

        Returns
        -------
        derivative : ndarray of shape (n_parameters,)
            One number a parameter.
        """

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

    def vjp_input(self, X: Table, v: Floats) -> Floats:
        """Return the derivative of ``sum(v * score(X))`` by X.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows on which the model is asked.

        v : ndarray of shape (n_samples,)
            What the score of each row counts.

        Returns
        -------
        derivative : ndarray of shape (n_samples, n_features)
            One number a feature and row.
        """
