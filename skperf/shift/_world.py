# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world: a shift bound to the people it moves."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from skperf.shift._dice import Dice
from skperf.shift._predictor import (
    KnownPredictor,
    PredictionFunction,
    as_prediction_function,
)
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._sample import Floats, Sample, Table
from skperf.utils._by_rows import in_blocks, keep

#: What a world remembers: None, Dice, or a NamedTuple of arrays; plain and picklable.
State: TypeAlias = object
S = TypeVar("S")
W = TypeVar("W")


class World(Protocol[S]):
    """People who react to a deployed model.

    A world is a pure object: it holds a population and never changes. What it remembers
    and which random numbers come next is its *state*, a value that it hands to the
    path of retraining and gets back. So a question to a world costs it nothing, and a
    world and a state that are pickled react alike in another process.

    Write your own by inheriting from this class, with the attributes below and
    :meth:`react`, and with :meth:`start` if it remembers anything; a shift whose
    ``bind`` returns it makes it known to the minimizers. A world without memory is
    easier to write as a :class:`~skperf.shift.BaseShift`.

    Attributes
    ----------
    base : Sample
        The base population.

    is_random : bool
        Whether the same model can see different data.

    is_differentiable : bool
        Whether the world has a :meth:`pull_back`; False unless you say otherwise.

    Examples
    --------
    People get used to predictions: outcomes follow a running mean of them.

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.shift import PopulationShift, Sample, World
    >>> class SlowWorld(World):
    ...     is_random = False
    ...
    ...     def __init__(self, base):
    ...         self.base = base
    ...
    ...     def start(self):
    ...         return np.zeros(len(self.base.y))
    ...
    ...     def react(self, state, predictor):
    ...         habit = 0.5 * state + 0.5 * predictor(self.base.X)
    ...         return Sample(self.base.X, self.base.y + 0.5 * habit), habit
    ...
    ...     def settle(self, state, predictor):
    ...         return Sample(self.base.X, self.base.y + 0.5 * predictor(self.base.X))
    >>> class SlowShift(PopulationShift):
    ...     def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
    ...         return SlowWorld(Sample(X, y, sample_weight, groups))
    >>> model = RepeatedRiskMinimizer(LinearRegression(), SlowShift(), max_iter=60)
    >>> X, y = np.array([[0.0], [1.0]]), np.array([1.0, 2.0])
    >>> model.fit(X, y).predict(X).round(2)
    array([2., 4.])
    """

    base: Sample
    is_random: bool
    is_differentiable: bool = False

    def start(self) -> S:
        """Return the state before anybody has met a model.

        Returns
        -------
        state : object
            Plain and picklable: None without memory and chance, :class:`Dice`, or a
            NamedTuple of arrays.
        """
        return None  # type: ignore[return-value]  # who remembers says so

    @abstractmethod
    def react(self, state: S, predictor: PredictionFunction) -> tuple[Sample, S]:
        """Return what is seen while a model is deployed, and what is remembered of it.

        Parameters
        ----------
        state : object
            What :meth:`start` or the last round returned. Not changed in place: the
            same state and model give the same sample.

        predictor : Predictor
            The deployed model.

        Returns
        -------
        sample : Sample
            The data seen.

        state : object
            The state of the next round.
        """

    def settle(self, state: S, predictor: PredictionFunction) -> Sample:
        """Return what is seen once people have got used to a model that stays.

        Parameters
        ----------
        state : object
            The state now.

        predictor : Predictor
            The deployed model.

        Returns
        -------
        sample : Sample
            The data at the equilibrium of the model; where a world has no memory, and
            unless an author says more, those of the next round.
        """
        sample, _ = self.react(state, predictor)
        return sample

    def pull_back(
        self, state: S, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Take derivatives from the sample at the equilibrium back to the model.

        Optional, see `is_differentiable`: solvers that seek an optimum need it.

        Parameters
        ----------
        state : object
            The state now.

        predictor : Predictor
            The deployed model.

        cotangent : Cotangent
            Derivatives of a risk by the rows of the sample that :meth:`settle` returns.

        Returns
        -------
        cotangent : Cotangent
            Derivatives by the rows of the base population, the predictions and
            gradients that the pull-backs tell of being held fixed.

        pull_backs : list of PullBack
            Derivatives by the predictions, one for each time that the model was asked.

        Raises
        ------
        ValueError
            If the world is not differentiable.
        """
        raise ValueError(
            f"{type(self).__name__} cannot be differentiated by the predictions: it "
            "has no pull_back. Samples that are drawn have none; the face 'expected' "
            "of shifts with resampling has. A function has none; write a shift with a "
            "method pull_back."
        )

    def __call__(
        self, y_pred: Floats, predictor: Callable[[Table], Floats] | None = None
    ) -> Sample:
        """Return what is seen in the first round, for loops written by hand.

        Equal calls give equal samples. For new random numbers in each round, or a world
        with memory, hand the state from round to round yourself, by :meth:`react`.

        Parameters
        ----------
        y_pred : ndarray of shape (n_samples,)
            Predictions of the deployed model on the base population.

        predictor : callable, default=None
            The deployed prediction function, for worlds that ask it elsewhere.

        Returns
        -------
        sample : Sample
            The data seen.
        """
        known = None if predictor is None else as_prediction_function(predictor)
        name = type(self).__name__
        given = KnownPredictor(self.base.X, y_pred, known, name)
        sample, _ = self.react(self.start(), given)
        if not in_blocks(self.base.X):
            return sample
        X, y, weights, persons, support = Sample(*sample)
        return Sample(X, y, keep(weights), keep(persons), support)


def check_world(world: W, shift: object) -> W:
    """Return what a shift was bound to, or say what is wrong with it."""
    parts = ("base", "is_random", "start", "react", "settle")
    missing = [name for name in parts if not hasattr(world, name)]
    if missing:
        raise TypeError(
            f"{type(shift).__name__}.bind returned a {type(world).__name__} without "
            f"{', '.join(missing)}; expected a skperf.shift.World. A shift that only "
            "writes sample needs no bind of its own."
        )
    return world


def remembers(state: State) -> bool:
    """Return whether a state is more than random numbers: something has been learnt.

    The state of several worlds together is a tuple of theirs.
    """
    if type(state) is tuple:
        return any(map(remembers, state))
    return not (state is None or isinstance(state, Dice))


class FixedWorld(World[None]):
    """A world without memory and chance: its data are a function of predictions.

    `back`, where there is one, takes predictions and derivatives by the data to
    derivatives by the base rows and by the predictions.
    """

    is_random = False

    def __init__(
        self,
        base: Sample,
        respond: Callable[[Floats], Sample],
        back: Callable[[Floats, Cotangent], tuple[Cotangent, Floats]] | None = None,
    ) -> None:
        self.base = base
        self.respond = respond
        self.back = back
        self.is_differentiable = back is not None

    def react(self, state: None, predictor: PredictionFunction) -> tuple[Sample, None]:
        """Return the response to the predictions on the base population."""
        return self.respond(predictor(self.base.X)), state

    def pull_back(
        self, state: None, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Return the derivatives by the predictions on the base population."""
        if self.back is None:
            return super().pull_back(state, predictor, cotangent)
        X, groups = self.base.X, self.base.groups
        cotangent, v = self.back(predictor(X), cotangent)
        return cotangent, [PullBack(X, v, groups)]
