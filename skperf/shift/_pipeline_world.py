# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The world of several shifts, each on the population that the last one left."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from skperf.shift._binding import BindingShift, bind_to_sample
from skperf.shift._predictor import PredictionFunction, require_predictor
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._questions import move_questions
from skperf.shift._sample import Floats, Sample, Table, check_sample
from skperf.shift._world import State, World

States: TypeAlias = tuple[State, ...]


class PipelineWorld(World[States]):
    """Worlds one after the other; all but the first are made anew in each round.

    The state is a tuple with the state of each step. A later step is bound to another
    population in each round, always with the same seed, and goes on from its own state.
    """

    def __init__(
        self, first: World, later: Sequence[BindingShift], seeds: Sequence[int]
    ) -> None:
        self.base = first.base
        self.first = first
        self.later = tuple(zip(later, seeds, strict=True))
        self.is_random = first.is_random  # a later step tells when it is met

    def start(self) -> States:
        """Return the state of the first step; the others start when they are met."""
        return self.first.start(), *[None] * len(self.later)

    def react(
        self, state: States, predictor: PredictionFunction
    ) -> tuple[Sample, States]:
        """Let the steps react, one after the other."""
        return self._pass_on(state, lambda world, own: world.react(own, predictor))

    def settle(self, state: States, predictor: PredictionFunction) -> Sample:
        """Let the steps settle, one after the other."""
        sample, _ = self._pass_on(
            state, lambda world, own: (world.settle(own, predictor), own)
        )
        return sample

    @property
    def is_differentiable(self) -> bool:  # type: ignore[override]  # of all steps
        """Whether all steps are differentiable."""
        later = (getattr(shift, "is_differentiable", False) for shift, _ in self.later)
        return self.first.is_differentiable and all(later)

    def pull_back(
        self, state: States, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Go through the steps with the samples between them, and back."""
        steps: list[tuple[World, State]] = []

        def settle(world: World, own: State) -> tuple[Sample, State]:
            steps.append((world, own))
            return world.settle(own, predictor), own

        self._pass_on(state, settle)
        pull_backs: list[PullBack] = []
        for world, own in reversed(steps):
            cotangent, asked = world.pull_back(own, predictor, cotangent)
            if world.base.X is not self.base.X:  # others than the base rows
                cotangent = move_questions(predictor, asked, cotangent)
                asked = [pull_back._replace(of_base=False) for pull_back in asked]
            pull_backs = asked + pull_backs
        return cotangent, pull_backs

    def __call__(
        self, y_pred: Floats, predictor: Callable[[Table], Floats] | None = None
    ) -> Sample:
        """Return what is seen in the first round."""
        if self.later:
            predictor = require_predictor("ShiftPipeline", predictor)
        return super().__call__(y_pred, predictor)

    def _pass_on(
        self,
        state: States,
        meet: Callable[[World, State], tuple[Sample, State]],
    ) -> tuple[Sample, States]:
        sample, own = meet(self.first, state[0])
        self.is_random |= self.first.is_random
        states = [own]
        for (shift, seed), own in zip(self.later, state[1:], strict=True):
            world = bind_to_sample(shift, sample, seed)
            moved, own = meet(world, world.start() if own is None else own)
            self.is_random |= world.is_random
            sample = self._keep_labels(check_sample(moved, shift), sample)
            states.append(own)
        return sample, tuple(states)

    def _keep_labels(self, moved: Sample, given: Sample) -> Sample:
        """Return a later step's sample; it knows no more of people than was given."""
        unknown = given.groups is None and given.X is not self.base.X
        same_rows = moved.X is given.X and moved.y is given.y
        return moved._replace(
            groups=None if unknown else moved.groups,
            support=given.support if same_rows else None,  # a later world is made anew
        )
