# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""An experiment as it would go if people reacted as a shift says."""

from collections.abc import Callable

import numpy as np
from sklearn.base import clone

from skperf.shift._base import BaseShift
from skperf.shift._deployment import Deployment
from skperf.shift._predictor import as_prediction_function
from skperf.shift._sample import Floats, Rows, Sample, Table, as_weights
from skperf.shift.estimation._estimate import estimate_shift
from skperf.shift.estimation._replicates import take_people
from skperf.shift.estimation._told import one_each
from skperf.utils._sklearn import _num_samples

_A_TENTH, _A_QUARTER = 0.1, 0.25  # of the range of probabilities


class Rehearsal:
    """Experiments of several kinds on the same people, and what they would tell."""

    def __init__(
        self,
        shift: BaseShift,
        base: Sample,
        predictor: Callable[[Table], Floats] | None,
    ) -> None:
        self.shift = shift
        self.base = base
        self.n_samples = _num_samples(base.X)
        self.predictor = (
            None if predictor is None else as_prediction_function(predictor)
        )
        self.low, self.high = shift.perturbed_within or (-np.inf, np.inf)
        self.told = self._predict()

    def people_for(self, error: float, wanted: float) -> int:
        """Return how many people lower a standard error to the one wanted."""
        return int(np.ceil(self.n_samples * (error / wanted) ** 2))

    def error_of_time(self) -> float:
        """Return the standard error from these people before, and others after."""
        seen = self._see(self.told)
        return self._error(Deployment(self.base, seen, predictor=self.predictor))

    def error_of_pairs(self) -> float | None:
        """Return that from people before and after, where chance decides who moves."""
        if "resampling" not in self.shift.get_params():
            return None
        drawn = clone(self.shift).set_params(resampling="drawn")
        after = drawn.bind(self.base.X, self.base.y, random_state=0)(self.told)
        return self._error(Deployment(self.base, after, y_pred=self.told, paired=True))

    def error_of_lots(self, size: float) -> float:
        """Return that from predictions with a random +-size."""
        signs = np.random.default_rng(1).choice([-1.0, 1.0], self.n_samples)
        lots = self._bounded(size) * signs
        told = self.told + lots
        seen = Deployment(
            None,
            self._see(told),
            predictor=self.predictor,
            y_pred=told,
            perturbation=lots,
        )
        return self._error(seen)

    def cost(self, size: float) -> float:
        """Return by how much +-size raises the squared error of what is told."""
        lots = self._bounded(size)
        raised = [self._squared_error(self.told + sign * lots) for sign in (-1, 1)]
        return float(np.mean(raised) - self._squared_error(self.told))

    @property
    def largest_size(self) -> float:
        """The largest perturbation that leaves predictions much as they are."""
        return _A_QUARTER * (self.high - self.low)

    @property
    def usual_size(self) -> float:
        """A perturbation to begin with."""
        return min(_A_TENTH * (self.high - self.low), float(self._outcomes().std()))

    def _predict(self) -> Floats:
        if self.predictor is not None:
            return one_each(self.predictor(self.base.X), self.base, "predictor")
        if self.shift.perturbed_within is not None:
            return np.full(self.n_samples, self._outcomes().mean())
        raise ValueError(
            f"How well {type(self.shift).__name__} can be estimated depends on the "
            "deployed model: give predictor, a function from features to predictions."
        )

    def _outcomes(self, sample: Sample | None = None) -> Floats:
        """Return targets as numbers; 1 for the class that people are told of."""
        y = np.ravel(np.asarray((sample or self.base).y))
        if np.isinf(self.high):
            return np.asarray(y, dtype=float)
        positive = getattr(self.predictor, "pos_label", None)
        if positive is None:
            positive = np.unique(np.asarray(self.base.y))[-1]
        return (y == positive).astype(float)

    def _bounded(self, size: float) -> Floats:
        room = np.minimum(self.told - self.low, self.high - self.told)
        return np.minimum(size, room)

    def _sample(self, told: Floats) -> Sample:
        world = self.shift.bind(self.base.X, self.base.y, random_state=0)
        return world(told, self.predictor)

    def _see(self, told: Floats) -> Sample:
        """Return as many people as there are, by the law of the shift."""
        sample = self._sample(told)
        if sample.sample_weight is None:
            return sample._replace(groups=None)
        return take_people(sample._replace(sample_weight=None), _draw(sample))

    def _squared_error(self, told: Floats) -> float:
        sample = self._sample(told)
        errors = self._outcomes(sample).reshape(-1, self.n_samples) - told
        weights = as_weights(sample.sample_weight, errors.size)
        return float(np.average(errors.ravel() ** 2, weights=weights))

    def _error(self, deployment: Deployment) -> float:
        estimate = estimate_shift(self.shift, deployment)
        return float(np.sqrt(estimate.covariance[0, 0]))


def _draw(sample: Sample) -> Rows:
    """Return a row of each person, or of whom there are more, by the weights."""
    weights = as_weights(sample.sample_weight, _num_samples(sample.X))
    rng = np.random.default_rng(0)
    if sample.groups is None:
        n_rows = len(weights)
        return rng.choice(n_rows, size=n_rows, p=weights / weights.sum())
    order = np.argsort(sample.groups, kind="stable")
    totals = np.bincount(np.asarray(sample.groups), weights)
    ends = np.cumsum(totals)
    places = ends - totals * rng.uniform(1e-12, 1, size=len(totals))
    found = np.searchsorted(np.cumsum(weights[order]), places, side="right")
    return order[np.minimum(found, len(order) - 1)]
