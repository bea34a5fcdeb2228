# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world in which each model has stayed for long."""

from skperf.shift._predictor import PredictionFunction
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._sample import Sample
from skperf.shift._world_around import WorldAround


class WorldAtRest(WorldAround[None]):
    """Another world at the equilibrium of the model that it meets.

    What counts for a model that is to stay is the data of the long run, whatever was
    deployed before.
    """

    def react(self, state: None, predictor: PredictionFunction) -> tuple[Sample, None]:
        """Return what is seen once people have got used to the model."""
        return self.world.settle(self.world.start(), predictor), state

    def pull_back(
        self, state: None, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Return the derivatives at the equilibrium."""
        return self.world.pull_back(self.world.start(), predictor, cotangent)
