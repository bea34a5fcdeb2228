# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Sample weights: does an estimator take them, and how are they handed over."""

from functools import lru_cache

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skperf.shift import Sample
from skperf.utils._sklearn import _routing_enabled


def fit_with_weights(
    estimator: BaseEstimator, sample: Sample, **fit_params: object
) -> BaseEstimator:
    """Fit `estimator` on the rows of a sample.

    Equal weights are left out where the estimator takes none.

    Raises
    ------
    ValueError
        If the weights differ and the estimator takes none.
    """
    X, y, sample_weight, *_ = sample
    if sample_weight is None:
        return estimator.fit(X, y, **fit_params)
    name = weight_parameter(estimator)
    if name is not None:
        return estimator.fit(X, y, **{name: sample_weight}, **fit_params)
    if np.ptp(sample_weight) > 0:
        raise ValueError(
            f"{type(estimator).__name__} takes no sample_weight in fit, but the rows "
            "to be learnt from have different weights. Use a shift that draws rows, "
            "such as ResampleIfRejected(resampling='common') or 'drawn', or an "
            "estimator with sample weights. If it is a meta-estimator, enable metadata "
            "routing and set_fit_request(sample_weight=True) on the inner estimator."
        )
    return estimator.fit(X, y, **fit_params)


def weight_parameter(estimator: BaseEstimator) -> str | None:
    """Return the name under which ``estimator.fit`` takes weights, None if it doesn't.

    Without metadata routing a Pipeline hands ``<last step>__sample_weight`` to its last
    step; a search and a TransformedTargetRegressor hand ``sample_weight`` on.
    """
    if _takes_weights(type(estimator)):  # type: ignore[arg-type]  # classes hash
        return "sample_weight"
    if _routing_enabled():
        routing = get_routing_for_object(estimator)
        return "sample_weight" if routing.consumes("fit", ["sample_weight"]) else None
    return _inner_weight_parameter(estimator)


def _inner_weight_parameter(estimator: BaseEstimator) -> str | None:
    """Return the name for a meta-estimator of scikit-learn that hands weights on."""
    # here, since `import skperf` would pay for them
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.pipeline import Pipeline

    from skperf.utils._sklearn import BaseSearchCV

    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = None if last == "passthrough" else weight_parameter(last)
        return inner and f"{name}__{inner}"
    if isinstance(estimator, BaseSearchCV):
        return weight_parameter(estimator.estimator)
    if isinstance(estimator, TransformedTargetRegressor):
        regressor = estimator.regressor
        return "sample_weight" if regressor is None else weight_parameter(regressor)
    return None


@lru_cache(maxsize=128)  # reading a signature takes as long as some fits
def _takes_weights(cls: type) -> bool:
    return hasattr(cls, "fit") and has_fit_parameter(cls, "sample_weight")
