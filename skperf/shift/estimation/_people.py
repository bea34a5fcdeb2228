# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People who were sampled independently of each other: means and their errors."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from skperf.shift._sample import Floats, Rows, Sample, as_weights
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import equal_tables


@dataclass(frozen=True, eq=False)
class People:
    """A sample as a source of means; rows of one person are not independent."""

    sample: Sample
    kept: Rows  # the rows that count

    @classmethod
    def of(cls, sample: Sample, kept: Rows | None = None) -> Self:
        """Return the people of a sample, or of some rows of it."""
        return cls(sample, np.arange(_num_samples(sample.X)) if kept is None else kept)

    def __len__(self) -> int:
        return len(self.kept)

    @cached_property
    def weights(self) -> Floats:
        """The weights of the rows, which sum to one."""
        weights = as_weights(self.sample.sample_weight, _num_samples(self.sample.X))
        return weights[self.kept] / weights[self.kept].sum()

    def mean(self, values: Floats) -> Floats:
        """Return the mean of values, of one row each."""
        return self.weights @ values

    def errors(self, values: Floats) -> Floats:
        """Return each person's part in the error of the mean; their squares add up.

        There is a place for every row of the sample, and a person's part stands at the
        first of their rows.
        """
        parts = (self.weights * (values - self.mean(values)).T).T
        n_rows = _num_samples(self.sample.X)
        errors = np.zeros((n_rows, *np.shape(values)[1:]))
        np.add.at(errors, self._firsts[self.kept], parts)
        n_persons = max(len(np.unique(self._firsts[self.kept])), 2)
        return errors * np.sqrt(n_persons / (n_persons - 1))

    @cached_property
    def _firsts(self) -> Rows:
        """The first row of each row's person."""
        groups = self.sample.groups
        if groups is None:
            return np.arange(_num_samples(self.sample.X))
        _, first, codes = np.unique(
            np.asarray(groups), return_index=True, return_inverse=True
        )
        return first[codes]

    def are(self, others: "People") -> bool:
        """Return whether these are the same people, seen at the same time."""
        ours, theirs = self.sample, others.sample
        if ours.support is not None and ours.support == theirs.support:
            return True
        return equal_tables(ours.X, theirs.X) and equal_tables(ours.y, theirs.y)
