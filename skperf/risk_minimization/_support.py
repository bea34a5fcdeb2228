# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The rows of people on which a sample and its correction lie, each of them once."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skperf.shift import PullBack, Sample
from skperf.shift._sample import Floats, Rows, Table, as_weights
from skperf.utils._rows import number_rows
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import concatenate, take_rows


class Support(NamedTuple):
    """Distinct rows of several tables, the person of each, and where tables have them.

    The first table is that of the sample; the others are those of the pull-backs.
    """

    tables: Sequence[Table]
    X: Table
    groups: NDArray | None
    places: Sequence[Rows]  # of the rows of each table
    first: Rows  # of each distinct row, in the tables one after the other

    def sum(self, table: int, values: Floats) -> Floats:
        """Return the sums of what the rows of a table bear, over equal rows."""
        places, n_rows = self.places[table], len(self.first)
        columns = values.reshape(len(values), -1).T
        sums = np.empty((n_rows, len(columns)))
        for total, column in zip(sums.T, columns, strict=True):
            total[:] = np.bincount(places, column, minlength=n_rows)
        return sums.reshape(n_rows, *values.shape[1:])

    def ask(self, respond: Callable[[Table], Floats]) -> Floats:
        """Return the answers about the distinct rows, asked for whole tables."""
        answers = {id(table): respond(table) for table in self.tables}
        whole = [answers[id(table)] for table in self.tables]
        alone = len(answers) == 1
        return (whole[0] if alone else np.concatenate(whole))[self.first]


def find_support(
    base: Sample, sample: Sample, pull_backs: Sequence[PullBack]
) -> Support:
    """Return the rows of a sample and of the pull-backs from it.

    Rows of different people are kept apart, as far as people are known. Where one
    table has them all there is nothing to compare.
    """
    tables = [sample.X, *[pull_back.X for pull_back in pull_backs]]
    given = [sample.groups, *[pull_back.groups for pull_back in pull_backs]]
    persons = [
        _row_numbers(X) if g is None and base.groups is None and X is base.X else g
        for X, g in zip(tables, given, strict=True)
    ]
    if all(table is sample.X for table in tables):
        rows = _row_numbers(sample.X)
        return Support(tables, sample.X, persons[0], [rows] * len(tables), rows)
    stacked = concatenate(tables)
    numbers, first = number_rows(stacked)
    groups: NDArray | None = None
    known = [labels for labels in persons if labels is not None]
    if len(known) == len(persons):
        groups = np.concatenate(known)
        labels = np.unique(groups, return_inverse=True)[1]
        numbers, first = number_rows(np.stack([numbers, labels], axis=1))
        groups = groups[first]
    bounds = np.cumsum([_num_samples(table) for table in tables])[:-1]
    places = np.split(numbers, bounds)
    return Support(tables, take_rows(stacked, first), groups, places, first)


def _row_numbers(X: Table) -> Rows:
    return np.arange(_num_samples(X))


def weights_of(sample: Sample) -> Floats:
    """Return the weight of each row."""
    return as_weights(sample.sample_weight, _num_samples(sample.X))
