# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shifts of games: what each player sees depends on what all players predict."""

from abc import abstractmethod
from copy import copy
from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np

from skperf.shift import BaseShift, Dice, OutcomeShift
from skperf.shift._base import PopulationShift
from skperf.shift._bound import BoundShift
from skperf.shift._random_world import RandomWorld
from skperf.shift._sample import base_sample, check_sample, keep_labels
from skperf.shift._world import FixedWorld
from skperf.utils._sklearn import Interval, _num_samples

# Sums over the predictions m of the players j that move outcome n of player i.
_MOVES = {2: "ij,nj->ni", 3: "ijn,nj->ni", 4: "ijnm,mj->ni"}


class BaseGameShift(BaseShift):
    """Base class of the maps from the predictions of all players to their data.

    It is a shift whose predictions have a column for each player, and which returns a
    sample for each player. Write your own by implementing :meth:`sample`.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.games import BaseGameShift
    >>> from skperf.shift import Sample
    >>> class CheaperWins(BaseGameShift):
    ...     '''Each row is seen by the players in proportion to exp(-price).'''
    ...
    ...     def sample(self, X, y, y_pred, *, predictor=None, sample_weight=None,
    ...                random_state=None):
    ...         appeal = np.exp(-y_pred)
    ...         shares = appeal / appeal.sum(axis=1, keepdims=True)
    ...         return [Sample(X, y, share) for share in shares.T]
    >>> X, y = np.zeros((2, 1)), np.array([1.0, 2.0])
    >>> first, second = CheaperWins().sample(X, y, np.array([[1.0, 1.0], [1.0, 3.0]]))
    >>> first.sample_weight.round(3)
    array([0.5  , 0.881])
    """

    @abstractmethod
    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        """Return what each player sees when the players predict `y_pred` on X.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population. Not changed in place.

        y : array-like of shape (n_samples,) or (n_samples, n_players)
            Targets of the base population. Not changed in place.

        y_pred : ndarray of shape (n_samples, n_players)
            Predictions of the deployed models on X, a column for each player.

        predictor : JointPredictor, default=None
            The deployed models: a function from features to predictions with a column
            for each player, and a sequence of the players' own predictors.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the base population.

        random_state : int, RandomState instance or None, default=None
            Source of the shift's random numbers.

        Returns
        -------
        samples : list of Sample
            What each player sees, in the order of the columns of `y_pred`.
        """

    def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight
            As in :meth:`BaseGameShift.sample`.

        groups : array-like of shape (n_samples,), default=None
            The person of each row, where a person has several.

        random_state : int, RandomState instance or None, default=None
            Seed of the random numbers; an instance is advanced by one number.

        Returns
        -------
        world : World
            The shift on this population, whose samples are lists.
        """
        base = base_sample(X, y, sample_weight, groups)
        return BoundGameShift(copy(self), base, Dice.from_random_state(random_state))


class BoundGameShift(BoundShift):
    """A population, a shift of a game, and the dice that it may throw."""

    def label(self, returned):
        """Return the list as it is: the game checks it, and knows who is playing."""
        if not isinstance(returned, list):
            return returned
        return [keep_labels(check_sample(s, self.shift), self.base) for s in returned]


class GameOutcomeShift(PopulationShift, BaseGameShift):
    r"""Each player's targets move with the predictions of all players.

    The targets of player i are :math:`y_i + \sum_j A_{ij}\,\hat y_j`: prices of two
    companies move the demand for both. It is the
    :class:`~skperf.shift.OutcomeShift` of a game. With least squares, retraining all
    players at once is the linear map with the blocks :math:`A_{ij}` wherever the models
    can express it.

    Parameters
    ----------
    feedback : array-like
        The strengths :math:`A_{ij}` with which player j moves the targets of player i.
        Of shape

        - (n_players, n_players): row by row, the same for all rows
        - (n_players, n_players, n_samples): row by row, a number for each row
        - (n_players, n_players, n_samples, n_samples): a matrix for each pair; entry
          ``[i, j, n, m]`` is what the prediction of j for row m does to target n of i

    spread : float, default=None
        None moves each target. With a number b each row stands twice, with the targets
        ``y + b`` and ``y - b``, and the moves change their weights, as in
        :class:`~skperf.shift.OutcomeShift`. Samples then differ by their weights only,
        so that mixtures with negative coefficients are possible; b must exceed every
        move.

    noise : float, default=0.0
        Standard deviation of the normal noise that is drawn anew for each target each
        time that somebody looks.

    See Also
    --------
    skperf.datasets.make_ride_share : A game of prices to go with it.

    References
    ----------
    .. [1] A. Narang, E. Faulkner, D. Drusvyatskiy, M. Fazel, L. J. Ratliff,
       "Multiplayer Performative Prediction: Learning in Decision-Dependent Games",
       JMLR 24, 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.games import GameOutcomeShift
    >>> shift = GameOutcomeShift(feedback=[[-1.0, 0.5], [0.5, -1.0]])
    >>> X, y = np.ones((1, 1)), np.array([[10.0, 20.0]])
    >>> [float(sample.y[0]) for sample in shift.sample(X, y, np.array([[4.0, 2.0]]))]
    [7.0, 20.0]
    """

    _parameter_constraints: ClassVar[dict] = {
        "feedback": ["array-like"],
        "spread": OutcomeShift._parameter_constraints["spread"],
        "noise": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, feedback, *, spread=None, noise=0.0):
        self.feedback = feedback
        self.spread = spread
        self.noise = noise

    def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight, groups, random_state
            As in :meth:`BaseGameShift.bind`. The targets must be numbers.

        Returns
        -------
        world : World
            The shift on this population, whose samples are lists, one entry a player.
            It raises a ValueError where a move exceeds `spread`.

        Raises
        ------
        ValueError
            If the shape of `feedback` does not fit the players and rows.
        """
        self._validate_params()
        feedback = self._check_feedback(_num_samples(X))
        one = OutcomeShift(1.0, spread=self.spread)  # moves y by what it is told
        people = {"sample_weight": sample_weight, "groups": groups}
        worlds = [
            one.bind(X, target, **people) for target in split_targets(y, len(feedback))
        ]
        base = base_sample(X, y, sample_weight, groups)
        if not self.noise:
            return FixedWorld(base, partial(_move_all, worlds, feedback))
        draw = partial(_move_noisily, worlds, feedback, self.noise)
        return RandomWorld(base, draw, Dice.from_random_state(random_state))

    def _check_feedback(self, n_samples):
        feedback = np.asarray(self.feedback, dtype=float)
        n_players, *shape = feedback.shape
        rows = [n_samples] * (feedback.ndim - 2)
        if feedback.ndim not in _MOVES or shape != [n_players, *rows]:
            raise ValueError(
                "feedback must have the shape (n_players, n_players), followed by "
                f"n_samples once or twice if rows differ; got {feedback.shape} for "
                f"{n_samples} rows."
            )
        return feedback


def split_targets(y, n_players):
    """Return the base targets of each player; they share those of one dimension."""
    shape = np.shape(y)
    if len(shape) == 1:
        return [y] * n_players
    if len(shape) != 2 or shape[1] != n_players:
        raise ValueError(
            f"y must have one dimension, or a column for each of the {n_players} "
            f"players; got the shape {shape}."
        )
    return list(np.asarray(y).T)


def _move_all(worlds, feedback, y_pred, noise=0.0):
    """Return what each player sees, given the predictions of all."""
    moves = np.einsum(_MOVES[feedback.ndim], feedback, y_pred) + noise
    return [world(column) for world, column in zip(worlds, moves.T, strict=True)]


def _move_noisily(worlds, feedback, scale, y_pred, dice):
    noise = dice.random_state().normal(scale=scale, size=y_pred.shape)
    return _move_all(worlds, feedback, y_pred, noise)
