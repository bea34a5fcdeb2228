# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows first, labels later: which logged row a label belongs to."""

import warnings
from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import column_or_1d

from skperf.exceptions import MissingLabelsWarning
from skperf.shift._sample import Floats, Table


class Labelled(TypedDict):
    """What ``partial_fit`` takes: rows that have their labels by now."""

    X: Table
    y: Table
    groups: NDArray | None
    period: Hashable
    deployed: int | None


class Decisions(NamedTuple):
    """The rows that were predicted in a period, and the labels that have come."""

    ids: NDArray  # one a row
    numbers: NDArray[np.int64]  # of the rows
    labels: dict[int, object]  # by the number of the row


class Logged(NamedTuple):
    """A period in memory: what was seen, who it was, and which labels have come."""

    X: Table
    y_pred: Floats
    decisions: Decisions


def check_ids(ids: ArrayLike, X: Table, period: Hashable) -> NDArray:
    """Return one id a row, or say why labels could not find their rows by them."""
    persons = np.asarray(column_or_1d(ids))
    check_consistent_length(X, persons)
    values, counts = np.unique(persons, return_counts=True)
    if len(values) < len(persons):
        raise ValueError(
            f"The ids {values[counts > 1][:5].tolist()} are there several times in "
            f"{period!r}; expected each once, so that a label finds its row. Log them "
            "in periods of their own, such as days."
        )
    return persons


def find_rows(
    logged: Mapping[Hashable, Decisions],
    ids: ArrayLike,
    y: ArrayLike,
    period: Hashable = None,
) -> dict[Hashable, tuple[list[int], list]]:
    """Return the rows that get a label, and the labels, by period.

    A label that is there already is left out, so that a batch may be sent twice.
    """
    people, labels = (np.asarray(column_or_1d(v)).tolist() for v in (ids, y))
    check_consistent_length(people, labels)
    if period is not None and period not in logged:
        raise ValueError(f"{period!r} is no period that was logged: {list(logged)}.")
    chosen = logged if period is None else {period: logged[period]}
    places = _places(chosen)
    _require_known(people, places, chosen)
    found: dict[Hashable, tuple[list[int], list]] = {}
    for person, label in zip(people, labels, strict=True):
        name, number = places[person][0]
        known = logged[name].labels.get(number)
        if known is None:
            numbers, new = found.setdefault(name, ([], []))
            numbers.append(number)
            new.append(label)
        elif known != label:
            raise ValueError(
                f"The row of {person!r} in {name!r} has the label {known!r}; got "
                f"{label!r}. A label is given once: models may have learnt it."
            )
    return found


def choose_labelled(
    decisions: Decisions, taken: Collection[int], period: Hashable
) -> NDArray[np.intp]:
    """Return the places of the rows that have a label and were not trained on."""
    numbers = decisions.numbers.tolist()
    new = [number in decisions.labels and number not in taken for number in numbers]
    if not any(new):
        raise ValueError(
            f"No row of {period!r} has a label that no model was trained on: "
            f"{len(numbers)} were logged, {len(decisions.labels)} have a label, "
            f"{len(taken)} were trained on."
        )
    return np.flatnonzero(new)


def warn_of_missing(decisions: Decisions, period: Hashable) -> None:
    """Say how many labels are missing."""
    n_rows, n_labels = len(decisions.numbers), len(decisions.labels)
    if n_labels < n_rows:
        warnings.warn(
            f"{n_rows - n_labels} of {n_rows} rows of {period!r} have no label yet. "
            "Training takes the others. Where labels come early for some people and "
            "late for others, those are not like everyone.",
            MissingLabelsWarning,
            stacklevel=3,
        )


def name_training(period: Hashable, n_before: int) -> Hashable:
    """Return what a further training on a logged period is called."""
    return period if not n_before else f"{period} ({n_before + 1})"


def _places(chosen: Mapping[Hashable, Decisions]) -> dict:
    places: dict = {}
    for name, decisions in chosen.items():
        for person, number in zip(
            decisions.ids.tolist(), decisions.numbers.tolist(), strict=True
        ):
            places.setdefault(person, []).append((name, number))
    return places


def _require_known(ids: list, places: dict, chosen: Mapping) -> None:
    if len(set(ids)) < len(ids):
        raise ValueError("Some ids are there several times; give each label once.")
    unknown = [person for person in ids if person not in places]
    if unknown:
        raise ValueError(
            f"{len(unknown)} ids are not those of logged rows, such as {unknown[:5]}. "
            f"Logged periods: {list(chosen)}. Ids are compared by value: no text "
            "equals a number."
        )
    several = [person for person in ids if len(places[person]) > 1]
    if several:
        names = [name for name, _ in places[several[0]]]
        raise ValueError(
            f"{several[0]!r} was logged in several periods: {names}. Name the one that "
            "the labels belong to, as in label(ids, y, period=...)."
        )
