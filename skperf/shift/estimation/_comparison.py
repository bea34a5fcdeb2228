# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Data and samples of a shift side by side, as a function of its strengths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.base import clone

from skperf.shift._base import BaseShift
from skperf.shift._deployment import Deployment
from skperf.shift._predictor import as_prediction_function
from skperf.shift._sample import Floats, Sample
from skperf.shift._strength import Strength
from skperf.shift.estimation._memoryless import require_memoryless_world
from skperf.shift.estimation._replicates import Replicates, take_people
from skperf.shift.estimation._summaries import Summary
from skperf.shift.estimation._told import require_before, told_before

N_REPLICATES = 100
_STEP = 0.02  # of differences, wide since samples that are drawn are not smooth


@dataclass(frozen=True, eq=False)
class Experience:
    """One deployment, what people were told, and how it is looked at."""

    deployment: Deployment
    before: Sample
    told: Floats
    summary: Summary

    @classmethod
    def of(cls, deployment: Deployment, asker: str) -> Self:
        """Return a deployment that has all that a simulation needs."""
        before = require_before(deployment, asker)
        if deployment.perturbation is not None and deployment.y_pred is None:
            raise ValueError(
                f"{asker} is simulated from what people were told, perturbations "
                "included: record it as y_pred."
            )
        predictor = deployment.predictor
        if predictor is not None:
            predictor = as_prediction_function(predictor)
        told = told_before(deployment, asker)
        return cls(deployment, before, told, Summary(before, predictor))

    def gap(
        self, shift: BaseShift, before: Sample, after: Sample, told: Floats, seed: int
    ) -> Floats:
        """Return the means of the data minus those of a sample."""
        world = shift.bind(
            before.X, before.y, sample_weight=before.sample_weight, random_state=seed
        )
        require_memoryless_world(world, shift)
        expected = world(told, self.summary.predictor)
        return self.summary(after) - self.summary(expected)


@dataclass(frozen=True, eq=False)
class Comparison:
    """All deployments against a shift with some strengths."""

    shift: BaseShift
    names: Sequence[str]
    experiences: Sequence[Experience]
    replicates: Replicates

    @classmethod
    def of(
        cls, shift: BaseShift, names: Sequence[str], records: Sequence[Deployment]
    ) -> Self:
        """Return the comparison of checked deployments."""
        asker = f"{' and '.join(names)} of {type(shift).__name__}"
        experiences = [Experience.of(deployment, asker) for deployment in records]
        return cls(shift, names, experiences, Replicates.of(records))

    @property
    def bounds(self) -> list[Strength]:
        """What is known of each strength."""
        return [self.shift.strengths.get(name, Strength()) for name in self.names]

    @property
    def limits(self) -> tuple[list[float], list[float]]:
        """The lowest and the highest strengths."""
        return [b.low for b in self.bounds], [b.high for b in self.bounds]

    @property
    def start(self) -> Floats:
        """The strengths that the shift has, off the ends of their ranges."""
        params = self.shift.get_params()
        values = np.array([float(params[name]) for name in self.names])
        inside = 1e-3 * self.scales(values)
        low, high = np.array(self.limits)
        return np.clip(values, low + inside, high - inside)

    def scales(self, values: Floats) -> Floats:
        """Return by how much strengths may change without being others altogether."""
        low, high = np.array(self.limits)
        return np.minimum(np.maximum(np.abs(values), 0.5), high - low)

    def gaps(self, values: Floats, replicate: int = 0) -> Floats:
        """Return the means of the data minus those of the samples.

        A replicate has people drawn from those of the data, and other random numbers of
        the shift; all strengths see the same. Number 0 is the data.
        """
        return self._gaps(self._with(values), replicate)

    def _with(self, values: Floats) -> BaseShift:
        named = dict(zip(self.names, values.tolist(), strict=True))
        return clone(self.shift).set_params(**named)

    def _gaps(self, shift: BaseShift, replicate: int) -> Floats:
        gaps = []
        for experience, (rows, after_rows) in zip(
            self.experiences, self.replicates.rows(replicate), strict=True
        ):
            before = take_people(experience.before, rows)
            after = take_people(experience.deployment.after, after_rows)
            told = experience.told if rows is None else experience.told[rows]
            gaps.append(experience.gap(shift, before, after, told, replicate))
        return np.concatenate(gaps)

    def covariance(self, values: Floats, first: int = 1) -> Floats:
        """Return the covariance of the gaps, over replicates from a first one on."""
        numbers = range(first, first + N_REPLICATES)
        shift = self._with(values)
        drawn = [self._gaps(shift, number) for number in numbers]
        return np.atleast_2d(np.cov(np.array(drawn).T))

    def slopes(self, values: Floats) -> Floats:
        """Return the derivatives of the gaps by the strengths."""
        low, high = np.array(self.limits)
        columns = []
        for step in np.diag(_STEP * self.scales(values)):
            above, below = (
                np.minimum(values + step, high),
                np.maximum(values - step, low),
            )
            rise = self.gaps(above) - self.gaps(below)
            columns.append(rise / (above - below).sum())
        return np.column_stack(columns)
