# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf.games import GameOutcomeShift, PerformativeGame
from skperf.shift import World


@pytest.fixture
def least_squares():
    """Least squares that can reproduce any outcome of identity features."""
    return LinearRegression(fit_intercept=False)


@pytest.fixture
def play_rounds():
    """Play a linear game; return the predictions after each round.

    The game has the blocks `feedback` of shape (p, p, n, n) and the base targets `y` of
    shape (p, n). Shape of the result: (n_rounds + 1, p, n).
    """

    def play(players, feedback, y, n_rounds, **params):
        seen = []

        class WatchedWorld(World):
            is_random = False

            def __init__(self, world):
                self.world = world
                self.base = world.base

            def react(self, state, predictor):
                seen.append(predictor(self.base.X).T.copy())
                return self.world.react(state, predictor)

        class Watched(GameOutcomeShift):
            def bind(self, X, y, **kwargs):
                return WatchedWorld(super().bind(X, y, **kwargs))

        named = [(f"player {i}", player) for i, player in enumerate(players)]
        shift = Watched(feedback, spread=1e9)
        game = PerformativeGame(named, shift, max_iter=n_rounds, tol=0, **params)
        X = np.eye(y.shape[1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            game.fit(X, y.T)
        # in alternating play they are asked before each turn
        turns = len(players) if game.order == "alternating" else 1
        return np.array([*seen[: turns * n_rounds : turns], game.predict(X).T])

    return play


@pytest.fixture
def random_game():
    """Draw feedback blocks (p, p, n, n) and base targets (p, n)."""

    def draw(n_players, n_locations, radius, seed):
        rng = np.random.default_rng(seed)
        size = n_players * n_locations
        matrix = rng.normal(size=(size, size)) - 2 * np.eye(size)
        matrix *= radius / abs(np.linalg.eigvals(matrix)).max()
        shape = (n_players, n_locations, n_players, n_locations)
        y = rng.uniform(0.5, 1.5, size=(n_players, n_locations))
        return matrix.reshape(shape).transpose(0, 2, 1, 3), y

    return draw
