# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What every shift is: a map from the deployed model's predictions to data."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, check_random_state

from skperf.utils._sklearn import _check_sample_weight


class Sample(NamedTuple):
    """Data observed while a model is deployed.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    sample_weight : ndarray of shape (n_samples,), default=None
        Non-negative weights; None when all rows count the same.
    """

    X: Any
    y: Any
    sample_weight: Any = None


class BaseShift(ABC, BaseEstimator):
    """Base class of the distribution maps D(f).

    A shift holds parameters and no data. It is given a base population and what the
    deployed model predicts on it, and returns the data that would then be seen.
    Write your own by implementing :meth:`sample`; :func:`skperf.testing.check_shift`
    tells whether it keeps the contract.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import BaseShift, Sample
    >>> class Discourage(BaseShift):
    ...     '''A high prediction keeps people from applying again.'''
    ...
    ...     def __init__(self, strength=1.0):
    ...         self.strength = strength
    ...
    ...     def sample(self, X, y, y_pred, *, predictor=None, sample_weight=None,
    ...                random_state=None):
    ...         base = 1.0 if sample_weight is None else sample_weight
    ...         return Sample(X, y, base * np.exp(-self.strength * y_pred))
    >>> shift = Discourage(strength=2.0)
    >>> X, y = np.zeros((2, 1)), np.array([0, 1])
    >>> shift.sample(X, y, np.array([0.0, 1.0])).sample_weight.round(3)
    array([1.   , 0.135])
    """

    @abstractmethod
    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        """Return the data that are seen when a model predicts `y_pred` on (X, y).

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population. Not changed in place.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the base population. Not changed in place.

        y_pred : ndarray of shape (n_samples,)
            Predictions of the deployed model on X.

        predictor : callable, default=None
            The deployed prediction function, from features to predictions, for shifts
            that must ask it elsewhere than at X.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the base population.

        random_state : int, RandomState instance or None, default=None
            Source of the shift's random numbers.

        Returns
        -------
        sample : Sample
            The data seen under the model.
        """

    def bind(self, X, y, *, sample_weight=None, random_state=None):
        """Return the shift on one population, as a function of predictions alone.

        Parameters
        ----------
        X, y, sample_weight, random_state
            As in :meth:`BaseShift.sample`.

        Returns
        -------
        respond : callable
            ``respond(y_pred, predictor=None)`` returns a :class:`Sample`. Calls draw
            from one stream of random numbers, so each is a fresh draw.
        """
        rng = check_random_state(random_state)

        def respond(y_pred, predictor=None):
            return self.sample(
                X,
                y,
                y_pred,
                predictor=predictor,
                sample_weight=sample_weight,
                random_state=rng,
            )

        return respond


class PopulationShift(BaseShift):
    """Base class of shifts that prepare something once for each population.

    Implement :meth:`bind`: what it computes before it returns (fixed random numbers, a
    support that all samples share) is computed once for a whole retraining path.
    """

    @abstractmethod
    def bind(self, X, y, *, sample_weight=None, random_state=None):
        """Return the shift on one population, as a function of predictions alone.

        Parameters
        ----------
        X, y, sample_weight, random_state
            As in :meth:`BaseShift.sample`.

        Returns
        -------
        respond : callable
            ``respond(y_pred, predictor=None)`` returns a :class:`Sample`.
        """

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        """Return the data that are seen when a model predicts `y_pred` on (X, y).

        Parameters
        ----------
        X, y, y_pred, predictor, sample_weight, random_state
            As in :meth:`BaseShift.sample`.

        Returns
        -------
        sample : Sample
            The data seen under the model.
        """
        respond = self.bind(
            X, y, sample_weight=sample_weight, random_state=random_state
        )
        return respond(y_pred, predictor)


def check_sample(sample, shift):
    """Return what `shift` gave as a Sample, or say what is wrong with it."""
    name = type(shift).__name__
    if not isinstance(sample, tuple) or len(sample) not in (2, 3):
        raise TypeError(
            f"{name} returned {type(sample).__name__}; expected a Sample(X, y, "
            "sample_weight) or a tuple (X, y)."
        )
    sample = Sample(*sample)
    check_consistent_length(sample.X, sample.y)
    if sample.sample_weight is None:
        return sample
    weights = _check_sample_weight(sample.sample_weight, sample.X)
    if weights.min() < 0:
        raise ValueError(
            f"{name} returned negative sample weights (minimum {weights.min():.3g}); a "
            "sample of people needs weights of zero or more."
        )
    return sample._replace(sample_weight=weights)


def require_predictor(shift, predictor):
    """Raise if a shift that must ask the model got no prediction function."""
    if predictor is None:
        raise ValueError(
            f"{type(shift).__name__} must ask the deployed model at other points than "
            "the base population: pass predictor=, a function from features to "
            "predictions. The minimizers and metrics of skperf pass it by themselves."
        )


def as_weights(sample_weight, n_samples):
    """Return the weights as an array, ones for None."""
    return np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight)
