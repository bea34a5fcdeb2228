# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Estimators, shifts and scorers by name, however they were given."""

from sklearn.base import is_classifier
from sklearn.metrics import get_scorer
from sklearn.pipeline import Pipeline

from skperf.shift.estimation._result import ShiftEstimate
from skperf.utils._arguments import (
    PredictingEstimator,
    require_estimator,
    require_shift,
)

_TAKEN = ("risk", "prediction", "rejection")  # what the tables call figures of theirs


def name_estimators(estimators):
    """Return estimators by name."""
    named = _as_dict(estimators, "estimators", _last_step)
    for estimator in named.values():
        require_estimator(estimator)
        if not PredictingEstimator().is_satisfied_by(estimator):
            raise TypeError(
                f"estimators holds {estimator!r}; expected estimators with fit and "
                "predict."
            )
    kinds = {is_classifier(estimator) for estimator in named.values()}
    if len(kinds) > 1:
        raise ValueError(
            "estimators holds classifiers and others; expected one kind, since "
            "risks of different losses cannot be compared."
        )
    return named


def name_shifts(shifts):
    """Return shifts by name; an estimate stands for itself and its interval's ends."""
    named = {}
    for name, shift in _as_dict(shifts, "shifts", _kind).items():
        if not isinstance(shift, ShiftEstimate):
            require_shift(shift)
            named[name] = shift
            continue
        named[f"{name}, as estimated"] = shift.shift
        named[f"{name}, cautious"] = shift.cautious_shift()
        named[f"{name}, strongest"] = shift.strongest_shift()
    return named


def name_scorers(scoring):
    """Return scorers by name."""
    if scoring is None:
        return {}
    if isinstance(scoring, str):
        scoring = {scoring: scoring}
    if not isinstance(scoring, dict):
        raise TypeError(
            f"scoring is {scoring!r}; expected a name, or a dict of scorers by name, "
            "such as {'cost': my_scorer, 'AUC': 'roc_auc'}."
        )
    taken = sorted({str(name) for name in scoring} & set(_TAKEN))
    if taken:
        raise ValueError(f"scoring has scores named {taken}, as the tables do. Rename.")
    for scorer in scoring.values():
        get_scorer(scorer)  # an unknown name is an error here, not inside a worker
    return {str(name): scorer for name, scorer in scoring.items()}


def _as_dict(given, parameter, name):
    if isinstance(given, list | tuple):
        raise TypeError(
            f"{parameter} is a {type(given).__name__}; expected one, or a dict by the "
            "names that tables and report show."
        )
    named = given if isinstance(given, dict) else {name(given): given}
    if not named:
        raise ValueError(f"{parameter} is empty; expected at least one.")
    return {str(key): value for key, value in named.items()}


def _last_step(estimator):
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    return _kind(last)


def _kind(thing):
    shift = thing.shift if isinstance(thing, ShiftEstimate) else thing
    return type(shift).__name__
