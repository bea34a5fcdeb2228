# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Scores of a model on what is seen under it, on the people and on draws of them."""

import warnings
from contextlib import suppress

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer

from skperf.inspection._study._draws import draw_persons
from skperf.retraining._scoring import score_sample

_ANSWERS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


class Answering:
    """A fitted model that is asked about the same table by every draw.

    Everything but its predictions is that of the model.

    Parameters
    ----------
    model : DeployedModel
        It keeps what it has answered.
    """

    def __init__(self, model):
        self._deployed = model

    def __getattr__(self, name):
        found = getattr(self._deployed.estimator, name)
        if name not in _ANSWERS:
            return found

        def respond(X):
            return self._deployed.respond(X, name)

        respond.__name__ = name
        return respond


def draw_scores(judging, model, held_out, seen):
    """Return each score on what is seen, and on draws of persons.

    Parameters
    ----------
    judging : Judging
        Scorers by name, and how persons are drawn.

    model : DeployedModel
        The model.

    held_out : HeldOut
        The people.

    seen : Seen
        What is seen of them.

    Returns
    -------
    scores : dict of str to ndarray of shape (n_bootstrap + 1,)
        First the score on the people as they are; NaN where it is not defined.
    """
    asked, scorers = Answering(model), judging.scorers
    scores = {name: np.full(judging.n_bootstrap + 1, np.nan) for name in scorers}
    for name, scorer in scorers.items():
        scores[name][0] = score_sample(asked, seen.sample, scorer)  # or say why not
    if not scorers or seen.rows is None:
        return scores
    called = {name: get_scorer(scorer) for name, scorer in scorers.items()}
    X, y, persons = seen.sample.X, seen.sample.y, held_out.persons[seen.rows]
    drawn = draw_persons(held_out.n_persons, judging.n_bootstrap, judging.random_state)
    next(drawn)
    for number, count in enumerate(drawn, 1):
        weights = seen.weights * count[persons]
        for name, scorer in called.items():
            scores[name][number] = _score_or_nan(scorer, asked, X, y, weights)
    return scores


def _score_or_nan(scorer, model, X, y, sample_weight):
    """Return nan where a draw leaves a score undefined."""
    with warnings.catch_warnings(), suppress(ValueError):
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return scorer(model, X, y, sample_weight=sample_weight)
    return np.nan
