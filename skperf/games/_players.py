# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is asked of all players of a game together.

Where nothing else is said, ``partial_fit`` has been called on them.
"""

import numpy as np

from skperf.base import BaseRiskMinimizer, _is_random
from skperf.utils._trainer import copy_model
from skperf.utils._weights import fit_with_weights

_LARGEST = ("prediction_gap", "two_back_gap", "stability_residual")
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


def check_predictions(players, names):
    """Raise unless each player predicts one number a row."""
    for name, player in zip(names, players, strict=True):
        shape = player._path.y_pred.shape
        if len(shape) != 1:
            raise ValueError(
                f"The predictions of the player {name!r} have the shape {shape}; a "
                "shift of a game sees one number a row from each player."
            )


def deployed(players):
    """Return what the players predict on the base population, and their predictors."""
    predictors = [player._path.predictor for player in players]
    return np.column_stack([player._path.y_pred for player in players]), predictors


def share_residuals(players):
    """Let each player look at the residuals of all when it mixes its past data."""
    paths = [player._path for player in players]
    joint = np.concatenate([path.residual for path in paths])
    for player, path in zip(players, paths, strict=True):
        player._path = path._replace(residual=joint)


def stability_residuals(players, respond, tol):
    """Return how far one retraining on what it sees now would move each player.

    After mixtures that is estimated, and measured by such a retraining before the
    players are called stable.
    """
    residuals = np.array([player.stability_residual_ for player in players])
    if residuals.max() > tol or not any(player._path.mixed for player in players):
        return residuals
    samples = respond(*deployed(players))
    return np.array(list(map(_measure_residual, players, samples)))


def are_random(players, respond):
    """Return whether the same models can see different data."""
    now = deployed(players)
    return any(
        _is_random(lambda *_, i=i: respond(*now)[i], player._path)
        for i, player in enumerate(players)
    )


def join_histories(players):
    """Return a record of all players: their largest gaps and their total budgets."""
    join = dict.fromkeys(_LARGEST, np.max) | dict.fromkeys(_TOTAL, np.sum)
    return {
        name: reduce([player.history_[name] for player in players], axis=0)
        for name, reduce in join.items()
    }


def _measure_residual(player, sample):
    model = copy_model(player.estimator_)
    fit_with_weights(model, *sample)
    return player._path.gap(player._predictor(model)(player._path.X))
