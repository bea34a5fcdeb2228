# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a model does to people who are held out, in sums over persons.

Every figure is a ratio of two sums over rows, so that persons can be drawn anew
without asking the model again. Weights of the induced data are scaled to the sum that
people had before, since D(f) is a probability law.
"""

from typing import NamedTuple

import numpy as np

from skperf.inspection._origin import Moves, origin_of
from skperf.metrics._induce import let_react
from skperf.shift import Sample
from skperf.shift._sample import as_weights
from skperf.utils._sklearn import _num_samples


class HeldOut(NamedTuple):
    """People whom no model of a split knows."""

    people: Sample  # its groups are its row numbers
    persons: np.ndarray  # of each row, numbers among all who are ever held out
    n_persons: int
    groups: dict  # masks of rows by name

    @property
    def weights(self):
        """The weight of each row."""
        return as_weights(self.people.sample_weight, len(self.persons))


class Seen(NamedTuple):
    """What is seen of them under a model."""

    sample: Sample  # scaled to their weight
    rows: np.ndarray | None  # where its rows come from

    @property
    def weights(self):
        """The weight of each row."""
        return self.sample.sample_weight


def observe(model, shift, held_out, random_state):
    """Let those who are held out react to a model.

    Parameters
    ----------
    model : DeployedModel
        What they meet.

    shift : BaseShift
        How they react.

    held_out : HeldOut
        Who they are.

    random_state : int
        Random numbers of the shift.

    Returns
    -------
    seen : Seen
        At rest where they remember.
    """
    sample = let_react(model, shift, held_out.people, random_state)
    weights = as_weights(sample.sample_weight, _num_samples(sample.X))
    weights = weights * (held_out.weights.sum() / weights.sum())
    sample = sample._replace(sample_weight=weights)
    return Seen(sample, origin_of(sample, held_out.people))


def sum_figures(model, shift, held_out, seen):
    """Return the sums that all figures of a model are ratios of.

    Parameters
    ----------
    model : DeployedModel
        The model.

    shift : BaseShift
        It may say who is rejected.

    held_out : HeldOut
        People before their reaction.

    seen : Seen
        And after it.

    Returns
    -------
    sums : dict of tuple to ndarray of shape (2, n_persons)
        Numerators and denominators by (figure, group); the group of all is None.
    """
    base = held_out.people
    before = _Rows(held_out.persons, held_out.weights, held_out.n_persons)
    after = _Rows(*_persons_after(held_out, seen), held_out.n_persons)
    y_pred = _per_row(model(base.X))
    figures = {
        "unmoved": (before, model.row_losses(base)),
        "risk": (after, model.row_losses(seen.sample)),
        "prediction_before": (before, y_pred),
        "prediction": (after, _per_row(model(seen.sample.X))),
    }
    if hasattr(shift, "rejection_probability"):
        rejected = shift.rejection_probability(y_pred, base.sample_weight)
        figures["rejection"] = (before, rejected)
    sums = {(name, None): rows.sum(each) for name, (rows, each) in figures.items()}
    if seen.rows is None:
        return sums
    for group, mask in held_out.groups.items():
        members = {id(before): mask, id(after): mask[seen.rows]}
        for name, (rows, each) in figures.items():
            sums[name, group] = rows.sum(each, members[id(rows)])
    return sums


def sum_gaming(model, held_out, seen):
    """Return the sums that tell what the move of each column costs.

    Returns
    -------
    cost : dict of int to ndarray of shape (2, n_persons)
        By the position of each column that has moved: the loss less that with the
        column put back.

    share : dict of int to ndarray of shape (2, n_persons)
        The weight of rows in which it has moved.
    """
    cost, share = {}, {}
    if seen.rows is None:
        return cost, share
    rows = _Rows(*_persons_after(held_out, seen), held_out.n_persons)
    losses = model.row_losses(seen.sample)
    moves = Moves(seen.sample, held_out.people, seen.rows)
    for column, moved in moves.moved.items():
        back = model.row_losses(seen.sample._replace(X=moves.put_back(column)))
        cost[column] = rows.sum(losses - back)
        share[column] = rows.sum(moved.astype(float))
    return cost, share


class _Rows(NamedTuple):
    """Rows with the persons and the weights that they have."""

    persons: np.ndarray
    weights: np.ndarray
    n_persons: int

    def sum(self, values, mask=None):
        """Return the sums over the rows of each person: of values, and of weights."""
        weights = self.weights if mask is None else self.weights * mask
        return np.stack(
            [
                np.bincount(self.persons, each, minlength=self.n_persons)
                for each in (weights * values, weights)
            ]
        )


def _persons_after(held_out, seen):
    """Return the person of each row that is seen, and its weight.

    Where nobody knows whose they are, all rows count as of one person: means are right
    and intervals are not asked for.
    """
    if seen.rows is None:
        return np.zeros(len(seen.weights), int), seen.weights
    return held_out.persons[seen.rows], seen.weights


def _per_row(y_pred):
    """Return one number a row: the mean over outputs."""
    y_pred = np.asarray(y_pred, dtype=float)
    return y_pred.reshape(len(y_pred), -1).mean(axis=1)
