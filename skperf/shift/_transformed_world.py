# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world whose people see a function of the predictions."""

from collections.abc import Callable

from skperf.shift._predictor import (
    PredictionFunction,
    TransformedPredictor,
    as_prediction_function,
)
from skperf.shift._sample import Floats, Sample, Table
from skperf.shift._world import State, World


class TransformedWorld(World):
    """Another world, which meets transformed predictions."""

    def __init__(self, world: World, func: Callable[[Floats], Floats]) -> None:
        self.base = world.base
        self.world = world
        self.func = func

    @property
    def is_random(self) -> bool:  # type: ignore[override]  # it is the other's
        """Whether the other world is random."""
        return self.world.is_random

    def start(self) -> State:
        """Return the state of the other world."""
        return self.world.start()

    def react(
        self, state: State, predictor: PredictionFunction
    ) -> tuple[Sample, State]:
        """Let the other world react."""
        return self.world.react(state, self._transform(predictor))

    def settle(self, state: State, predictor: PredictionFunction) -> Sample:
        """Let the other world settle."""
        return self.world.settle(state, self._transform(predictor))

    def __call__(
        self, y_pred: Floats, predictor: Callable[[Table], Floats] | None = None
    ) -> Sample:
        """Return what is seen in the first round."""
        seen = None if predictor is None else self._transform(predictor)
        return self.world(self.func(y_pred), seen)

    def _transform(self, predictor: Callable[[Table], Floats]) -> TransformedPredictor:
        return TransformedPredictor(as_prediction_function(predictor), self.func)
