# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The players of a game: what they may be, and what is asked of all together."""

from copy import copy

import numpy as np

from skperf.base import BaseRiskMinimizer
from skperf.retraining._stored import fitted_attributes

_LARGEST = (
    "prediction_gap",
    "two_back_gap",
    "stability_residual",
    "stability_residual_estimate",
)
_TOTAL = ("n_rows", "fit_time", "n_deployments", "n_rows_seen", "n_fits")


def check_players(named_players):
    """Raise unless these are pairs of a name and a minimizer without a shift."""
    if not named_players:
        raise ValueError("A game needs at least one player; players is empty.")
    for item in named_players:
        if not isinstance(item, tuple) or len(item) != 2:
            raise TypeError(
                f"players must hold pairs of a name and a minimizer; got {item!r}."
            )
        name, player = item
        if not isinstance(player, BaseRiskMinimizer):
            raise TypeError(
                f"The player {name!r} is a {type(player).__name__}; expected a "
                "RepeatedRiskMinimizer or AffineRiskMinimizer around an estimator."
            )
        if player.shift is not None:
            raise ValueError(
                f"The player {name!r} has a shift of its own. What players see comes "
                "from the shift of the game; leave theirs None."
            )


def check_predictions(standing, names):
    """Raise unless each player predicts one number a row."""
    for name, path in zip(names, standing.paths, strict=True):
        shape = path.y_pred.shape
        if len(shape) != 1:
            raise ValueError(
                f"The predictions of the player {name!r} have the shape {shape}; a "
                "shift of a game sees one number a row from each player."
            )


def fit_players(players, standing):
    """Return copies of the players that are fitted to where the game stands."""
    fitted = [copy(player) for player in players]
    for number, player in enumerate(fitted):
        vars(player).update(fitted_attributes(standing, number))
    return fitted


def join_histories(standing):
    """Return a record of all players: their largest gaps and their total budgets."""
    join = dict.fromkeys(_LARGEST, np.max) | dict.fromkeys(_TOTAL, np.sum)
    return {
        name: reduce([path.history[name] for path in standing.paths], axis=0)
        for name, reduce in join.items()
    }
