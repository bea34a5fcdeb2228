# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The world of a shift that treats each row alone, on tables in blocks."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import Floats, Sample, Table, keep_labels
from skperf.shift._world import World
from skperf.utils._by_rows import derive_rows, map_rows

#: What a shift may make of a row: "X", "y" or "sample_weight".
Parts = tuple[str, ...]


class RowwiseShift(Protocol):
    """What the world asks of a shift."""

    @property
    def by_rows(self) -> Parts:
        """What it makes of each row."""

    def sample(
        self,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: Callable[[Table], Floats] | None = None,
        sample_weight: Floats | None = None,
        random_state: int | RandomState | None = None,
    ) -> Sample:
        """Return the data seen under a model."""


class RowwiseWorld(World[None]):
    """People in blocks, each of whom reacts alone."""

    is_random = False

    def __init__(self, shift: RowwiseShift, base: Sample) -> None:
        self.shift = shift
        self.base = base

    def react(self, state: None, predictor: PredictionFunction) -> tuple[Sample, None]:
        """Return what the shift makes of each block, made whenever it is read."""
        X, y, weights, *_ = self.base
        tables = X, y, predictor(X), weights
        shared = {"shift": self.shift, "predictor": predictor}
        sample = Sample(*self.base[:3])
        for name in self.shift.by_rows:
            asked = shared | {"part": name}
            if name == "sample_weight":
                made = map_rows(_react, *tables, **asked)
            else:
                made = derive_rows(_react, *tables, like=getattr(sample, name), **asked)
            sample = sample._replace(**{name: made})
        return keep_labels(sample, self.base), state


def _react(
    X: Table,
    y: Table,
    y_pred: Floats,
    weights: Floats | None,
    *,
    part: str,
    shift: RowwiseShift,
    predictor: PredictionFunction,
) -> NDArray:
    """Return a part of the sample that a block of people becomes."""
    sample = shift.sample(X, y, y_pred, predictor=predictor, sample_weight=weights)
    return np.asarray(getattr(sample, part))


def require_rowwise(shift: RowwiseShift) -> None:
    """Raise a TypeError where a shift has to see a whole table."""
    if not shift.by_rows:
        raise TypeError(
            f"{type(shift).__name__} sees a population as a whole, and X is read in "
            "batches. ResampleIfRejected, StrategicResponse and OutcomeShift work by "
            "batch; so does a shift of your own whose sample treats each row alone and "
            "draws nothing, if it declares what it makes, as in by_rows = ('X',)."
        )
