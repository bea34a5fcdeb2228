# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What each way to an optimum needs, and which one an estimator and a world allow."""

from sklearn.base import is_classifier

from skperf.retraining._learner import copy_model
from skperf.retraining._output_losses import find_output_loss
from skperf.retraining._performative_slope import DifferencedRisk, PerformativeSlope
from skperf.shift import Parameters, ResampleIfRejected

MOST_NUMBERS = 100  # whose differences are taken

#: Scores that are the losses which retraining is corrected for.
_SAME = (None, "neg_log_loss", "neg_mean_squared_error")
_LOSSES = {"log_loss", "squared_error", "squared_loss"}


def choose_method(minimizer, world, predictor):
    """Return "retrain" or "gradient", or say why neither is possible."""
    if minimizer.method != "auto":
        return minimizer.method
    refused = gradient_obstacle(minimizer, world, predictor)
    if refused is None:
        return "gradient"
    also = retrain_obstacle(minimizer, world)
    if also is None:
        return "retrain"
    raise ValueError(
        f"No method='auto': for 'gradient' {refused}; for 'retrain' {also}."
    )


def require_retrainable(minimizer, world):
    """Raise a ValueError where gradient-corrected retraining is not possible."""
    obstacle = retrain_obstacle(minimizer, world)
    if obstacle is not None:
        raise ValueError(f"method='retrain' is not possible: {obstacle}.")


def retrain_obstacle(minimizer, world):
    """Return what stands in the way of gradient-corrected retraining, or None."""
    if not world.is_differentiable or world.is_random:
        return (
            f"the shift {type(minimizer.shift).__name__} has no pull-back to the "
            "predictions. Data that are drawn have none, in the faces 'drawn' and "
            "'common': take resampling='expected'; a shift of your own may have a "
            "method pull_back"
        )
    if minimizer.scoring not in _SAME:
        return (
            "retraining minimizes the log loss or the squared error, and "
            f"scoring={minimizer.scoring!r} asks for something else"
        )
    return _classifier_obstacle(minimizer) or _loss_obstacle(minimizer.estimator)


def _classifier_obstacle(minimizer):
    if not is_classifier(minimizer.estimator):
        return None
    if minimizer.response_method not in ("auto", "predict_proba"):
        return (
            f"people react to response_method={minimizer.response_method!r}; the rows "
            "that correct a retraining are made for probabilities, and hard "
            "predictions have no slope at all"
        )
    if not hasattr(minimizer.estimator, "predict_proba"):
        return (
            f"{type(minimizer.estimator).__name__} has no predict_proba, and hard "
            "predictions have no slope: take a classifier with probabilities"
        )
    return None


def _loss_obstacle(estimator):
    """Return that an estimator says itself that it minimizes another loss."""
    for name, value in estimator.get_params().items():
        is_loss = name.rpartition("__")[2] == "loss"
        if is_loss and (callable(value) or value not in _LOSSES):
            return (
                f"{type(estimator).__name__} minimizes {name}={value!r}, and the "
                "correction is made for the log loss of classifiers and the squared "
                "error of regressors"
            )
    return None


def gradient_obstacle(minimizer, world, predictor):
    """Return what stands in the way of a descent, or None."""
    if predictor.response_method == "predict" and is_classifier(predictor.estimator):
        return "hard predictions have no slope"
    if not Parameters.known(predictor.estimator):
        return (
            f"{type(predictor.estimator).__name__} is neither a linear model nor a "
            "torch module, alone or behind scalers"
        )
    if _find_loss(minimizer, world, predictor) is not None:
        return None
    n_numbers = len(Parameters(predictor.estimator, predictor.pos_label).get())
    return _differences_obstacle(minimizer, world, n_numbers)


def _differences_obstacle(minimizer, world, n_numbers):
    """Return why no differences can be taken where there is no gradient, or None."""
    if world.is_random or _jumps(minimizer.shift):
        return (
            "outcomes that are drawn have no slope, in the faces 'drawn' and 'common': "
            "take resampling='expected'"
        )
    if n_numbers > MOST_NUMBERS:
        return (
            "the risk has no gradient here, by the shift, the loss or the scoring, "
            f"and differences are taken of at most {MOST_NUMBERS} numbers; the model "
            f"has {n_numbers}"
        )
    return None


def find_slope(minimizer, world, predictor):
    """Return the performative risk with its gradient, and the numbers that it is of."""
    obstacle = gradient_obstacle(minimizer, world, predictor)
    if obstacle is not None:
        raise ValueError(f"method='gradient' is not possible: {obstacle}.")
    model = copy_model(predictor.estimator)
    parameters = Parameters(model, predictor.pos_label)
    loss = _find_loss(minimizer, world, predictor)
    if loss is not None:
        return PerformativeSlope(world, predictor, parameters, loss), parameters
    return DifferencedRisk(world, predictor, parameters, minimizer.scoring), parameters


def _find_loss(minimizer, world, predictor):
    """Return the loss that can be differentiated through this world, if it can."""
    if minimizer.scoring is not None or world.is_random:
        return None
    if not world.is_differentiable:
        return None
    return find_output_loss(predictor, world.base.X)


def _jumps(shift):
    """Return whether outcomes of the shift, or of one in it, are drawn."""
    inside = [shift, *shift.get_params().values()]
    return any(
        isinstance(one, ResampleIfRejected) and one.resampling != "expected"
        for one in inside
    )
