# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whether the risk has settled, though the predictions have not.

A boosted tree may flip its splits for ever without anybody losing by it.
"""

from collections.abc import Sequence
from functools import partial
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from skperf.retraining._history import History
from skperf.retraining._losses import weighted_mean
from skperf.shift import Sample
from skperf.shift._sample import Floats
from skperf.utils._by_rows import in_blocks, number_of_each, sum_rows, total

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
    weights, persons = sample.sample_weight, sample.groups
    mean = weighted_mean(losses, weights)
    weight = losses.shape[0] if weights is None else total(weights)
    if persons is not None and not in_blocks(persons):
        persons = _as_numbers(np.asarray(persons), losses.shape[0])
    if persons is None and in_blocks(losses):
        persons = number_of_each(losses)
    return sum_rows(partial(_sum_errors, mean, weight), losses, weights, persons)


def _as_numbers(persons: NDArray, n_samples: int) -> NDArray | None:
    """Return persons as integers; None for those of the base population."""
    if np.array_equal(persons, np.arange(n_samples)):
        return None
    if np.issubdtype(persons.dtype, np.integer):
        return persons
    return np.unique(persons, return_inverse=True)[1]


def _sum_errors(
    mean: float,
    weight: float,
    losses: Floats,
    sample_weight: Floats | None,
    persons: NDArray | None,
) -> Floats:
    """Return sums of errors over groups of persons; None are the rows themselves."""
    errors = np.subtract(losses, mean, dtype=float)
    if sample_weight is not None:
        errors *= sample_weight
    errors /= weight
    if persons is None:
        table = np.zeros((-(-len(errors) // _N_GROUPS), _N_GROUPS))
        table.ravel()[: len(errors)] = errors
        return table.sum(axis=0)  # six times as fast
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
