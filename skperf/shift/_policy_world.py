# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A world whose people meet decisions, made by a rule that may look at all of them."""

from collections.abc import Callable
from typing import TypeAlias

from skperf.shift._predictor import (
    KnownPredictor,
    PredictionFunction,
    TransformedPredictor,
    as_prediction_function,
)
from skperf.shift._sample import Floats, Sample, Table
from skperf.shift._world import State, World
from skperf.shift._world_around import WorldBehind

#: From predictions to decisions.
Rule: TypeAlias = Callable[[Floats], Floats]

#: From the predictions about everybody, and their weights, to a rule.
RuleMaker: TypeAlias = Callable[[Floats, Floats | None], Rule]


class PolicyWorld(WorldBehind[State]):
    """Another world, which meets decisions instead of predictions.

    `make_rule` is given the predictions about the base population and its weights. The
    rule that it returns holds for everybody who asks while the model is deployed.
    """

    def __init__(self, world: World, make_rule: RuleMaker) -> None:
        super().__init__(world)
        self.make_rule = make_rule

    @property
    def is_differentiable(self) -> bool:  # type: ignore[override]
        """Decisions jump."""
        return False

    def __call__(
        self, y_pred: Floats, predictor: Callable[[Table], Floats] | None = None
    ) -> Sample:
        """Return what is seen in the first round."""
        rule = self.make_rule(y_pred, self.base.sample_weight)
        seen = None
        if predictor is not None:
            seen = TransformedPredictor(as_prediction_function(predictor), rule)
        return self.world(rule(y_pred), seen)

    def _show(self, predictor: PredictionFunction) -> TransformedPredictor:
        X = self.base.X
        y_pred = predictor(X)
        known = KnownPredictor(X, y_pred, predictor, type(self).__name__)
        return TransformedPredictor(
            known, self.make_rule(y_pred, self.base.sample_weight)
        )
