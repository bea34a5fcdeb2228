# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What worlds have in common that are made of another one."""

from abc import abstractmethod

from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import Sample
from skperf.shift._world import S, World


class WorldAround(World[S]):
    """Another world, met in another way: as random and differentiable as that."""

    def __init__(self, world: World) -> None:
        self.base = world.base
        self.world = world

    @property
    def is_random(self) -> bool:  # type: ignore[override]  # it is the other's
        """Whether the other world is random."""
        return self.world.is_random

    @property
    def is_differentiable(self) -> bool:  # type: ignore[override]  # it is the other's
        """Whether the other world is differentiable."""
        return self.world.is_differentiable


class WorldBehind(WorldAround[S]):
    """Another world, whose people meet something made of the predictions."""

    @abstractmethod
    def _show(self, predictor: PredictionFunction) -> PredictionFunction:
        """Return what people meet of a model."""

    def start(self) -> S:
        """Return the state of the other world."""
        return self.world.start()

    def react(self, state: S, predictor: PredictionFunction) -> tuple[Sample, S]:
        """Let the other world react to what it is shown."""
        return self.world.react(state, self._show(predictor))

    def settle(self, state: S, predictor: PredictionFunction) -> Sample:
        """Let the other world settle under what it is shown."""
        return self.world.settle(state, self._show(predictor))
