# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world in which each model has stayed for long."""

from skperf.shift._predictor import PredictionFunction
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._sample import Sample
from skperf.shift._world import World


class WorldAtRest(World[None]):
    """Another world at the equilibrium of the model that it meets.

    What counts for a model that is to stay is the data of the long run, whatever was
    deployed before.
    """

    def __init__(self, world: World) -> None:
        self.base = world.base
        self.world = world

    @property
    def is_random(self) -> bool:  # type: ignore[override]  # it is the other's
        """Whether the other world is random."""
        return self.world.is_random

    def react(self, state: None, predictor: PredictionFunction) -> tuple[Sample, None]:
        """Return what is seen once people have got used to the model."""
        return self.world.settle(self.world.start(), predictor), state

    @property
    def is_differentiable(self) -> bool:  # type: ignore[override]  # it is the other's
        """Whether the other world is differentiable."""
        return self.world.is_differentiable

    def pull_back(
        self, state: None, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Return the derivatives at the equilibrium."""
        return self.world.pull_back(self.world.start(), predictor, cotangent)
