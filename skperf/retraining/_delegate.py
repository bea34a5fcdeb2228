# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a meta-estimator passes on to the model that it holds."""

from collections.abc import Sized
from copy import deepcopy

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skperf.shift import Sample
from skperf.shift._sample import Table
from skperf.utils._sklearn import _estimator_has, _num_samples, _routing_enabled


class DelegatingMixin(MetaEstimatorMixin):
    """Predictions, tags and fitted attributes of ``estimator_``."""

    estimator: BaseEstimator
    estimator_: BaseEstimator

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimator_")

    @property
    def classes_(self) -> NDArray:
        """Class labels of the deployed classifier."""
        return self.estimator_.classes_

    @property
    def n_features_in_(self) -> int:
        """Number of features that the deployed model was trained on."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self) -> NDArray:
        """Names of the features that the deployed model was trained on."""
        return self.estimator_.feature_names_in_

    @available_if(_estimator_has("predict"))
    def predict(self, X: Table) -> NDArray:
        """Predict with the deployed model.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predicted labels or values.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Table) -> NDArray:
        """Predict class probabilities with the deployed model.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            Probabilities in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Table) -> NDArray:
        """Predict logarithms of class probabilities with the deployed model.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes)
            Log probabilities in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_log_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Table) -> NDArray:
        """Compute the decision function of the deployed model.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
            Decision values.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    @available_if(_estimator_has("score"))
    def score(self, X: Table, y: Table, **params: object) -> float:
        """Score the deployed model on the given data, without any shift.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True labels or values.

        **params : dict
            Passed on to the ``score`` of the deployed model, such as
            ``sample_weight``.

        Returns
        -------
        score : float
            The deployed model's own score.
        """
        check_is_fitted(self)
        if _routing_enabled():
            params = process_routing(self, "score", **params)["estimator"]["score"]
        return self.estimator_.score(X, y, **params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Get metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
            Fit parameters other than ``sample_weight`` go to the wrapped estimator.
        """
        to_fit = MethodMapping().add(caller="fit", callee="fit")
        to_fit.add(caller="partial_fit", callee="fit").add(
            caller="score", callee="score"
        )
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(estimator=self.estimator, method_mapping=to_fit)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.target_tags = deepcopy(inner.target_tags)
        tags.input_tags = deepcopy(inner.input_tags)
        tags.non_deterministic = inner.non_deterministic
        return tags


def route_fit_params(
    minimizer: BaseEstimator, caller: str, fit_params: dict[str, object], base: Sample
) -> dict[str, object]:
    """Return the fit parameters of the wrapped estimator."""
    for name, value in fit_params.items():
        if _is_per_row(value, _num_samples(base.X)):
            raise ValueError(
                f"The fit parameter {name!r} has one entry a row, but retraining is on "
                "other rows than these. Only sample_weight can follow the rows; pass "
                "other parameters as single values."
            )
    if _routing_enabled():
        return process_routing(minimizer, caller, **fit_params)["estimator"]["fit"]
    return fit_params


def _is_per_row(value: object, n_samples: int) -> bool:
    if isinstance(value, str | dict) or not isinstance(value, Sized):
        return False
    return len(value) == n_samples
