# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What every shift is: a map from the deployed model's predictions to data."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import ClassVar

from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skperf.shift._bound import BoundShift
from skperf.shift._deployment import Deployment
from skperf.shift._dice import Dice
from skperf.shift._predictor import PredictionFunction
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._sample import Floats, Sample, Table, base_sample
from skperf.shift._strength import Strength
from skperf.shift._world import World
from skperf.shift.estimation._equations import Equations


class BaseShift(ABC, BaseEstimator):
    """Base class of the distribution maps D(f).

    A shift holds parameters and no data. It is given a base population and what the
    deployed model predicts on it, and returns the data that would then be seen.
    Write your own by implementing :meth:`sample`; :func:`skperf.testing.check_shift`
    tells whether it keeps the contract.

    Attributes
    ----------
    is_random : bool or None
        Whether the same predictions can give different data. An author may declare it
        as a class attribute; None, the default, looks whether :meth:`sample` draws from
        its ``random_state``.

    is_differentiable : bool
        Whether the worlds of this shift have a pull-back: those of a shift that has a
        method :meth:`pull_back`. An author who writes :meth:`bind` declares it.

    jumps : bool
        Whether samples jump where predictions change a little, as decisions and
        outcomes that are drawn once do: then not even differences tell a slope.

    strengths : dict of str to Strength
        Parameters that say how strongly people react, for :func:`estimate_shift`. None
        unless an author names them.

    perturbed_within : (float, float) or None
        The range of predictions, for shifts of outcomes, whose strength is told by
        predictions that were perturbed at random. None for all others, whose strength
        is told by people before and after.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import BaseShift, Sample
    >>> class Discourage(BaseShift):
    ...     '''A high prediction keeps people from applying again.'''
    ...
    ...     def __init__(self, strength=1.0):
    ...         self.strength = strength
    ...
    ...     def sample(self, X, y, y_pred, *, predictor=None, sample_weight=None,
    ...                random_state=None):
    ...         base = 1.0 if sample_weight is None else sample_weight
    ...         return Sample(X, y, base * np.exp(-self.strength * y_pred))
    >>> shift = Discourage(strength=2.0)
    >>> X, y = np.zeros((2, 1)), np.array([0, 1])
    >>> shift.sample(X, y, np.array([0.0, 1.0])).sample_weight.round(3)
    array([1.   , 0.135])
    """

    is_random: bool | None = None
    jumps: bool = False
    strengths: ClassVar[Mapping[str, Strength]] = {}
    perturbed_within: ClassVar[tuple[float, float] | None] = None

    @property
    def is_differentiable(self) -> bool:
        """Whether worlds of this shift have a pull-back; see :meth:`pull_back`."""
        return type(self).pull_back is not BaseShift.pull_back

    @abstractmethod
    def sample(
        self,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: Callable[[Table], Floats] | None = None,
        sample_weight: Floats | None = None,
        random_state: int | RandomState | None = None,
    ) -> Sample:
        """Return the data that are seen when a model predicts `y_pred` on (X, y).

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population. Not changed in place.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the base population. Not changed in place.

        y_pred : ndarray of shape (n_samples,)
            Predictions of the deployed model on X.

        predictor : callable, default=None
            The deployed prediction function, from features to predictions, for shifts
            that must ask it elsewhere than at X. The minimizers and metrics pass a
            :class:`Predictor`, which also has a score, its gradient and the estimator.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the base population.

        random_state : int, RandomState instance or None, default=None
            Source of the shift's random numbers.

        Returns
        -------
        sample : Sample
            The data seen under the model. Its `groups`, if given, are row numbers of X:
            which person each row is.
        """

    def pull_back(
        self,
        cotangent: Cotangent,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: PredictionFunction | None = None,
        sample_weight: Floats | None = None,
    ) -> tuple[Cotangent, Floats | list[PullBack]]:
        """Take derivatives by the sample to derivatives by the predictions.

        Optional: write it where you want solvers that seek an optimum to go by your
        shift, which must not draw. :func:`skperf.testing.check_shift` compares it with
        differences.

        Parameters
        ----------
        cotangent : Cotangent
            Derivatives of a risk by the rows of the sample that :meth:`sample` returns.

        X, y, y_pred, predictor, sample_weight
            As in :meth:`sample`.

        Returns
        -------
        cotangent : Cotangent
            Derivatives by the rows of the base population, `y_pred` being held fixed.

        v : ndarray of the shape of y_pred, or list of PullBack
            Derivatives by `y_pred`. A list where the shift has asked the predictor for
            something else.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no pull_back; ask is_differentiable before."
        )

    def reaction_equations(
        self, deployments: Sequence[Deployment]
    ) -> list[Equations] | None:
        """Return estimating equations of the strength, for :func:`estimate_shift`.

        Parameters
        ----------
        deployments : list of Deployment
            What was seen.

        Returns
        -------
        equations : list or None
            One for each independent experiment. None, the default, lets samples of the
            shift be compared with the data.
        """
        return None

    def bind(
        self,
        X: Table,
        y: Table,
        *,
        sample_weight: Floats | None = None,
        groups: NDArray | None = None,
        random_state: int | RandomState | None = None,
    ) -> World:
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight
            As in :meth:`BaseShift.sample`.

        groups : array-like of shape (n_samples,), default=None
            The person of each row, where a person has several.

        random_state : int, RandomState instance or None, default=None
            Seed of the random numbers; an instance is advanced by one number.

        Returns
        -------
        world : World
            The shift on this population. Parameters that are set later do not reach it.
        """
        base = base_sample(X, y, sample_weight, groups)
        return BoundShift(copy(self), base, Dice.from_random_state(random_state))


class PopulationShift(BaseShift):
    """Base class of shifts that prepare something once for each population.

    Implement :meth:`bind`: what it computes before it returns (fixed random numbers, a
    support that all samples share) is computed once for a whole retraining path.
    """

    @abstractmethod
    def bind(
        self,
        X: Table,
        y: Table,
        *,
        sample_weight: Floats | None = None,
        groups: NDArray | None = None,
        random_state: int | RandomState | None = None,
    ) -> World:
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight, groups, random_state
            As in :meth:`BaseShift.bind`.

        Returns
        -------
        world : World
            The shift on this population.
        """

    def sample(
        self,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: Callable[[Table], Floats] | None = None,
        sample_weight: Floats | None = None,
        random_state: int | RandomState | None = None,
    ) -> Sample:
        """Return the data that are seen when a model predicts `y_pred` on (X, y).

        Parameters
        ----------
        X, y, y_pred, predictor, sample_weight, random_state
            As in :meth:`BaseShift.sample`.

        Returns
        -------
        sample : Sample
            The data seen under the model.
        """
        world = self.bind(X, y, sample_weight=sample_weight, random_state=random_state)
        return world(y_pred, predictor)
