# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world whose people see a function of the predictions."""

from collections.abc import Callable

import numpy as np

from skperf.shift._predictor import (
    PredictionFunction,
    TransformedPredictor,
    as_prediction_function,
)
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._row_slopes import row_slopes
from skperf.shift._sample import Floats, Sample, Table
from skperf.shift._world import State, World
from skperf.shift._world_around import WorldBehind


class TransformedWorld(WorldBehind[State]):
    """Another world, which meets transformed predictions."""

    def __init__(self, world: World, func: Callable[[Floats], Floats]) -> None:
        super().__init__(world)
        self.func = func

    def pull_back(
        self, state: State, predictor: PredictionFunction, cotangent: Cotangent
    ) -> tuple[Cotangent, list[PullBack]]:
        """Return the derivatives by the predictions before their transformation."""
        seen = self._show(predictor)
        cotangent, pull_backs = self.world.pull_back(state, seen, cotangent)
        return cotangent, [self._chain(p, predictor) for p in pull_backs]

    def _chain(self, pull_back: PullBack, predictor: PredictionFunction) -> PullBack:
        if not pull_back.v.any():  # nobody has asked for predictions
            return pull_back
        y_pred = np.asarray(predictor(pull_back.X), dtype=float)
        slopes = row_slopes(self.func, y_pred)
        return pull_back._replace(v=(pull_back.v * slopes.T).T)

    def __call__(
        self, y_pred: Floats, predictor: Callable[[Table], Floats] | None = None
    ) -> Sample:
        """Return what is seen in the first round."""
        seen = None if predictor is None else self._show(predictor)
        return self.world(self.func(y_pred), seen)

    def _show(self, predictor: Callable[[Table], Floats]) -> TransformedPredictor:
        return TransformedPredictor(as_prediction_function(predictor), self.func)
