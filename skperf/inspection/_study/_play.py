# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One model of a study: trained on some people, judged on others, told in sums."""

import warnings
from time import perf_counter
from typing import NamedTuple

from skperf.base import BaseRiskMinimizer
from skperf.exceptions import NoOptimumError
from skperf.inspection._study._held_out import observe, sum_figures, sum_gaming
from skperf.inspection._study._scores import draw_scores
from skperf.inspection._study._ways import Settings, fit_model, make_model
from skperf.metrics._induce import deploy


class Task(NamedTuple):
    """What is trained, how, and on which split."""

    estimator: str
    shift: str
    way: str
    split: int

    @property
    def row(self):
        """The row of the tables that it belongs to."""
        return self[:3]


class Judging(NamedTuple):
    """What all models of a study are judged by."""

    settings: Settings
    scorers: dict
    n_bootstrap: int
    random_state: int  # draws the persons


class Ending(NamedTuple):
    """How retraining ended."""

    diagnosis: str
    n_iter: int
    residual: float
    settled: dict | None  # settled_risk_
    history: dict


class Outcome(NamedTuple):
    """What came of a task; None for what there is not."""

    task: Task
    missing: str | None = None  # why there is no model
    weight: float = 0.0  # of those who are held out
    sums: dict | None = None
    scores: dict | None = None
    gaming: tuple = ({}, {})
    ending: Ending | None = None
    fit_time: float = 0.0
    told: bool = True  # whether the shift says whose rows are whose
    warnings: tuple = ()


def play(task, estimator, shift, split, judging, watch):
    """Train a model, let others react to it, and return what came of it.

    Parameters
    ----------
    task : Task
        What the model is called.

    estimator : estimator
        What is trained.

    shift : BaseShift
        How people react.

    split : Split
        Who trains, who is held out, and the random numbers of their reaction.

    judging : Judging
        Figures that are asked for.

    watch : FitTask
        Tells callbacks.

    Returns
    -------
    outcome : Outcome
        In sums; the model is forgotten.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = _play(task, estimator, shift, split, judging, watch)
        except Exception as error:
            error.add_note(f"Raised in the study of {task}.")
            raise
    return outcome._replace(
        warnings=tuple((each.category, str(each.message)) for each in caught)
    )


def _play(task, estimator, shift, split, judging, watch):
    model = make_model(task.way, estimator, shift, judging.settings, split.random_state)
    start = perf_counter()
    try:
        with watch(model):
            fit_model(task.way, model, split.training)
    except NoOptimumError as error:
        return Outcome(task, missing=str(error))
    fit_time = perf_counter() - start
    settings, held_out = judging.settings, split.held_out
    deployed = deploy(model, settings.response_method, settings.pos_label)
    seen = observe(deployed, shift, held_out, split.random_state)
    return Outcome(
        task,
        weight=held_out.weights.sum(),
        sums=sum_figures(deployed, shift, held_out, seen),
        scores=draw_scores(judging, deployed, held_out, seen),
        gaming=sum_gaming(deployed, held_out, seen),
        ending=_ending(model),
        fit_time=fit_time,
        told=seen.rows is not None,
    )


def _ending(model):
    """Return how retraining ended, None where there was none."""
    if not isinstance(model, BaseRiskMinimizer):
        return None
    return Ending(
        model.diagnosis_,
        model.n_iter_,
        model.stability_residual_,
        model.settled_risk_,
        model.history_,
    )
