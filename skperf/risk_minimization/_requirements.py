# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which way to an optimum an estimator and a world allow."""

from sklearn.base import BaseEstimator, is_classifier

from skperf.retraining._descents import find_slope
from skperf.retraining._model import DeployedModel
from skperf.retraining._performative_slope import DifferencedRisk, PerformativeSlope
from skperf.shift import World

#: Scores that are the losses which retraining is corrected for.
_SAME = (None, "neg_log_loss", "neg_mean_squared_error")
_LOSSES = ("log_loss", "squared_error")


def find_descent(
    minimizer: BaseEstimator, world: World, predictor: DeployedModel
) -> PerformativeSlope | DifferencedRisk | None:
    """Return the risk to descend, None to retrain, or say why neither is possible."""
    if minimizer.method == "retrain":
        return None  # it was looked at before the first training
    slope = find_slope(minimizer.shift, world, predictor, minimizer.scoring)
    if not isinstance(slope, str):
        return slope
    if minimizer.method == "gradient":
        raise ValueError(f"method='gradient' is not possible: {slope}.")
    other = retrain_obstacle(minimizer, world)
    if other is None:
        return None
    raise ValueError(
        "The performative risk cannot be minimized here, neither by 'gradient': "
        f"{slope}; nor by 'retrain': {other}."
    )


def require_retrainable(minimizer: BaseEstimator, world: World) -> None:
    """Raise a ValueError where gradient-corrected retraining is not possible."""
    obstacle = retrain_obstacle(minimizer, world)
    if obstacle is not None:
        raise ValueError(f"method='retrain' is not possible: {obstacle}.")


def retrain_obstacle(minimizer: BaseEstimator, world: World) -> str | None:
    """Return what stands in the way of gradient-corrected retraining, or None."""
    if not world.is_differentiable or world.is_random:
        return (
            f"the shift {type(minimizer.shift).__name__} has no pull-back to the "
            "predictions. Data that are drawn have none, in the faces 'drawn' and "
            "'common': take resampling='expected'. Decisions, which jump at a "
            "threshold, have none. A function has none: write a shift with a method "
            "pull_back"
        )
    if minimizer.scoring not in _SAME:
        return (
            "retraining minimizes the log loss or the squared error, and "
            f"scoring={minimizer.scoring!r} asks for something else"
        )
    return _response_obstacle(minimizer) or _loss_obstacle(minimizer.estimator)


def _response_obstacle(minimizer: BaseEstimator) -> str | None:
    """Return that people react to something else than probabilities."""
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


def _loss_obstacle(estimator: BaseEstimator) -> str | None:
    """Return that an estimator says itself that it minimizes another loss."""
    usual = _LOSSES[:1] if is_classifier(estimator) else _LOSSES[1:]
    for name, value in estimator.get_params().items():
        if name.rpartition("__")[2] == "loss" and value not in usual:
            return (
                f"{type(estimator).__name__} minimizes {name}={value!r}, and the "
                "correction is made for the log loss of classifiers and the squared "
                "error of regressors"
            )
    return None
