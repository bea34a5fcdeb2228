# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The world of a game as the loop meets it, and the players as people meet them."""

import numpy as np

from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import check_sample


class JointPredictor(PredictionFunction):
    """The deployed models of all players as one function of the features.

    It is the `predictor` that a shift of a game gets, and a sequence of the players'
    own predictors.

    Parameters
    ----------
    players : sequence of Predictor
        The deployed model of each player.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skperf.games import JointPredictor
    >>> from skperf.shift import Predictor
    >>> X = np.zeros((2, 1))
    >>> low, high = (
    ...     Predictor(DummyRegressor().fit(X, y)) for y in ([1.0, 1.0], [3.0, 3.0])
    ... )
    >>> JointPredictor([low, high])(X)
    array([[1., 3.],
           [1., 3.]])
    """

    def __init__(self, players):
        self.players = tuple(players)

    def __call__(self, X):
        """Predict with the models of all players.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples, n_players)
            A column for each player.
        """
        return np.column_stack([player(X) for player in self.players])

    def __getitem__(self, number):
        """Return the predictor of a player."""
        return self.players[number]

    def __len__(self):
        """Return the number of players."""
        return len(self.players)


class GameWorld:
    """The world of a game's shift, in which every player sees a sample of its own."""

    answers = True

    def __init__(self, world, shift, n_players):
        self.world = world
        self.shift = shift  # whom to name if a sample is wrong
        self.n_players = n_players

    @property
    def is_random(self):
        """Whether the same models can see different data."""
        return self.world.is_random

    def start(self):
        """Return the state before anybody has met a model."""
        return self.world.start()

    def react(self, state, predictors):
        """Return what each player sees, and what is remembered."""
        samples, state = self.world.react(state, JointPredictor(predictors))
        return self._check(samples), state

    def settle(self, state, predictors):
        """Return what each player would see if all models stayed."""
        return self._check(self.world.settle(state, JointPredictor(predictors)))

    def _check(self, samples):
        if not isinstance(samples, list | tuple) or len(samples) != self.n_players:
            got = type(samples).__name__
            if isinstance(samples, list | tuple):
                got += f" of length {len(samples)}"
            raise TypeError(
                f"{type(self.shift).__name__} returned a {got}; expected a list of "
                f"{self.n_players} Samples, one a player."
            )
        return [check_sample(sample, self.shift) for sample in samples]
