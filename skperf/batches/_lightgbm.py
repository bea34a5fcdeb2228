# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Boosted trees of LightGBM, whose bins are made once and weighted anew each time."""

from functools import partial
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils.validation import check_consistent_length

from skperf.batches._incremental import find_classes
from skperf.batches._trained import BatchTrained, new_labels
from skperf.utils._blocks import BlockTable
from skperf.utils._sklearn import HasMethods, _fit_context


class LightGBMEstimator(BatchTrained):
    """An estimator of LightGBM that is trained on tables larger than memory.

    The features are read once and binned; the bins stay in memory, a byte a number.
    Later trainings on the same table, as in the rounds of a minimizer with
    ``ResampleIfRejected``, read nothing but weights, and give what a training on the
    whole table in memory gives.

    Parameters
    ----------
    estimator : LGBMClassifier or LGBMRegressor
        Its parameters are those of the training. Objectives of one's own and
        `class_weight` are not supported on batches.

    Attributes
    ----------
    estimator_ : estimator
        The trained model: the estimator itself for data in memory, otherwise a wrapper
        around its booster.

    classes_ : ndarray of shape (n_classes,)
        Class labels, if the estimator is a classifier.

    n_features_in_ : int
        Number of features.

    See Also
    --------
    IncrementalEstimator : For estimators with ``partial_fit``.
    XGBoostEstimator : The same for XGBoost.

    Examples
    --------
    >>> import numpy as np
    >>> from lightgbm import LGBMClassifier
    >>> from skperf.batches import Batches, LightGBMEstimator
    >>> rows = np.random.default_rng(0).normal(size=(1000, 3))
    >>> rows[:, 2] = rows[:, 0] > 0
    >>> table = Batches.from_array(rows, batch_size=300)
    >>> X, y = table[[0, 1]], table[2]
    >>> model = LightGBMEstimator(LGBMClassifier(n_estimators=5, verbose=-1)).fit(X, y)
    >>> model.predict([[-1.0, 0.0], [1.0, 0.0]]).astype(int)
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict", "get_params"])]
    }

    def __init__(self, estimator):
        self.estimator = estimator

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train a booster.

        Parameters
        ----------
        X : Batches or array-like of shape (n_samples, n_features)
            Features.

        y : Batches or array-like of shape (n_samples,)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter of the estimator is not supported on batches.
        """
        if not isinstance(X, BlockTable):
            model = clone(self.estimator)
            self.estimator_ = model.fit(X, y, sample_weight=sample_weight)
            return self
        import lightgbm

        check_consistent_length(X, y)
        classes = find_classes(y) if is_classifier(self.estimator) else None
        params = self._params(classes)
        n_rounds = params.pop("n_estimators")
        data = _binned(X, y, classes, params)
        # set_weight would leave the weights of the last training where all are one
        weights = None if sample_weight is None else np.float32(sample_weight)
        data.set_field("weight", weights)
        self.estimator_ = _Booster(lightgbm.train(params, data, n_rounds), classes)
        return self

    def _params(self, classes):
        """Return the parameters of a training, as LightGBM's own estimators do."""
        params = self.estimator.get_params()
        objective = params["objective"]
        if callable(objective) or params.pop("class_weight") is not None:
            raise ValueError(
                "On batches LightGBM is trained without class_weight and with "
                "objectives of its own. Give sample weights, or load the table."
            )
        del params["importance_type"]
        params["objective"] = objective or _objective(classes)
        if classes is not None and len(classes) > 2:
            params["num_class"] = len(classes)
        return {name: value for name, value in params.items() if value is not None}


def _objective(classes):
    """Return what LightGBM's own estimators minimize."""
    if classes is None:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


class _Booster(BaseEstimator):
    """A booster that predicts like an estimator."""

    def __init__(self, booster, classes=None):
        self.booster = booster
        self.classes = classes

    @property
    def classes_(self):
        return self.classes

    @property
    def n_features_in_(self):
        return self.booster.num_feature()

    def predict(self, X):
        if self.classes is None:
            return self.booster.predict(X)
        return self.classes[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        proba = self.booster.predict(X)
        return np.column_stack([1 - proba, proba]) if proba.ndim == 1 else proba


class _Rows:
    """The rows of a table by number, for somebody who asks for them in order."""

    def __init__(self, table):
        self.table = table
        self.batch_size = max(table.sizes)
        self._rewind()

    def __len__(self):
        return len(self.table)

    def __getitem__(self, key):
        if not isinstance(key, slice):
            return self._reach(key)[key - self.start].copy()
        parts, start = [], key.start
        while start < key.stop:
            block = self._reach(start)
            parts.append(block[start - self.start : key.stop - self.start])
            start += len(parts[-1])
        return np.concatenate(parts)

    def _rewind(self):
        self.blocks, self.block, self.start = self.table.blocks(), (), 0

    def _reach(self, row):
        """Return the block that a row is in."""
        if row < self.start:
            self._rewind()
        while row >= self.start + len(self.block):
            self.start += len(self.block)
            self.block = next(self.blocks)
        return self.block


def _binned(X, y, classes, params):
    """Return the data set of a table, made once and kept with it."""
    import lightgbm

    known = X.known.get("lightgbm")
    if known is None or known["params"] != params:
        lightgbm.Sequence.register(_Rows)
        told = {"data_random_seed": _seed_of_bins(params.get("random_state"))}
        data = lightgbm.Dataset(_Rows(X), params=told | params).construct()
        known = X.known["lightgbm"] = {"params": dict(params), "data": data, "y": None}
    labels = new_labels(known, y, X.sizes, partial(_encode, classes=classes))
    if labels is not None:
        known["data"].set_label(labels)
    return known["data"]


def _seed_of_bins(seed):
    """Return the seed of the rows that bins are made from.

    For tables in memory LightGBM takes it from the seed of the training, as the first
    number of its linear congruential generator; for rows in batches it forgets to.
    """
    if seed is None:
        return 1  # its default
    state = (214_013 * seed + 2_531_011) % 2**32
    return (state >> 16) % 2**15 % (2**15 - 1)


def _encode(y, classes):
    """Return targets as LightGBM holds them."""
    return np.float32(y if classes is None else np.searchsorted(classes, y))
