# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Estimating equations of Resample-if-Rejected, for 'delta'."""

import numpy as np

from skperf.exceptions import UnidentifiedError
from skperf.shift._deployment import Deployment
from skperf.shift._predictor import Columns, PredictionFunction
from skperf.shift._probabilities import as_probabilities
from skperf.shift._sample import Floats, Rows, Sample
from skperf.shift.estimation._donors import donor_parts
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._pairs import likelihood_equations
from skperf.shift.estimation._people import People
from skperf.shift.estimation._told import require_before, require_function, told_before
from skperf.utils._rows import number_rows
from skperf.utils._sklearn import _num_samples, _safe_indexing
from skperf.utils._tables import (
    column_indices,
    concatenate,
)

_ASKER = "delta of ResampleIfRejected"
_SAME = 1e-12
_Z, _PRECISION = 1.96, 0.1  # of the experiment that is proposed


def rejection_equations(deployment: Deployment, columns: Columns | None) -> Equations:
    """Return the equations of one deployment, the sharpest that it allows."""
    y_pred = _chances(told_before(deployment, _ASKER))
    if deployment.paired:
        return _paired(deployment, columns, y_pred)
    predictor = require_function(deployment, _ASKER)
    before = require_before(deployment, _ASKER)
    if columns is None:
        return _whole_rows(before, deployment.after, y_pred, predictor)
    return _strategic(before, deployment.after, y_pred, predictor, columns)


def _chances(y_pred: Floats) -> Floats:
    y_pred = as_probabilities(y_pred, _ASKER, "the probability of being rejected")
    if np.min(y_pred) == 1:
        raise UnidentifiedError(
            "Everybody was rejected for certain, whatever delta is. Predict 0.9 for "
            f"everybody, and {_advise_pairs(np.full(1, 0.9))} The squared error of the "
            "predictions is higher by about 0.01 while it lasts."
        )
    return y_pred


def _paired(
    deployment: Deployment, columns: Columns | None, y_pred: Floats
) -> Equations:
    """Return the likelihood of who has moved: g, but for donors that are like them."""
    before = require_before(deployment, _ASKER)
    kinds, kinds_after = _kinds(before, deployment.after, columns)
    people = People.of(before)
    counts = np.bincount(kinds, people.weights, kinds_after.max() + 1)
    seen = 1 - counts[kinds]  # a donor may have the same values
    moved = (kinds != kinds_after).astype(float)
    return likelihood_equations(
        people, moved, seen * y_pred, seen * (1 - y_pred), seen * y_pred
    )


def _kinds(before: Sample, after: Sample, columns: Columns | None) -> tuple[Rows, Rows]:
    """Return a number for each row before and after; equal ones for equal values.

    The values are those of the columns, or the whole row and its target.
    """
    n_rows = _num_samples(before.X)
    X = concatenate([before.X, after.X])
    if columns is not None:
        numbers, _ = number_rows(_safe_indexing(X, column_indices(X, columns), axis=1))
    else:
        y = concatenate([before.y, after.y])
        parts = [number_rows(X)[0], number_rows(np.asarray(y))[0]]
        numbers, _ = number_rows(np.stack(parts, axis=1))
    return numbers[:n_rows], numbers[n_rows:]


def _whole_rows(
    before: Sample, after: Sample, y_pred: Floats, predictor: PredictionFunction
) -> Equations:
    """Return E_after h = E h - (1 - delta) Cov(f, h), for h = f and h = f squared."""
    seen, told = People.of(after), People.of(before)
    h = _powers(y_pred)
    centred = y_pred - told.mean(y_pred)
    if told.mean(centred**2) < _SAME:
        raise UnidentifiedError(
            "All people were given the same prediction, so rejected and accepted ones "
            "cannot be told apart. Deploy a model whose predictions differ, or "
            + _advise_pairs(y_pred)
        )
    covariances = centred[:, None] * (h - told.mean(h))
    after_h = _powers(_chances(predictor(after.X)))

    def terms(delta: float) -> list[Floats]:
        return [after_h, (1 - delta) * covariances - h]

    return Equations([seen, told], terms)


def _strategic(
    before: Sample,
    after: Sample,
    y_pred: Floats,
    predictor: PredictionFunction,
    columns: Columns,
) -> Equations:
    """Return E_after h = E[(1 - g) h + g h'], where h' has the columns of a donor."""
    seen, told = People.of(after), People.of(before)
    places = column_indices(before.X, columns)
    fixed, slopes = donor_parts(told, y_pred, predictor, places)
    if np.abs(told.mean(slopes[:, 0])) < _SAME:
        raise UnidentifiedError(
            "The strategic columns do not change the predictions on average, so their "
            "replacement cannot be seen in these. Deploy a model that uses them, or "
            + _advise_pairs(y_pred)
        )
    h = _powers(y_pred)
    after_h = _powers(_chances(predictor(after.X)))

    def terms(delta: float) -> list[Floats]:
        return [after_h, -(h + fixed + delta * slopes)]

    return Equations([seen, told], terms)


def _advise_pairs(y_pred: Floats) -> str:
    """Return how many pairs tell delta, if half of the people move at prediction 0."""
    information = np.mean((1 - y_pred) / (0.5 * (0.5 + 0.5 * y_pred)))
    n_pairs = int(np.ceil((_Z / _PRECISION) ** 2 / information))
    return (
        f"give pairs, the same people before and after (paired=True): {n_pairs} tell "
        f"delta to +-{_PRECISION}, without a perturbation."
    )


def _powers(f: Floats) -> Floats:
    """Return what is compared: predictions, and their squares for a check."""
    return np.stack([f, f**2], axis=-1)
