# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What estimators have in common that are trained in batches: how they predict."""

from copy import deepcopy

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skperf.utils._blocks import BlockTable, cut
from skperf.utils._by_rows import in_blocks, keep_rows, takes_dask
from skperf.utils._sklearn import _estimator_has


class BatchTrained(MetaEstimatorMixin, BaseEstimator):
    """Predictions, tags and fitted attributes of ``estimator_``."""

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    @property
    def classes_(self):
        """Class labels of the fitted classifier."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self):
        """Number of features that the estimator was trained on."""
        return self.estimator_.n_features_in_

    @available_if(_estimator_has("predict"))
    def predict(self, X):
        """Predict labels or values.

        Parameters
        ----------
        X : Batches or array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,)
            Predictions. Those of batches lie in a temporary file.
        """
        return self._ask("predict", X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict probabilities of the classes.

        Parameters
        ----------
        X : Batches or array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities. Those of batches lie in a temporary file.
        """
        return self._ask("predict_proba", X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
        """Compute the decision function.

        Parameters
        ----------
        X : Batches or array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores. Those of batches lie in a temporary file.
        """
        return self._ask("decision_function", X)

    @available_if(_estimator_has("score"))
    def score(self, X, y, sample_weight=None):
        """Return the estimator's own score on data in memory.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        y : array-like of shape (n_samples,)
            Targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            The accuracy of a classifier, the R2 of a regressor.
        """
        check_is_fitted(self)
        return self.estimator_.score(X, y, sample_weight=sample_weight)

    def _ask(self, method, X):
        check_is_fitted(self)
        if not in_blocks(X) or takes_dask(self.estimator_):
            return getattr(self.estimator_, method)(X)
        return keep_rows(_ask, X, model=self.estimator_, method=method)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.input_tags = deepcopy(inner.input_tags)
        return tags


def new_labels(known, y, sizes, encode):
    """Return labels as an engine holds them, None where it has them from this table.

    A table on disk stays; an array in memory may have been changed in place.
    """
    if known["y"] is y and isinstance(y, BlockTable):
        return None
    known["y"] = y
    return np.concatenate([encode(block) for block in cut(y, sizes)])


def _ask(X, *, model, method):
    return getattr(model, method)(X)
