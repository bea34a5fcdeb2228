# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The decoupled risk as a function of a few numbers in a model.

A grid asks for thousands of risks. The outputs of a linear model are linear in its
numbers, so those of all evaluated models are one matrix product, and where people get
weights and nothing else, their losses are computed once for all deployed models. Where
the law of people is known in closed form they need not be asked.
"""

import numpy as np

from skperf.inspection._chosen_numbers import ChosenNumbers, choose
from skperf.inspection._closed_laws import LARGEST, find_law
from skperf.inspection._margin_rows import MarginRows
from skperf.retraining._descents import find_slope
from skperf.retraining._losses import weighted_mean
from skperf.retraining._output_losses import find_output_loss, log_loss, squared_error
from skperf.retraining._output_model import OutputModel
from skperf.retraining._performative_slope import Slope, settle
from skperf.shift._sample import as_weights

_ADVICE = "RiskLandscapeDisplay.from_grid draws fitted models of any kind."
_FACTORS = 512  # whose product is a finite number
_CELLS = 20_000  # that stay in the cache


def make_surface(shift, world, predictor, wanted):
    """Return the surface over the numbers that are wanted, and what they are called."""
    slope_at = find_slope(shift, world, predictor)
    if isinstance(slope_at, str):
        raise ValueError(f"There is no landscape of this model: {slope_at}. {_ADVICE}")
    loss = find_output_loss(predictor, world.base.X)
    if loss is None:
        name = type(predictor.estimator).__name__
        raise ValueError(
            f"There is no landscape of this model: the risk of {name} has no known "
            f"slope. {_ADVICE}"
        )
    positions, names = choose(slope_at.parameters, wanted)
    slope_at.parameters = ChosenNumbers(slope_at.parameters, positions)
    return RiskSurface(world, predictor, slope_at, loss), names


class RiskSurface:
    """Risks of models that differ in the numbers that `slope_at` moves."""

    def __init__(self, world, predictor, slope_at, loss):
        self.world = world
        self.slope_at = slope_at  # the performative risk of numbers, with its gradient
        self.numbers = numbers = slope_at.parameters
        self.start = numbers.get()
        self.loss = loss
        self._model = OutputModel.of(predictor.succeed(numbers.model))
        one_output = numbers.parameters.n_outputs == 1
        self._is_plain = one_output and loss in (log_loss, squared_error)
        self._known = None, None  # losses of evaluated models on shared rows
        self._signed = None, None  # targets, and on which side they are
        self._rows = self._margin_rows()

    def deploy(self, values):
        """Return the model with these numbers, and what people do about it."""
        model = self._model_of(values)
        return model, settle(self.world, model)

    def performative(self, points):
        """Return the performative risk at each point, of shape (n_points,)."""
        if self._rows is not None:
            return self._rows.performative(points, self._moves(points))
        return np.array([self._answered(self._risk_at, point) for point in points])

    def decoupled(self, points):
        """Return the risk of each pair of points, the deployed one first."""
        self._known = None, None
        rows = [self._answered(self._risks_under, point, points) for point in points]
        return np.array([np.broadcast_to(row, len(points)) for row in rows])

    def fixed(self, values):
        """Return the risk, with its slope, on the data that a model has induced."""
        if self._rows is not None and self._rows.law.moving is None:
            return self._rows.fixed(values)
        _, sample = self.deploy(values)
        weights = as_weights(sample.sample_weight, len(sample.y))
        share = weights / weights.sum()

        def slope_at(values):
            rows = self.loss(self._model_of(values), sample)
            by_output = share[:, None] * rows.by_output
            return Slope(share @ rows.losses, self.numbers.vjp(sample.X, by_output))

        return slope_at

    def _margin_rows(self):
        """Return the rows of a law that is known, None where there is none."""
        if not (self._is_plain and self._model.is_linear and self.loss == log_loss):
            return None
        X, y, *_ = self.world.base
        signs = self._signs(y)
        law = find_law(self.world, self._model, signs[:, 0])
        if law is None:
            return None
        at_zero, slopes = self._linear(X, np.abs(self.start))
        columns = np.ascontiguousarray((signs * slopes).T)
        return MarginRows(law, (signs * at_zero)[:, 0], columns)

    def _moves(self, points):
        """Return by how much each model lowers the outputs of those who move."""
        if self._rows.law.moving is None:
            return None
        return np.array([self._rows.law.move(self._model_of(p)) for p in points])

    @staticmethod
    def _answered(risk, *args):
        """Return a risk, NaN where people have no answer to the deployed model."""
        try:
            return risk(*args)
        except ValueError:  # such as a probability above 1 of a regressor
            return np.nan

    def _risk_at(self, point):
        return self._risk(*self.deploy(point))

    def _risks_under(self, deployed, points):
        return self._risks(self.deploy(deployed)[1], points)

    def _model_of(self, values):
        self.numbers.set(values)
        return self._model.anew()

    def _risk(self, model, sample):
        """Return the risk of one model."""
        if self._is_plain:
            return self._mean_losses(model.outputs(sample.X), sample)[0]
        losses = self.loss(model, sample).losses
        if self.loss == log_loss:
            losses = np.minimum(losses, LARGEST)
        return weighted_mean(losses, sample.sample_weight)

    def _risks(self, sample, points):
        """Return the risk of the model of each point."""
        if not (self._is_plain and self._model.is_linear):
            return [self._risk(self._model_of(point), sample) for point in points]
        if sample.support is None:
            return self._mean_losses(self._outputs(sample.X, points), sample)
        support, losses = self._known
        if support != sample.support:
            losses = self._losses(self._outputs(sample.X, points), sample.y)
            self._known = sample.support, losses
        weights = as_weights(sample.sample_weight, len(losses))
        return weights @ losses / weights.sum()

    def _outputs(self, X, points):
        """Return the output of the model of each point, of (n_samples, n_points)."""
        at_zero, slopes = self._linear(X, np.abs(points).max(axis=0))
        return at_zero + slopes @ np.transpose(points)

    def _linear(self, X, largest):
        """Return outputs where the numbers are 0, and their slopes by the numbers."""
        units = np.maximum(largest, 1.0)
        at_zero = self._model_of(np.zeros(len(units))).outputs(X)
        ends = [self._model_of(end).outputs(X) for end in np.diag(units)]
        return at_zero, (np.hstack(ends) - at_zero) / units

    def _mean_losses(self, outputs, sample):
        """Return the mean of the losses over the rows, for each column of outputs."""
        if sample.sample_weight is not None:
            weights = sample.sample_weight
            return weights @ self._losses(outputs, sample.y) / weights.sum()
        if self.loss == squared_error:
            return self._losses(outputs, sample.y).mean(axis=0)
        wrong = self._signs(sample.y) * outputs
        step = max(_CELLS // wrong.shape[1], _FACTORS)
        blocks = [wrong[i : i + step] for i in range(0, len(wrong), step)]
        return np.sum([_sum_log_losses(block) for block in blocks], axis=0) / len(wrong)

    def _losses(self, outputs, y):
        """Return the loss of each row, for each column of outputs."""
        if self.loss == squared_error:
            return np.square(outputs - np.asarray(y, dtype=float).reshape(-1, 1))
        wrong = np.minimum(self._signs(y) * outputs, LARGEST)
        # log1p sees more of what is too small to count in a mean, at half the speed
        return np.log(1 + np.exp(-np.abs(wrong))) + np.maximum(wrong, 0)

    def _signs(self, y):
        """Return 1 where a high output is wrong and -1 elsewhere, as a column."""
        if self._signed[0] is not y:
            positive = np.asarray(y).reshape(-1, 1) == self._model.classes_[1]
            self._signed = y, np.where(positive, -1.0, 1.0)
        return self._signed[1]


def _sum_log_losses(wrong):
    """Return the sums over rows of ``log(1 + exp(wrong))``, for each column.

    Of the product of some hundred factors between 1 and 2 one logarithm is taken,
    instead of one of each: thrice as fast, and as exact.
    """
    wrong = np.minimum(wrong, LARGEST)
    factors = 1 + np.exp(-np.abs(wrong))
    products = np.multiply.reduceat(factors, np.arange(0, len(wrong), _FACTORS))
    return np.log(products).sum(axis=0) + np.maximum(wrong, 0).sum(axis=0)
