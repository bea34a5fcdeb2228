# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Worlds as the loop meets them: several models are deployed in them at once."""

from collections.abc import Sequence
from typing import Protocol

from skperf.retraining._model import DeployedModel
from skperf.shift import Sample, World
from skperf.shift._sample import check_sample
from skperf.shift._world import State


class SharedWorld(Protocol):
    """A world in which every learner sees a sample of its own."""

    answers: bool  # whether it can be asked what people would do

    def start(self) -> State:
        """Return the state before anybody has met a model."""

    def react(
        self, state: State, predictors: Sequence[DeployedModel]
    ) -> tuple[Sequence[Sample], State]:
        """Return what each learner sees, and what is remembered."""

    def settle(
        self, state: State, predictors: Sequence[DeployedModel]
    ) -> Sequence[Sample]:
        """Return what each learner would see if all models stayed."""


class SimulatedWorld:
    """The world of one shift, with one model in it."""

    answers = True

    def __init__(self, world: World, shift: object) -> None:
        self.world = world
        self.shift = shift  # whom to name if a sample is wrong

    def start(self) -> State:
        """Return the state before anybody has met the model."""
        return self.world.start()

    def react(
        self, state: State, predictors: Sequence[DeployedModel]
    ) -> tuple[Sequence[Sample], State]:
        """Return what is seen under the model."""
        sample, state = self.world.react(state, *predictors)
        return [check_sample(sample, self.shift)], state

    def settle(
        self, state: State, predictors: Sequence[DeployedModel]
    ) -> Sequence[Sample]:
        """Return what would be seen if the model stayed."""
        return [check_sample(self.world.settle(state, *predictors), self.shift)]


class ObservedWorld:
    """The world outside, which has shown one sample and cannot be asked for another."""

    answers = False

    def __init__(self, seen: Sample) -> None:
        self.seen = seen

    def start(self) -> State:
        """Return None: what the world remembers is its own affair."""
        return None

    def react(
        self, state: State, predictors: Sequence[DeployedModel]
    ) -> tuple[Sequence[Sample], State]:
        """Return what was seen."""
        return [self.seen], state

    def settle(
        self, state: State, predictors: Sequence[DeployedModel]
    ) -> Sequence[Sample]:
        """Return what was seen; nothing else is known."""
        return [self.seen]
