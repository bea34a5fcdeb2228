# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Several rows of one person: who must know of it, and who would misread it."""

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metadata_routing import get_routing_for_object
from sklearn.utils.random import sample_without_replacement

from skperf.exceptions import RepeatedPersonsWarning
from skperf.retraining._weights import weight_parameter
from skperf.shift import Predictor, Sample
from skperf.shift._sample import Floats, Table
from skperf.utils._by_rows import fold_rows, in_blocks
from skperf.utils._sklearn import _num_samples, _routing_enabled
from skperf.utils._tables import concatenate, take_rows

_N_PROBED = 400  # rows
_MOVED = 1e-6  # of a prediction, beyond what a solver's last digits do
_FAR = 0.05  # no solver's last digits do that
_ROUNDING = 100  # times as much as the last bits of the weights do
_SUMS = 1000  # times the precision of numbers, that of a fit and its predictions
_LARGE = 10_000  # rows from which on scikit-learn's boosting stops early by itself


def groups_parameter(estimator: BaseEstimator) -> str | None:
    """Return the name under which ``fit`` hands groups to a splitter that uses them.

    With metadata routing that is as the user asked for it. Without, a search, alone or
    as the last step of a Pipeline, gets them if its ``cv`` splits by groups.
    """
    from sklearn.pipeline import Pipeline  # `import skperf` would pay for it

    from skperf.utils._sklearn import BaseSearchCV

    if _routing_enabled():
        routing = get_routing_for_object(estimator)
        return "groups" if routing.consumes("fit", ["groups"]) else None
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = None if last == "passthrough" else groups_parameter(last)
        return inner and f"{name}__{inner}"
    if isinstance(estimator, BaseSearchCV) and _splits_by_groups(estimator.cv):
        return "groups"
    return None


def _splits_by_groups(cv: object) -> bool:
    requests = getattr(cv, "get_metadata_routing", None)
    return requests is not None and bool(requests().consumes("split", ["groups"]))


def repeats(groups: NDArray | None) -> bool:
    """Return whether a person has several rows."""
    if groups is None:
        return False
    if in_blocks(groups):
        return _repeats_in_blocks(groups)
    if groups.dtype.kind in "iu" and (np.diff(groups) > 0).all():
        return False  # without sorting, as rows in their order are
    return len(np.unique(groups)) < len(groups)


def _repeats_in_blocks(groups: NDArray) -> bool:
    """Return whether a person has several rows, of which few are in memory at a time.

    Rows in the order of their persons are told by the ends of the blocks. Rounds of the
    same people below each other have more rows than there are numbers for persons.
    """
    several, ordered, low, high = fold_rows(_look, _look_across, groups)
    if several or ordered:
        return bool(several)
    if groups.shape[0] > int(high) - int(low) + 1:
        return True
    return len(fold_rows(np.unique, np.union1d, groups)) < groups.shape[0]


def _look(groups: NDArray) -> NDArray:
    """Return if persons come again, if they are in order, and the ends of their range.

    What is no whole number may be anything.
    """
    if groups.dtype.kind not in "iu":
        several = len(np.unique(groups)) < len(groups)
        return np.array([several, False, 0, np.iinfo(np.int64).max])
    ordered = (np.diff(groups) > 0).all()
    several = not ordered and len(np.unique(groups)) < len(groups)
    return np.array([several, ordered, groups.min(), groups.max()])


def _look_across(before: NDArray, after: NDArray) -> NDArray:
    ordered = before[1] and after[1] and before[3] < after[2]
    low, high = min(before[2], after[2]), max(before[3], after[3])
    return np.array([before[0] or after[0], ordered, low, high])


def warn_if_counted(estimator: BaseEstimator, sample: Sample) -> None:
    """Warn if the estimator would take the rows of a person for persons."""
    reason = _reason(estimator, sample)
    if reason is not None:
        warnings.warn(
            f"Several rows of the sample are one person, and {type(estimator).__name__}"
            f" {reason}: it takes them for different people, and its choices can be "
            "far from those for new people. Use a sample with one row a person "
            "(resampling='common' or 'drawn' with strategic_features), a search whose "
            "cv splits by groups, such as GroupKFold, or settings that do not count "
            "rows.",
            RepeatedPersonsWarning,
            stacklevel=2,
        )


def _reason(estimator: BaseEstimator, sample: Sample) -> str | None:
    """Say how the estimator counts or splits rows, None if it does neither."""
    handed = groups_parameter(estimator) is not None
    params = estimator.get_params()
    for name, value in params.items():
        last = name.rpartition("__")[2]
        if _splits(last, value, params, _num_samples(sample.X)):
            if handed and last == "cv":
                continue  # that splitter knows the persons
            return f"splits rows by {name}={value!r}"
    if handed:
        return None
    return "counts rows" if _counts(estimator, sample) else None


def _splits(
    name: str, value: object, params: Mapping[str, object], n_samples: int
) -> bool:
    """Return whether a parameter of that name has rows held out."""
    if name == "cv":
        return value != "prefit"
    if name == "early_stopping":
        return value is True or (value == "auto" and n_samples > _LARGE)
    if name == "n_iter_no_change":  # of the training loss, where no rows are held out
        others = {param.rpartition("__")[2] for param in params}
        holds_out = "validation_fraction" in others and "early_stopping" not in others
        return value is not None and holds_out
    return name == "oob_score" and bool(value)


def _counts(estimator: BaseEstimator, sample: Sample) -> bool:
    """Return whether each row twice, with half the weight, is another sample to it.

    A solver that ends elsewhere if weights differ in their last bits says nothing.
    """
    n_samples = _num_samples(sample.X)
    rng = np.random.RandomState(0)
    n_probed = min(n_samples, _N_PROBED)
    rows = np.sort(sample_without_replacement(n_samples, n_probed, random_state=rng))
    X, y = take_rows(sample.X, rows), take_rows(sample.y, rows)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ones = np.ones(len(rows))
            once = _fit_seeded(estimator, X, y, ones)(X)
            halves = np.full(2 * len(rows), 0.5)
            twice = _fit_seeded(estimator, _twice(X), _twice(y), halves)(X)
            moved = np.abs(once - twice).max()
            if moved <= max(_MOVED, _precision(once)) or moved > _FAR:
                return bool(moved > _FAR)
            nudged = ones + rng.randint(4, size=len(rows)) * np.finfo(float).eps
            noise = np.abs(once - _fit_seeded(estimator, X, y, nudged)(X)).max()
    except Exception:  # a few rows may not do, and then nothing is known
        return False
    return bool(moved > _ROUNDING * noise)


def _precision(y_pred: Floats) -> float:
    """Return what sums in another order do to predictions, large in float32."""
    eps = np.finfo(y_pred.dtype).eps if y_pred.dtype.kind == "f" else 0.0
    return float(_SUMS * eps * np.abs(y_pred).max())


def _twice(table: Table) -> Table:
    return concatenate([table, table])


def _fit_seeded(
    estimator: BaseEstimator, X: Table, y: Table, sample_weight: Floats
) -> Predictor:
    """Fit a clone with fixed random numbers."""
    model = clone(estimator)
    names = [name for name in model.get_params() if _is_seed(name)]
    model.set_params(**dict.fromkeys(names, 0))
    if hasattr(model, "set_callbacks"):
        model.set_callbacks()  # a probe is nobody's business
    parameter = weight_parameter(model)
    weights = {} if parameter is None else {parameter: sample_weight}
    return Predictor(model.fit(X, y, **weights))


def _is_seed(name: str) -> bool:
    return name.rpartition("__")[2] == "random_state"
