# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whether the performative risk of a model can be followed downhill, and how."""

import numpy as np
from sklearn.base import is_classifier

from skperf.retraining._labels import as_targets
from skperf.retraining._learner import copy_model
from skperf.retraining._model import DeployedModel
from skperf.retraining._output_losses import find_output_loss
from skperf.retraining._performative_slope import DifferencedRisk, PerformativeSlope
from skperf.retraining._scoring import Scoring
from skperf.shift import BaseShift, Parameters, World

MOST_NUMBERS = 100  # whose differences are taken


def find_slope(
    shift: BaseShift, world: World, predictor: DeployedModel, scoring: Scoring = None
) -> PerformativeSlope | DifferencedRisk | str:
    """Return the performative risk of a copy of a model by its numbers, with gradient.

    A text where there is none: what stands in the way.
    """
    if predictor.response_method == "predict" and is_classifier(predictor.estimator):
        return "hard predictions have no slope"
    if _has_strange_labels(predictor, world):
        return "there are labels that the model has never seen, whose loss has no slope"
    if not Parameters.known(predictor.estimator):
        return (
            f"{type(predictor.estimator).__name__} is neither a linear model nor a "
            "torch module, alone or behind scalers"
        )
    parameters = Parameters(copy_model(predictor.estimator), predictor.pos_label)
    if scoring is None and world.is_differentiable and not world.is_random:
        loss = find_output_loss(predictor, world.base.X)
        if loss is not None:
            return PerformativeSlope(world, predictor, parameters, loss)
    if world.is_random or _jumps(shift):
        return (
            "outcomes that are drawn have no slope, in the faces 'drawn' and 'common': "
            "take resampling='expected'; nor have decisions, which jump at a threshold"
        )
    n_numbers = len(parameters.get())
    if n_numbers > MOST_NUMBERS:
        return (
            "the risk has no gradient here, by the shift, the loss or the scoring, "
            f"and differences are taken of at most {MOST_NUMBERS} numbers; the model "
            f"has {n_numbers}"
        )
    return DifferencedRisk(world, predictor, parameters, scoring)


def _has_strange_labels(predictor: DeployedModel, world: World) -> bool:
    """Return whether people have labels to which a classifier gives no probability."""
    targets = as_targets(world.base.y)
    if not is_classifier(predictor.estimator) or targets.ndim > 1:
        return False
    return not np.isin(targets, predictor.estimator.classes_).all()


def _jumps(shift: BaseShift) -> bool:
    """Return whether the samples of a shift, or of one in it, jump."""
    inside = [shift, *shift.get_params().values()]
    return any(isinstance(one, BaseShift) and one.jumps for one in inside)
