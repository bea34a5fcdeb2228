# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The ways to come to a model: trained once, retrained, averaged, or the best."""

from typing import NamedTuple

from sklearn.base import clone

from skperf.retraining._persons import groups_parameter
from skperf.retraining._weights import fit_with_weights
from skperf.risk_minimization import (
    AffineRiskMinimizer,
    PerformativeRiskMinimizer,
    RepeatedRiskMinimizer,
)

#: What each way is, in words.
WAYS = {
    "ordinary": "trained once, where nobody reacts",
    "retrained": "retrained on what the last model has induced",
    "averaged": "retrained on the average of what all models have induced",
    "optimal": "the lowest risk on the data that the model induces itself",
}
_MINIMIZERS = {
    "retrained": RepeatedRiskMinimizer,
    "averaged": AffineRiskMinimizer,
    "optimal": PerformativeRiskMinimizer,
}


class Settings(NamedTuple):
    """What all models of a study have in common."""

    response_method: str
    pos_label: object
    max_iter: int


def make_model(way, estimator, shift, settings, random_state):
    """Return the unfitted model of a way: a minimizer, or the estimator itself."""
    if way == "ordinary":
        return clone(estimator)
    return _MINIMIZERS[way](
        estimator,
        shift,
        random_state=random_state,
        **settings._asdict(),
    )


def fit_model(way, model, people):
    """Fit the model of a way on the sample of those who train."""
    if way != "ordinary":
        X, y, sample_weight, groups, _ = people
        return model.fit(X, y, sample_weight=sample_weight, groups=groups)
    name = None if people.groups is None else groups_parameter(model)
    handed = {} if name is None else {name: people.groups}
    return fit_with_weights(model, people, **handed)
