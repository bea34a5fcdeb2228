# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The people of some deployments drawn anew, to see how much means vary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from skperf.shift._deployment import Deployment
from skperf.shift._sample import Rows, Sample
from skperf.shift.estimation._people import People
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import take_rows


@dataclass(frozen=True, eq=False)
class Replicates:
    """Bootstrap: persons drawn with replacement, alike wherever they are seen.

    Parameters
    ----------
    people : sequence of Sample
        The different samples.

    places : sequence of (int, int)
        Which of them stand before and after each deployment.
    """

    people: Sequence[Sample]
    places: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, records: Sequence[Deployment]) -> Self:
        """Return the replicates of deployments; pairs stay together."""
        people: list[Sample] = []
        places = []
        for deployment in records:
            assert deployment.before is not None
            before = _place(people, deployment.before)
            paired = deployment.paired
            after = before if paired else _place(people, deployment.after)
            places.append((before, after))
        return cls(people, places)

    def rows(self, number: int) -> list[tuple[Rows | None, Rows | None]]:
        """Return the rows before and after each deployment; None for all, as 0 has."""
        if not number:
            return [(None, None)] * len(self.places)
        rng = np.random.default_rng(number)
        drawn = [_draw(sample, rng) for sample in self.people]
        return [(drawn[before], drawn[after]) for before, after in self.places]


def _place(people: list[Sample], sample: Sample) -> int:
    """Return where a sample stands among the others, with whom it may be the same."""
    for place, other in enumerate(people):
        if People.of(other).are(People.of(sample)):
            return place
    people.append(sample)
    return len(people) - 1


def _draw(sample: Sample, rng: np.random.Generator) -> Rows:
    n_rows = _num_samples(sample.X)
    if sample.groups is None:
        return rng.integers(n_rows, size=n_rows)
    _, codes = np.unique(np.asarray(sample.groups), return_inverse=True)
    n_persons = codes.max() + 1
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes))
    starts = np.concatenate([[0], ends[:-1]])
    drawn = rng.integers(n_persons, size=n_persons)
    return np.concatenate([order[starts[person] : ends[person]] for person in drawn])


def take_people(sample: Sample, rows: Rows | None) -> Sample:
    """Return rows of a sample, all of it for None."""
    if rows is None:
        return sample
    weights = sample.sample_weight
    return Sample(
        take_rows(sample.X, rows),
        take_rows(sample.y, rows),
        None if weights is None else weights[rows],
    )
