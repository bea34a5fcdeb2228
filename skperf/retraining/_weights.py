# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Sample weights: does an estimator take them, and how are they handed over."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NoReturn

from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.validation import has_fit_parameter

from skperf.retraining._losses import differ
from skperf.retraining._parts import (
    find_sampler,
    inner_estimators,
    warn_of_unweighted_steps,
)
from skperf.shift import Sample
from skperf.utils._sklearn import _routing_enabled

#: What CalibratedClassifierCV and others of scikit-learn warn of, with any name.
_NOT_HANDED_ON = (
    r"(?s).*(not appear to accept\s+sample_weight"
    r"|not support\s+sample_weight"
    r"|sample_weight.* will not be used)"
)
_WAYS_OUT = (
    "Use a shift that draws rows, such as ResampleIfRejected(resampling='common') or "
    "'drawn', or an estimator with sample weights, which mixtures of rounds in "
    "MemoryShift and LaggedShift always need."
)


def fit_with_weights(
    estimator: BaseEstimator, sample: Sample, **fit_params: object
) -> BaseEstimator:
    """Fit `estimator` on the rows of a sample.

    Equal weights are left out where the estimator takes none.

    Raises
    ------
    ValueError
        If the weights differ and the estimator takes none, does not hand them on, or
        draws other rows by a sampler.
    """
    X, y, sample_weight, *_ = sample
    if sample_weight is None:
        return estimator.fit(X, y, **fit_params)
    name = weight_parameter(estimator)
    unequal = differ(sample_weight)
    if name is None and unequal:
        _refuse_weights(estimator)
    if name is not None:
        fit_params = {name: sample_weight, **fit_params}
    if not unequal or next(inner_estimators(estimator), None) is None:
        return estimator.fit(X, y, **fit_params)
    warn_of_unweighted_steps(estimator)
    with _weights_must_arrive(estimator):
        return estimator.fit(X, y, **fit_params)


def _refuse_weights(estimator: BaseEstimator) -> NoReturn:
    sampler = find_sampler(estimator)
    if sampler is not None:
        raise ValueError(
            f"{type(estimator).__name__} draws rows by {type(sampler).__name__}"
            ".fit_resample, and the rows to be learnt from have different weights: "
            "after the sampler nobody knows whose they are. Use a shift that draws "
            "rows, such as ResampleIfRejected(resampling='common') or 'drawn', or take "
            "the sampler out and resample before fit."
        )
    where = "of the step or inner estimator that is to get them"
    advice = f"Metadata routing is on: call set_fit_request(sample_weight=True) {where}"
    if not _routing_enabled():
        advice = (
            "If it is a meta-estimator, enable metadata routing and "
            "set_fit_request(sample_weight=True) on the inner estimator"
        )
    raise ValueError(
        f"{type(estimator).__name__} takes no sample_weight in fit, but the rows "
        f"to be learnt from have different weights. {_WAYS_OUT} {advice}."
    )


@contextmanager
def _weights_must_arrive(estimator: BaseEstimator) -> Iterator[None]:
    """Turn scikit-learn's warning that weights go no further into an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=_NOT_HANDED_ON)
        try:
            yield
        except UserWarning as warning:
            if not re.match(_NOT_HANDED_ON, str(warning)):
                raise
            raise ValueError(
                f"{type(estimator).__name__} takes sample_weight and does not hand it "
                "on to the estimator inside, but the rows to be learnt from have "
                f"different weights. {_WAYS_OUT} Or enable metadata routing and "
                "set_fit_request(sample_weight=True) on the inner estimator. "
                f"scikit-learn says: {warning}"
            ) from warning


def weight_parameter(estimator: BaseEstimator) -> str | None:
    """Return the name under which ``estimator.fit`` takes weights, None if it doesn't.

    Without metadata routing a Pipeline hands ``<last step>__sample_weight`` to its last
    step; a search and a TransformedTargetRegressor hand ``sample_weight`` on. Weights
    go no further than a sampler, which makes other rows of those it gets.
    """
    if find_sampler(estimator) is not None:
        return None
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
