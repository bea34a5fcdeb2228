# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whether the risk has settled, though the predictions have not.

A boosted tree may flip its splits for ever without anybody losing by it.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from skperf.retraining._history import History
from skperf.retraining._losses import weighted_mean
from skperf.shift import Sample
from skperf.shift._sample import Floats

_N_GROUPS = 997  # of persons, whose errors are summed: a round costs 8 kB
_MIN_LATER = 3  # rounds that a round is compared with
_N_ERRORS = 2
_DRIFT = 1.7  # moves in one direction add up to 2, independent ones to sqrt(2)


class SettledRisk(TypedDict):
    """From which round on the risk stays, where, and within which interval."""

    round: int
    risk: float
    interval: tuple[float, float]


def risk_errors(losses: Floats, sample: Sample) -> Floats:
    """Return by how much groups of persons move the risk away from its mean.

    The squares of the entries sum up to its variance, those of the difference of two
    rounds to that of theirs, paired over persons. Rows without persons are those of the
    base population, if they are as many; in any order that is right for independent
    people, whose pairs are worth nothing.
    """
    weights = sample.sample_weight
    errors = np.subtract(losses, weighted_mean(losses, weights), dtype=float)
    if weights is not None:
        errors *= weights
    errors /= len(losses) if weights is None else weights.sum()
    persons = None if sample.groups is None else np.asarray(sample.groups)
    if persons is None or np.array_equal(persons, np.arange(len(losses))):
        table = np.zeros((-(-len(errors) // _N_GROUPS), _N_GROUPS))
        table.ravel()[: len(errors)] = errors
        return table.sum(axis=0)  # six times as fast
    if not np.issubdtype(persons.dtype, np.integer):
        persons = np.unique(persons, return_inverse=True)[1]
    groups = persons % _N_GROUPS
    return np.bincount(groups, weights=errors, minlength=_N_GROUPS).astype(float)


def settled_risk(
    history: History, errors: Sequence[Floats | None]
) -> SettledRisk | None:
    """Return the first round after which the mean risk stays within its noise.

    None where there is none, where fewer than three rounds follow, and where all moves
    go in one direction, as they do where the data run away from the model.
    """
    known = np.array([number for number, e in enumerate(errors) if e is not None], int)
    if len(known) <= _MIN_LATER or _drifts(history):
        return None
    risks = history["risk_before"][known]
    table = np.array([errors[number] for number in known])
    for place in range(len(known) - _MIN_LATER):
        later = slice(place + 1, None)
        change = risks[later].mean() - risks[place]
        noise = np.linalg.norm(table[later].mean(axis=0) - table[place])
        if abs(change) <= _N_ERRORS * noise and noise > 0:
            risk = float(risks[place:].mean())
            width = _N_ERRORS * float(np.linalg.norm(table[place:].mean(axis=0)))
            interval = (risk - width, risk + width)
            return SettledRisk(
                round=int(known[place]) + 1, risk=risk, interval=interval
            )
    return None


def _drifts(history: History) -> bool:
    """Return whether the last moves add up."""
    gaps, over_two = history["prediction_gap"], history["two_back_gap"]
    moves = gaps[1:] + gaps[:-1]
    return bool(np.median(over_two[1:] / np.maximum(moves / 2, 1e-300)) > _DRIFT)
