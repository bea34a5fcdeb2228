# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Train any estimator with ``partial_fit`` by passes over batches."""

from inspect import signature
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import assert_all_finite, indexable
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skperf.batches._trained import BatchTrained
from skperf.utils._blocks import BlockTable
from skperf.utils._by_rows import each_block, extremes, fold_rows, in_blocks
from skperf.utils._mixed_blocks import zip_mixed
from skperf.utils._sklearn import (
    HasMethods,
    Interval,
    _check_sample_weight,
    _fit_context,
    _num_samples,
    _safe_indexing,
)


class IncrementalEstimator(BatchTrained):
    """An estimator that is trained by passes over its data, a batch at a time.

    ``fit`` calls ``partial_fit`` of a clone on each batch, `n_epochs` times over all.
    Of a :class:`Batches` table the batches are those of the table. In memory each has
    rows from everywhere, at equal distances. Rounds or periods that a minimizer mixes
    have their share in each batch.

    Parameters
    ----------
    estimator : estimator
        Has ``partial_fit``, such as SGDClassifier, MLPClassifier, GaussianNB or
        :class:`~skperf.neural_network.TorchClassifier`.

    n_epochs : int, default=1
        Passes over the data. One is enough, and all there is to do, for estimators that
        count, such as naive Bayes.

    batch_size : int, default=16384
        Rows in a batch of data in memory, at most. Others come in their own batches.

    warm_start : bool, default=False
        Whether ``fit`` goes on from what it has learnt before.

    Attributes
    ----------
    estimator_ : estimator
        The trained estimator.

    classes_ : ndarray of shape (n_classes,)
        Class labels, if the estimator is a classifier: all that y has, found in a pass
        over it.

    n_features_in_ : int
        Number of features, if the estimator tells.

    See Also
    --------
    Batches : A table that is larger than memory.

    Notes
    -----
    Batches of files are taken in their order. Rows that are sorted, by a label or by
    time, teach a stochastic estimator the end of the table: write them in random order.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skperf import RepeatedRiskMinimizer, ResampleIfRejected
    >>> from skperf.batches import Batches, IncrementalEstimator
    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(1000, 3))
    >>> rows[:, 2] = rows[:, 0] + rows[:, 1] + rng.normal(size=1000) > 0
    >>> table = Batches.from_array(rows, batch_size=300)
    >>> model = RepeatedRiskMinimizer(
    ...     IncrementalEstimator(GaussianNB()), ResampleIfRejected(delta=0.5)
    ... ).fit(table[[0, 1]], table[2])
    >>> model.diagnosis_
    'converged'
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["partial_fit"])],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
    }

    def __init__(self, estimator, *, n_epochs=1, batch_size=16_384, warm_start=False):
        self.estimator = estimator
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.warm_start = warm_start

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Train on all batches, `n_epochs` times.

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
            If weights differ and ``partial_fit`` takes none.
        """
        warm = self.warm_start and self.__sklearn_is_fitted__()
        model = self.estimator_ if warm else clone(self.estimator)
        X, y = self._check(X, y)
        weights = self._check_weights(X, sample_weight)
        handed = {"classes": find_classes(y)} if is_classifier(model) else {}
        for _ in range(self.n_epochs):
            for rows, targets, own in self._batches(X, y, weights):
                if own is not None:
                    handed["sample_weight"] = own
                model.partial_fit(rows, targets, **handed)
        self.estimator_ = model
        return self

    def _check(self, X, y):
        """Return data whose rows belong together, and that can be cut into batches."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        if in_blocks(X, y):
            check_consistent_length(X, y)
            return X, y
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        if is_classifier(self.estimator):
            check_classification_targets(y)
        return indexable(X, y)

    def _check_weights(self, X, sample_weight):
        """Return weights that ``partial_fit`` takes; None where there are none."""
        if sample_weight is None:
            return None
        if not in_blocks(sample_weight):
            sample_weight = _check_sample_weight(sample_weight, X)
        if "sample_weight" in signature(self.estimator.partial_fit).parameters:
            return sample_weight
        low, high = extremes(sample_weight)
        if low < high:
            raise ValueError(
                f"{type(self.estimator).__name__}.partial_fit takes no sample_weight, "
                "and the rows have different weights. Use an estimator that takes it, "
                "such as SGDClassifier, or a shift that draws rows."
            )
        return None

    def _batches(self, X, y, sample_weight):
        if isinstance(X, BlockTable):
            yield from zip_mixed(X, y, sample_weight)
            return
        if in_blocks(X, y):
            yield from each_block(X, y, sample_weight)
            return
        n_batches = max(1, -(-_num_samples(X) // self.batch_size))
        for first in range(n_batches):
            rows, parts = slice(first, None, n_batches), (X, y, sample_weight)
            yield [p if p is None else _safe_indexing(p, rows) for p in parts]


def find_classes(y):
    """Return the labels, found in one pass and kept with a table."""
    if not isinstance(y, BlockTable):
        return fold_rows(np.unique, _union, y)
    if "classes" not in y.known:
        y.known["classes"] = fold_rows(np.unique, _union, y)
    return y.known["classes"]


def _union(first, second):
    return np.union1d(first, second)
