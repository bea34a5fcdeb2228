# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What stands inside a meta-estimator, as far as weights are concerned."""

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import get_routing_for_object

from skperf.utils._sklearn import _routing_enabled

_PLAIN = (str, int, float, np.ndarray, dict)  # what most parameters are


def inner_estimators(estimator: object) -> Iterator[BaseEstimator]:
    """Give the estimators that are parameters of this one: alone or in its steps."""
    for name, value in getattr(estimator, "__dict__", {}).items():
        if value is None or isinstance(value, _PLAIN):
            continue
        if name.startswith("_") or name.endswith("_"):
            continue  # fitted, not given
        entries = value if isinstance(value, list | tuple) else [value]
        for entry in entries:
            parts = entry if isinstance(entry, tuple) else [entry]
            yield from (part for part in parts if _is_estimator(part))


def find_sampler(estimator: BaseEstimator) -> BaseEstimator | None:
    """Return the estimator or a part of it that makes other rows, None without one.

    Samplers in the manner of imbalanced-learn are told by ``fit_resample``.
    """
    if hasattr(estimator, "fit_resample"):
        return estimator
    found = map(find_sampler, inner_estimators(estimator))
    return next((sampler for sampler in found if sampler is not None), None)


def warn_of_unweighted_steps(estimator: BaseEstimator) -> None:
    """Warn where a step of a pipeline learns from the targets and gets no weights."""
    for pipeline in _with_parts(estimator):
        for step in _preprocessing(pipeline):
            if any(_learns_unweighted(part) for part in _with_parts(step)):
                warnings.warn(
                    f"The step {type(step).__name__} learns from y and gets no sample "
                    "weights, so it sees the rows as they are before they are weighted."
                    " If it takes weights, enable metadata routing and call its "
                    "set_fit_request(sample_weight=True); otherwise use a shift that "
                    "draws rows, such as ResampleIfRejected(resampling='common').",
                    UserWarning,
                    stacklevel=2,
                )


def _preprocessing(pipeline: BaseEstimator) -> list[BaseEstimator]:
    steps = getattr(pipeline, "steps", None) or []
    return [step for _, step in steps[:-1] if _is_estimator(step)]


def _learns_unweighted(step: BaseEstimator) -> bool:
    try:
        required = get_tags(step).target_tags.required
    except AttributeError:  # it tells nothing of itself
        return False
    if not required:
        return False
    if not _routing_enabled():
        return True  # a pipeline hands weights to its last step
    return not get_routing_for_object(step).consumes("fit", ["sample_weight"])


def _with_parts(estimator: BaseEstimator) -> Iterator[BaseEstimator]:
    """Give the estimator, what it holds, and what that holds."""
    yield estimator
    for part in inner_estimators(estimator):
        yield from _with_parts(part)


def _is_estimator(value: object) -> bool:
    fits = hasattr(value, "fit") or hasattr(value, "fit_resample")
    return fits and not isinstance(value, type)
