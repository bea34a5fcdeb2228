# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a study has assumed, and what it has not measured, in words."""

from numbers import Number

import numpy as np
from sklearn.base import BaseEstimator

from skperf.inspection._study._named import (
    name_estimators,
    name_scorers,
    name_shifts,
)
from skperf.inspection._study._plan import check_ways
from skperf.inspection._study._ways import WAYS
from skperf.retraining._losses import default_risk


def limits(study):
    """Return what has to be believed of a study, and what it does not say.

    Parameters
    ----------
    study : RetrainingStudy
        A fitted study.

    Returns
    -------
    sentences : list of str
        One for each thing.
    """
    ways = check_ways(study.ways)
    told = "; ".join(f"{way}: {WAYS[way]}" for way in ways)
    n_warned = int(study.warnings_["n_fits"].sum())
    return [
        *_reactions(study),
        "Strengths of a reaction are as given. Nothing here tells whether people do "
        "react so; an experiment does.",
        f"The ways, the first of which is what others are compared with: {told}.",
        f"Models were retrained at most {study.max_iter} times.",
        f"{study.n_people_} people were held out, in {study.n_splits_} split(s). No "
        "model was trained on those whom it is judged on, and nobody is on both sides.",
        f"Intervals hold {study.confidence_level:.0%} and come of {study.n_bootstrap} "
        "draws of people, the same for all models. They take models as trained: other "
        "people to train on would give others. People who give a rejected one their "
        "features stay the same in all draws.",
        "A model counts as worse if all comparisons taken together leave no doubt at "
        "that level; others cannot be told apart, which does not make them equal.",
        *_scores(study),
        "Not measured: people who stay away or come anew, drift that is not the "
        "model's doing, the cost of retraining, and what people pay for their moves.",
        f"Fits gave {n_warned} warnings, of {len(study.warnings_)} kinds; they are in "
        "warnings_ of the study.",
    ]


def risk_of(study):
    """Name the loss of which the risk is the mean."""
    return default_risk(next(iter(name_estimators(study.estimators).values())))


def describe(shift):
    """Return a shift with its plain parameters, and no data that it may hold."""
    params = (f"{name}={_plain(v)}" for name, v in shift.get_params().items())
    return f"{type(shift).__name__}({', '.join(params)})"


def _reactions(study):
    return [
        f"Assumed of the reaction “{name}”: {describe(shift)}."
        for name, shift in name_shifts(study.shifts).items()
    ]


def _scores(study):
    names = ", ".join(f"“{name}”" for name in name_scorers(study.scoring))
    if not names:
        return []
    return [f"Scores are of the data that a model induces, higher is better: {names}."]


def _plain(value):
    """Return a parameter as text; arrays and objects by their kind only."""
    if value is None or isinstance(value, Number | str | bool):
        return repr(value)
    if isinstance(value, list | tuple) and all(isinstance(v, str | int) for v in value):
        return f"[{', '.join(map(repr, value))}]" if len(value) <= 20 else _count(value)
    if isinstance(value, np.ndarray | list | tuple):
        return _count(value)
    kind = value if callable(value) and hasattr(value, "__name__") else type(value)
    return (
        kind.__name__ if not isinstance(value, BaseEstimator) else type(value).__name__
    )


def _count(value):
    return f"{len(value)} values" if np.ndim(value) else "1 value"
