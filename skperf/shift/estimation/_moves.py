# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Estimating equations of people who move against the gradient of a score."""

from collections.abc import Callable

import numpy as np

from skperf.exceptions import UnidentifiedError
from skperf.shift._deployment import Deployment
from skperf.shift._differences import central_differences
from skperf.shift._predictor import Columns, PredictionFunction
from skperf.shift._responders import Responds, responders
from skperf.shift._sample import Floats, Rows, Sample
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._people import People
from skperf.shift.estimation._proposals import propose_tilt
from skperf.shift.estimation._told import require_before, require_function
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import add_to_columns, column_indices, column_values

_DOUBLINGS = 20
_ASKER = "epsilon of StrategicResponse"


def move_equations(
    deployment: Deployment, columns: Columns | None, responds: Responds
) -> Equations:
    """Return the equations of one deployment."""
    before = require_before(deployment, _ASKER)
    predictor = require_function(deployment, _ASKER)
    places = column_indices(before.X, slice(None) if columns is None else columns)
    gradient = _gradient(predictor, before, places)
    can = _who(responds, before)
    if not gradient[can].any():
        told = np.asarray(predictor(before.X), dtype=float)
        raise UnidentifiedError(
            "The score has a gradient of zero wherever somebody could move, as trees "
            "have, so nobody moves at any epsilon. " + propose_tilt(told)
        )
    if deployment.paired:
        return _paired(deployment, places, gradient, can)
    return _unpaired(deployment, places, gradient, responds)


def _paired(
    deployment: Deployment, places: Rows, gradient: Floats, can: Rows
) -> Equations:
    """Return least squares of moves on gradients, and each column's own for a check."""
    before = require_before(deployment, _ASKER)
    moves = _values(deployment.after, places) - _values(before, places)
    moves, gradient = moves[can], gradient[can]

    def terms(epsilon: float) -> list[Floats]:
        rests = gradient * (moves + epsilon * gradient)
        return [np.column_stack([rests.sum(axis=1), rests[:, 1:]])]

    return Equations([People.of(before, can)], terms)


def _unpaired(
    deployment: Deployment, places: Rows, gradient: Floats, responds: Responds
) -> Equations:
    """Return the mean score of people who have moved, and would have.

    A score that is linear makes the difference of means along its coefficients of it.
    """
    before = require_before(deployment, _ASKER)
    predictor = require_function(deployment, _ASKER)
    told = People.of(before, _who(responds, before))
    seen = People.of(deployment.after, _who(responds, deployment.after))
    after = np.asarray(predictor.score(deployment.after.X))[seen.kept, None]

    def terms(epsilon: float) -> list[Floats]:
        moved = add_to_columns(before.X, places, -epsilon * gradient)
        return [after, -np.asarray(predictor.score(moved))[told.kept, None]]

    def fall(epsilon: float) -> float:
        after, moved = terms(epsilon)
        return float((seen.mean(after) + told.mean(moved))[0])

    length = np.sqrt(told.mean((gradient[told.kept] ** 2).sum(axis=1)))
    return Equations([seen, told], terms, _bracket(fall, float(0.01 / length)))


def _bracket(fall: Callable[[float], float], reach: float) -> tuple[float, float]:
    """Return steps of both signs, the smallest of which one is too long."""
    for _ in range(_DOUBLINGS):
        if fall(-reach) * fall(reach) < 0:
            break
        reach *= 2
    return -reach, reach


def _gradient(predictor: PredictionFunction, before: Sample, places: Rows) -> Floats:
    gradient = predictor.gradient(before.X, places)
    if gradient is None:
        return central_differences(predictor.score, before.X, places)
    return gradient


def _who(responds: Responds, sample: Sample) -> Rows:
    mask = responders(responds, sample.X, sample.y)
    return np.arange(_num_samples(sample.X)) if mask is None else np.flatnonzero(mask)


def _values(sample: Sample, places: Rows) -> Floats:
    values = np.column_stack([column_values(sample.X, place) for place in places])
    if np.isfinite(values).all():
        return values
    raise ValueError(
        "Strategic columns hold values that are not finite numbers, so how far people "
        "moved is unknown. Leave out or impute these rows in both samples."
    )
