# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

r"""The performative risk as a function of the numbers in a model, and its gradient.

With PR the weighted mean of l_i over the sample, the model moves it in three ways:
through the losses on fixed data, through the predictions that people react to, and
through the gradient of the score where people follow that. The world takes derivatives
by the sample back to the last two.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skperf.retraining._losses import weighted_mean
from skperf.retraining._model import DeployedModel
from skperf.retraining._output_losses import OutputLoss, RowSlopes
from skperf.retraining._output_model import OutputModel
from skperf.retraining._scoring import Scoring
from skperf.shift import Cotangent, Parameters, PullBack, Sample, World
from skperf.shift._sample import Floats, as_weights, check_sample


class Slope(NamedTuple):
    """A performative risk, its gradient, and the size of the part by the reaction."""

    risk: float
    gradient: Floats
    correction: float = np.nan


class PerformativeSlope:
    """The performative risk of a model by its parameters, through the world's map."""

    def __init__(
        self,
        world: World,
        predictor: DeployedModel,
        parameters: Parameters,
        loss: OutputLoss,
    ) -> None:
        self.world = world
        self.predictor = OutputModel.of(predictor.succeed(parameters.model))
        self.parameters = parameters
        self.loss = loss
        self._features_move: bool | None = None  # until the world was asked once

    def __call__(self, values: Floats) -> Slope:
        """Return the risk of the model with these parameters, and how steep it is."""
        self.parameters.set(values)
        predictor = self.predictor.anew()
        sample = settle(self.world, predictor)
        rows = self.loss(predictor, sample)
        risk = weighted_mean(rows.losses, sample.sample_weight)
        weights = as_weights(sample.sample_weight, len(rows.losses))
        share = weights / weights.sum()
        by_output = share[:, None] * rows.by_output
        pull_backs = self._pull_back(predictor, sample, rows, by_output, risk)
        gradient = self.parameters.vjp(sample.X, by_output)
        for X, v, _, U, _ in pull_backs:
            if v.any():
                by_told = predictor.by_outputs(X, v)
                gradient = gradient + self.parameters.vjp(X, by_told)
            if U is not None:
                gradient = gradient + self.parameters.vjp_gradient(X, U)
        return Slope(risk, gradient, correction_size(pull_backs))

    def _pull_back(
        self,
        predictor: OutputModel,
        sample: Sample,
        rows: RowSlopes,
        by_output: Floats,
        risk: float,
    ) -> Sequence[PullBack]:
        """Return the derivatives by what the model has told people.

        Derivatives by features are made where features move, which whoever moves them
        says in an answer to zeros.
        """
        weights = as_weights(sample.sample_weight, len(rows.losses))
        by_target = None
        if rows.by_target is not None:
            by_target = (weights / weights.sum() * rows.by_target.T).T
        by_weight = (rows.losses - risk) / weights.sum()
        cotangent = Cotangent(by_weight, by_target, no_slope(sample))
        state = self.world.start()
        if self._features_move is not True:
            _, pull_backs = self.world.pull_back(state, predictor, cotangent)
            self._features_move = any(p.U is not None for p in pull_backs)
        if self._features_move:
            by_feature = self.parameters.vjp_input(sample.X, by_output)
            cotangent = cotangent._replace(X=by_feature)
            _, pull_backs = self.world.pull_back(state, predictor, cotangent)
        return pull_backs


class DifferencedRisk:
    """The performative risk by any score, whose gradient is made of differences."""

    def __init__(
        self,
        world: World,
        predictor: DeployedModel,
        parameters: Parameters,
        scoring: Scoring,
    ) -> None:
        self.world = world
        self.predictor = predictor
        self.parameters = parameters
        self.scoring = scoring

    def __call__(self, values: Floats) -> Slope:
        """Return the risk and its central differences by each parameter."""
        steps = np.cbrt(np.finfo(float).eps) * np.maximum(np.abs(values), 1.0)
        moves = np.diag(steps)
        rises = [self.risk(values + m) - self.risk(values - m) for m in moves]
        return Slope(self.risk(values), np.array(rises) / (2 * steps))

    def risk(self, values: Floats) -> float:
        """Return the performative risk of the model with these parameters."""
        self.parameters.set(values)
        predictor = self.predictor.succeed(self.parameters.model)
        return predictor.risk(settle(self.world, predictor), self.scoring)


def settle(world: World, predictor: DeployedModel) -> Sample:
    """Return what is seen while a model stays, as a checked sample."""
    return check_sample(world.settle(world.start(), predictor), world)


def no_slope(sample: Sample) -> Floats:
    """Return derivatives by features that are all zero, and take no memory."""
    shape = getattr(sample.X, "shape", None) or np.asarray(sample.X).shape
    return np.broadcast_to(0.0, shape)


def correction_size(pull_backs: Sequence[PullBack]) -> float:
    """Return the root mean square of the correction, for an average row."""
    v = [len(pull_back.v) * pull_back.v.ravel() for pull_back in pull_backs]
    return float(np.sqrt(np.mean(np.square(np.concatenate(v)))))
