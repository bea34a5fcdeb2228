# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The world of a shift whose author wrote ``sample`` and nothing else."""

from collections.abc import Callable
from typing import Protocol

from numpy.random import RandomState

from skperf.shift._dice import Dice
from skperf.shift._loan import Lent, told_to_copy
from skperf.shift._predictor import PredictionFunction, as_prediction_function
from skperf.shift._pull_back import Cotangent, PullBack, check_pull_back
from skperf.shift._sample import (
    Floats,
    Sample,
    Table,
    check_sample,
    keep_labels,
    require_outputs,
)
from skperf.shift._world import World


class SamplingShift(Protocol):
    """What a bound shift asks of a shift."""

    is_random: bool | None

    @property
    def is_differentiable(self) -> bool:
        """Whether there is a pull-back."""

    def sample(
        self,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: PredictionFunction | None = None,
        sample_weight: Floats | None = None,
        random_state: int | RandomState | None = None,
    ) -> Sample:
        """Return the data seen under a model."""

    def pull_back(
        self,
        cotangent: Cotangent,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: PredictionFunction | None = None,
        sample_weight: Floats | None = None,
    ) -> tuple[Cotangent, Floats | list[PullBack]]:
        """Return derivatives by the base rows and the predictions."""


class BoundShift(World[Dice]):
    """A population, a shift, and the dice that it may throw."""

    def __init__(self, shift: SamplingShift, base: Sample, dice: Dice) -> None:
        self.shift = shift
        self.base = base
        self.dice = dice
        self.is_random = bool(shift.is_random)

    def start(self) -> Dice:
        """Return the first throw."""
        return self.dice

    def react(self, state: Dice, predictor: PredictionFunction) -> tuple[Sample, Dice]:
        """Return the shift's sample; the dice stay where they were not thrown."""
        return self._ask(state, predictor(self.base.X), predictor)

    def __call__(
        self, y_pred: Floats, predictor: Callable[[Table], Floats] | None = None
    ) -> Sample:
        """Return the shift's sample at the first throw."""
        known = None if predictor is None else as_prediction_function(predictor)
        sample, _ = self._ask(self.dice, y_pred, known)
        return sample

    @property
    def is_differentiable(self) -> bool:  # type: ignore[override]  # it may draw
        """Whether the author has given derivatives, of data that are not drawn."""
        return self.shift.is_differentiable and not self.is_random

    def pull_back(
        self, state: Dice, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Return the shift's derivatives."""
        if not self.is_differentiable:
            return super().pull_back(state, predictor, cotangent)
        y_pred = predictor(self.base.X)
        lent = Lent(self.base, y_pred)
        with told_to_copy(type(self.shift).__name__):
            returned = self.shift.pull_back(
                cotangent,
                lent.X.shown,
                lent.y.shown,
                lent.y_pred.shown,
                predictor=predictor,
                sample_weight=lent.sample_weight.shown,
            )
        cotangent, pull_backs = check_pull_back(returned, self.base, self.shift)
        return cotangent, [
            pull_back._replace(X=lent.X.take_back(pull_back.X))
            for pull_back in pull_backs
        ]

    def label(self, returned: object) -> Sample:
        """Return what the author gave as a sample with the labels of the people."""
        sample = check_sample(returned, self.shift)
        require_outputs(sample.y, self.base.y, self.shift)
        return keep_labels(sample, self.base)

    def _ask(
        self, dice: Dice, y_pred: Floats, predictor: PredictionFunction | None
    ) -> tuple[Sample, Dice]:
        random_state = dice.random_state()
        before = _position(random_state)
        lent = Lent(self.base, y_pred)
        with told_to_copy(type(self.shift).__name__):
            returned = self.shift.sample(
                lent.X.shown,
                lent.y.shown,
                lent.y_pred.shown,
                predictor=predictor,
                sample_weight=lent.sample_weight.shown,
                random_state=random_state,
            )
        thrown = _position(random_state) != before
        if self.shift.is_random is None:  # nothing was declared, so we look
            self.is_random |= thrown
        sample = self.label(lent.take_back(returned))
        return sample, dice.thrown() if thrown else dice


def _position(random_state: RandomState) -> tuple[object, ...]:
    """Return where a generator stands, to see whether somebody has drawn from it."""
    state = random_state.get_state(legacy=False)
    place = state["buffer_pos"], state["has_uint32"], state["has_gauss"]
    return *state["state"]["counter"].tolist(), *place
