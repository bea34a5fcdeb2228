# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Every private name of scikit-learn that skperf uses, in one place.

scikit-learn may move these between releases, so the package pins its minor version
and a new release is supported by mending this file.
"""

from sklearn.base import _fit_context
from sklearn.linear_model._base import LinearClassifierMixin, LinearModel
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing
from sklearn.utils._indexing import _get_column_indices
from sklearn.utils._optional_dependencies import check_pandas_support
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import (
    _check_response_method,
    _check_sample_weight,
    _estimator_has,
    _num_samples,
)

__all__ = [
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "LinearClassifierMixin",
    "LinearModel",
    "RealNotInt",
    "StrOptions",
    "_BaseComposition",
    "_check_response_method",
    "_check_sample_weight",
    "_estimator_has",
    "_fit_context",
    "_get_column_indices",
    "_num_samples",
    "_routing_enabled",
    "_safe_indexing",
    "check_pandas_support",
]
