# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world that throws its dice in every round."""

from collections.abc import Callable

from skperf.shift._dice import Dice
from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import Floats, Sample
from skperf.shift._world import World


class RandomWorld(World[Dice]):
    """A world without memory whose data are drawn anew in every round."""

    is_random = True

    def __init__(
        self, base: Sample, draw: Callable[[Floats, Dice], Sample], dice: Dice
    ) -> None:
        self.base = base
        self.draw = draw
        self.dice = dice

    def start(self) -> Dice:
        """Return the first throw."""
        return self.dice

    def react(self, state: Dice, predictor: PredictionFunction) -> tuple[Sample, Dice]:
        """Return what this throw gives, and the next throw."""
        return self.draw(predictor(self.base.X), state), state.thrown()
