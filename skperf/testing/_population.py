# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A base population to try shifts on, and tables compared by value."""

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.utils import check_consistent_length

from skperf.shift import Sample
from skperf.shift._predictor import KnownPredictor, as_prediction_function
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import take_rows


class Population(NamedTuple):
    """A base population, what is predicted on it, and seeds for random shifts."""

    X: Any
    y: Any
    y_pred: np.ndarray
    predictor: Any
    weights: np.ndarray  # 0, 1, 2 or 3 people a row
    seeds: list

    def respond(self, shift, sample_weight=None, seed=0):
        """Return the shift's raw answer."""
        return shift.sample(
            self.X,
            self.y,
            self.y_pred,
            predictor=self.predictor,
            sample_weight=sample_weight,
            random_state=seed,
        )

    def samples(self, shift):
        """Return the answers without and with base weights."""
        return [self.respond(shift), self.respond(shift, self.weights)]

    def take(self, rows):
        """Return the population of these rows."""
        return self._replace(
            X=take_rows(self.X, rows),
            y=take_rows(self.y, rows),
            y_pred=self.y_pred[rows],
        )

    @property
    def model(self):
        """The deployed model, as a world meets it."""
        known = self.predictor and as_prediction_function(self.predictor)
        return KnownPredictor(self.X, self.y_pred, known, "The shift")

    @property
    def other_model(self):
        """A model with the same predictions for other people."""
        return self._replace(y_pred=self.y_pred[::-1].copy()).model

    @property
    def is_numeric(self):
        """Whether laws can be compared by means of products."""
        return all(dense(part).dtype.kind in "biuf" for part in (self.X, self.y))


def make_population(X, y, y_pred, predictor, n_draws, rng):
    """Return a population from what the user has given."""
    if X is None:
        X = rng.normal(size=(100, 3))
        y = (rng.uniform(size=100) < expit(X @ [1.0, 1.0, -1.0])).astype(int)
        predictor = predictor or predict_probability
    elif y is None:
        raise ValueError("check_shift got X without y. Pass both or none.")
    n_samples = _num_samples(X)
    if y_pred is None and predictor is None:
        y_pred = rng.uniform(size=n_samples)
    y_pred = np.asarray(predictor(X) if y_pred is None else y_pred)
    check_consistent_length(X, y, y_pred)
    rank = np.argsort(np.argsort(y_pred.reshape(n_samples, -1)[:, 0]))
    weights = 4 * rank // n_samples  # related to all that predictions depend on
    seeds = rng.randint(np.iinfo(np.int32).max, size=n_draws).tolist()
    return Population(X, y, y_pred, predictor, weights.astype(float), seeds)


def predict_probability(X):
    """Return the predictions of a logistic model."""
    return expit(X @ np.array([1.0, -0.5, 0.5]))


def dense(table):
    """Return a table of any kind as an array."""
    return table.toarray() if sparse.issparse(table) else np.asarray(table)


def equal_values(first, second):
    """Return whether two tables hold the same values, missing ones included."""
    if first is None or second is None:
        return first is second
    first, second = dense(first), dense(second)
    if first.shape != second.shape:
        return False
    missing = (first != first) & (second != second)  # NaN differs from itself
    return bool(((first == second) | missing).all())


def require(condition, problem):
    """Raise even under ``python -O``, which strips assert statements."""
    if not condition:
        raise AssertionError(problem)


def require_same(samples, others):
    """Raise at the first difference; keys of different worlds may differ."""
    for pair in zip(samples, others, strict=True):
        first, second = (Sample(*returned) for returned in pair)
        for name in ("X", "y", "sample_weight", "groups"):
            equal = equal_values(getattr(first, name), getattr(second, name))
            require(equal, f"{name} of two samples differs.")
