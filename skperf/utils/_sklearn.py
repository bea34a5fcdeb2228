# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Every private name of scikit-learn that skperf uses, in one place.

scikit-learn may move these between releases, so the package pins its minor version
and a new release is supported by mending this file. Names from modules that
``import sklearn`` has not loaded are imported when they are first asked for.
"""

import importlib

from sklearn.base import _fit_context
from sklearn.callback._callback_support import callback_management_context
from sklearn.externals.array_api_compat import array_namespace
from sklearn.utils import _safe_indexing
from sklearn.utils._array_api import _convert_to_numpy as convert_to_numpy
from sklearn.utils._indexing import _get_column_indices
from sklearn.utils._optional_dependencies import check_pandas_support
from sklearn.utils._param_validation import HasMethods, Interval, RealNotInt, StrOptions
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import (
    _check_response_method,
    _check_sample_weight,
    _estimator_has,
    _num_features,
    _num_samples,
)

_ON_DEMAND = {
    "BaseSearchCV": "sklearn.model_selection._search",
    "LinearClassifierMixin": "sklearn.linear_model._base",
    "LinearModel": "sklearn.linear_model._base",
    "_get_response_values_binary": "sklearn.utils._response",
}

__all__ = [
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "_BaseComposition",
    "_check_response_method",
    "_check_sample_weight",
    "_estimator_has",
    "_fit_context",
    "_get_column_indices",
    "_num_features",
    "_num_samples",
    "_routing_enabled",
    "_safe_indexing",
    "array_namespace",
    "callback_management_context",
    "check_pandas_support",
    "convert_to_numpy",
    "init_callback_context",
]


def __getattr__(name):
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ON_DEMAND[name]), name)


def init_callback_context(estimator, **task):
    """Open the task of an estimator that is fitted for another one."""
    # what a meta-estimator calls on itself, here on a part of it
    return estimator._init_callback_context(**task)
