# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a user has set since the deployed model was trained."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator


def changed_params(
    estimator: BaseEstimator, model: BaseEstimator
) -> Mapping[str, object] | None:
    """Return the parameters in which an estimator differs from a model of its kind.

    None if it is of another kind, or holds estimators of another.
    """
    if type(estimator) is not type(model):
        return None
    new, old = estimator.get_params(), model.get_params()
    if new.keys() != old.keys():
        return None
    inner = [name for name, value in new.items() if hasattr(value, "get_params")]
    if any(type(new[name]) is not type(old[name]) for name in inner):
        return None
    return {
        name: value
        for name, value in new.items()
        if _is_plain(value) and not _equal(value, old[name])
    }


def _is_plain(value: object) -> bool:
    """Return whether a value is set as it is: no estimator, and no state of its own."""
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return False  # the model goes on with its own
    entries = value if isinstance(value, list | tuple) else [value]
    parts = [p for e in entries for p in (e if isinstance(e, tuple) else [e])]
    return not any(hasattr(part, "get_params") for part in parts)


def _equal(first: object, second: object) -> bool:
    if first is second:
        return True
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return np.array_equal(np.asarray(first), np.asarray(second))
    return type(first) is type(second) and bool(first == second)
