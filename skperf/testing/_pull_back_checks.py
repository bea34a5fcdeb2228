# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Pull-backs against differences: of predictions, weights, targets and features."""

import numpy as np
from sklearn.utils.multiclass import type_of_target

from skperf.shift import Cotangent, Sample
from skperf.shift._binding import bind_to_sample
from skperf.shift._sample import as_weights
from skperf.testing._nudge import Nudge, known_gradient, numbers
from skperf.testing._population import dense, require
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import add_to_columns, column_values, numeric_columns

_SHARE = 1e-6  # what a derivative may differ by
_STEP = 1e-3  # of predictions and features, whose slopes may be differences themselves
_WEIGHT_STEP = 1e-6  # small, lest another donor is drawn
_ROUNDING = 1e3 * float(np.finfo(float).eps)


def check_pull_back(shift, population):
    """Give derivatives, if any, that agree with differences up to a share of 1e-6."""
    for weights in (None, population.weights + 0.5):
        world = _bind(shift, population, weights)
        declared = getattr(shift, "is_differentiable", False)
        require(
            bool(declared) == bool(world.is_differentiable),
            f"is_differentiable is {declared}, of its world {world.is_differentiable}.",
        )
        if world.is_differentiable:
            _Trial(shift, population, weights).check()


class _Trial:
    """A population, directions in which all of it moves, and a risk of the sample."""

    def __init__(self, shift, population, weights):
        rng = np.random.RandomState(0)
        self.shift, self.population = shift, population
        self.weights = as_weights(weights, len(population.weights))
        self.nudge = Nudge(population, rng)
        self.sample = self._seen()
        self.cotangent = _random_cotangent(self.sample, rng)
        self.rng = rng
        world = _bind(shift, population, self.weights)
        self.back, self.asked = world.pull_back(
            world.start(), population.model, self.cotangent
        )

    def check(self):
        """Compare in all directions."""
        self._check_shapes()
        self._check_predictions()
        self._check_weights()
        self._check_targets()
        if self.population.predictor is not None:
            self._check_features()

    def _check_shapes(self):
        n_samples = _num_samples(self.population.X)
        require(
            np.shape(self.back.weight) == (n_samples,),
            f"it gave {np.shape(self.back.weight)} derivatives by {n_samples} weights.",
        )
        for asked in self.asked:
            n_rows = _num_samples(asked.X)
            parts = {"v": asked.v, "U": asked.U, "groups": asked.groups}
            lengths = {k: len(part) for k, part in parts.items() if part is not None}
            require(
                set(lengths.values()) == {n_rows},
                f"a PullBack on {n_rows} rows has parts of the lengths {lengths}.",
            )

    def _check_predictions(self):
        terms = [np.zeros(0), *[self.nudge.effects(asked) for asked in self.asked]]
        slope = _slope(lambda t: self._risk(self._seen(self.nudge.model(t))))
        self._compare("predictions", slope, np.concatenate(terms), _STEP)

    def _check_weights(self):
        direction = self.weights * self.rng.uniform(-1, 1, len(self.weights))

        def risk(t):
            return self._risk(self._seen(weights=self.weights + t * direction))

        slope = _slope(risk, _WEIGHT_STEP)
        self._compare("weights", slope, self.back.weight * direction, _WEIGHT_STEP)

    def _check_targets(self):
        y = self.population.y
        if self.back.y is None or type_of_target(y, "y")[:10] != "continuous":
            return  # labels, which do not move by fractions
        direction = self.rng.uniform(-1, 1, np.shape(y))
        slope = _slope(
            lambda t: self._risk(self._seen(y=np.asarray(y) + t * direction))
        )
        self._compare("targets", slope, np.ravel(self.back.y * direction), _STEP)

    def _check_features(self):
        """With the rows the questions move, where these are asked of the rows."""
        X, model = self.population.X, self.population.model
        numeric = numeric_columns(X)
        columns = [j for j in numeric if _is_float(X, j)]
        if not columns:
            return
        scales = [np.nanstd(column_values(X, j)) for j in columns]
        direction = self.rng.uniform(-1, 1, (_num_samples(X), len(columns))) * scales

        def moved(t):
            return add_to_columns(X, columns, t * direction)

        slope = _slope(lambda t: self._risk(self._seen(X=moved(t))))
        terms = [np.ravel(self.back.X[:, columns] * direction)]
        for asked in self.asked:
            if asked.of_base:
                terms.append(asked.v * _slope(lambda t: model(moved(t))))
            if asked.of_base and asked.U is not None:
                slopes = _slope(lambda t: known_gradient(model, moved(t), numeric))
                terms.append(asked.U[:, numeric] * slopes)
        terms = np.concatenate([np.ravel(term) for term in terms])
        self._compare("features", slope, terms, _STEP)

    def _seen(self, model=None, *, X=None, y=None, weights=None):
        given = Sample(
            self.population.X if X is None else X,
            self.population.y if y is None else y,
            self.weights if weights is None else weights,
        )
        world = bind_to_sample(self.shift, given, 0)
        return world.settle(world.start(), model or self.population.model)

    def _risk(self, sample):
        """Return a number that depends on all of a sample, and on no part alone."""
        weights = as_weights(sample.sample_weight, len(self.cotangent.weight))
        risk = weights @ self.cotangent.weight
        if self.cotangent.y is not None:
            risk += np.sum(self.cotangent.y * dense(sample.y))
        if self.cotangent.X is not None:
            risk += np.sum(self.cotangent.X * numbers(sample.X))
        return risk

    def _compare(self, what, slope, terms, step):
        found = terms.sum()
        size = _SHARE * np.abs(terms).sum()
        noise = _ROUNDING / step * self._size()
        require(
            abs(found - slope) <= size + noise,
            f"by {what} the pull-back says {found:.9g}, differences {slope:.9g}.",
        )

    def _size(self):
        """Return how large the parts are of which the risk is a sum."""
        weights = as_weights(self.sample.sample_weight, len(self.cotangent.weight))
        size = np.abs(weights).sum()
        if self.cotangent.y is not None:
            size += np.abs(dense(self.sample.y)).sum()
        if self.cotangent.X is not None:
            size += np.abs(numbers(self.sample.X)).sum()
        return size


def _bind(shift, population, weights):
    labels = 7 * np.arange(_num_samples(population.X)) + 3
    return bind_to_sample(shift, Sample(population.X, population.y, weights, labels), 0)


def _random_cotangent(sample, rng):
    """Return random derivatives by all that is a number."""
    n_samples = _num_samples(sample.X)
    y = dense(sample.y)
    by_target = None
    if y.dtype.kind in "biuf":
        by_target = rng.uniform(-1, 1, y.shape)
    by_feature = np.zeros(np.shape(sample.X))
    columns = numeric_columns(sample.X)
    by_feature[:, columns] = rng.uniform(-1, 1, (n_samples, len(columns)))
    return Cotangent(rng.uniform(-1, 1, n_samples), by_target, by_feature)


def _is_float(X, column):
    """Return whether a column can be moved by fractions."""
    first = column_values(X, column)
    return bool(np.any(first != np.round(first)))


def _slope(function, step=_STEP):
    """Return the derivative at 0, up to the fourth power of the step."""
    near, far = ((function(s) - function(-s)) / (2 * s) for s in (step, 2 * step))
    return (4 * near - far) / 3
