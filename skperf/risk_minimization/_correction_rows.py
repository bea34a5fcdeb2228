# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

r"""Write the performative gradient as rows that any estimator can be trained on.

A retraining sees how the risk changes with the model on fixed data. What it does not
see is how the data change with the model: v, the derivative of the risk by each
prediction through the reaction. Rows are added, or targets moved, whose loss has that
very slope at the deployed model. The new sample then has the slope of the performative
risk there, so that a model which a retraining on it does not move is a stationary
point. All weights are zero or more.

Damping adds rows that pull towards the deployed predictions. They have no slope there
and move no fixed point.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skperf.retraining._labels import as_targets
from skperf.retraining._model import DeployedModel
from skperf.risk_minimization._support import Support, weights_of
from skperf.shift import PullBack, Sample
from skperf.shift._sample import Floats
from skperf.utils._tables import concatenate, take_rows

_KEPT = 0.5  # of the weight of a row that a correction makes lighter


def correct_labels(
    sample: Sample,
    support: Support,
    v: Floats,
    predictor: DeployedModel,
    damping: float,
) -> Sample:
    r"""Return a sample whose log loss has the slope of the performative risk.

    With the probability f of the positive class c, a row of the label c and the weight
    ``-v * f_c`` where v is negative, and of each other label k with ``v * f_k`` where
    it is positive, have the slope v in f_c. All labels k with ``-abs(v) * f_k`` have no
    slope, and leave no such row but a lighter one of the label that was seen. That is
    preferred while it leaves half of what was seen, see `_in_fewest_rows`.

    Parameters
    ----------
    sample : Sample
        What was seen under the deployed model.

    support : Support
        Its distinct rows and those of the pull-backs.

    v : ndarray of shape (n_distinct,)
        What a little more probability on each row does to the summed loss.

    predictor : DeployedModel
        The deployed model.

    damping : float
        Weight of the rows that pull towards the deployed predictions, as a multiple
        of those of the sample.

    Returns
    -------
    corrected : Sample
        Rows with equal features, label and person once, the persons kept; where they
        are not known, equal features are one person.
    """
    labels, codes = _all_labels(predictor, sample)
    proba = np.zeros((len(labels), len(v)))
    proba[: len(predictor.classes_)] = support.ask(
        lambda X: predictor.respond(X, "predict_proba")
    ).T
    cells = codes * len(v) + support.places[0]
    borne = np.bincount(cells, weights_of(sample), minlength=proba.size)
    seen: Floats = borne.astype(float).reshape(proba.shape)
    positive = labels.tolist().index(predictor.pos_label)
    table = _in_fewest_rows(seen, _correction(v, proba, positive), abs(v), proba)
    if damping:
        table += damping * seen.sum(axis=0) * proba
    rows, columns = np.nonzero(table.T)
    return Sample(
        take_rows(support.X, rows),
        labels[columns],
        table[columns, rows],
        rows if support.groups is None else support.groups[rows],
    )


def _correction(v: Floats, proba: Floats, positive: int) -> Floats:
    """Return the weights of shape (n_labels, n_distinct) that have the slope v."""
    weights = np.maximum(v, 0) * proba
    weights[positive] = np.maximum(-v, 0) * proba[positive]
    return weights


def _in_fewest_rows(
    seen: Floats, correction: Floats, size: Floats, proba: Floats
) -> Floats:
    """Return what is seen and its correction, with few labels where that is safe.

    Weights in proportion to the probabilities have no slope and may be taken away. They
    damp, so at least half of what was seen is kept.
    """
    table = seen + correction
    less = table - size * proba
    empties = ((less == 0) & (table > 0)).any(axis=0)
    return np.where(empties & (less >= _KEPT * seen).all(axis=0), less, table)


def correct_targets(
    sample: Sample,
    support: Support,
    v: Floats,
    predictor: DeployedModel,
    damping: float,
) -> Sample:
    """Return a sample whose squared error has the slope of the performative risk.

    Targets move by ``-v / (2 w)``, where w is the weight on the row. A row that has
    none gets the mean weight, and a target from which its prediction is off by as much.

    Parameters
    ----------
    sample, support, v, predictor, damping
        As in :func:`correct_labels`; with several outputs v has a column for each.

    Returns
    -------
    corrected : Sample
        The rows of the sample with other targets, and rows without weight after them.
    """
    weights, places = weights_of(sample), support.places[0]
    borne = support.sum(0, weights)
    mean = weights.mean()
    n_outputs = v[:1].size  # whose errors are averaged
    w = np.where(borne > 0, borne, mean)
    moves = -(n_outputs * v.T / (2 * w)).T
    y = np.asarray(sample.y, dtype=float)
    f = predictor(sample.X).reshape(y.shape)
    y = f + (y + moves[places].reshape(y.shape) - f) / (1 + damping)
    own = sample.sample_weight
    if damping:
        own = weights * (1 + damping)
    corrected = Sample(sample.X, y, own, sample.groups)
    return _with_bare_rows(corrected, support, moves, borne, mean, predictor)


def _with_bare_rows(
    sample: Sample,
    support: Support,
    moves: Floats,
    borne: Floats,
    mean: float,
    predictor: DeployedModel,
) -> Sample:
    """Return a sample, followed by the rows with a correction and no weight."""
    moved = moves.reshape(len(moves), -1).any(axis=1)
    rows = np.flatnonzero(moved & (borne == 0))
    if not len(rows):
        return sample
    X = take_rows(support.X, rows)
    given = np.asarray(sample.y)
    y = (predictor(X) + moves[rows]).reshape(-1, *given.shape[1:])
    groups = None
    if sample.groups is not None and support.groups is not None:
        groups = np.concatenate([sample.groups, support.groups[rows]])
    weights = np.concatenate([weights_of(sample), np.full(len(rows), mean)])
    return Sample(
        concatenate([sample.X, X]), np.concatenate([given, y]), weights, groups
    )


def _all_labels(
    predictor: DeployedModel, sample: Sample
) -> tuple[NDArray, NDArray[np.intp]]:
    """Return the labels of the model, then new ones, and the place of each row's."""
    known, targets = np.asarray(predictor.classes_), as_targets(sample.y)
    places = np.searchsorted(known, targets).clip(max=len(known) - 1)
    if np.array_equal(known[places], targets):  # as it is nearly always
        return known, places
    found, places = np.unique(targets, return_inverse=True)
    labels = np.concatenate([known, found[~np.isin(found, known)]])
    order = {label: place for place, label in enumerate(labels.tolist())}
    return labels, np.array([order[label] for label in found.tolist()])[places]


def sum_corrections(
    support: Support, pull_backs: Sequence[PullBack], total: float
) -> Floats:
    """Return the derivative of the summed loss by the prediction on each row."""
    sums = [
        support.sum(number, pull_back.v)
        for number, pull_back in enumerate(pull_backs, start=1)
    ]
    return total * np.sum(sums, axis=0)
