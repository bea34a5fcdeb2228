# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A sample of people: what is seen while a model is deployed."""

from collections.abc import Hashable
from typing import NamedTuple, TypeAlias
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length

from skperf.utils._by_rows import extremes, in_blocks, keep, number_of_each
from skperf.utils._sklearn import _check_sample_weight, _num_samples
from skperf.utils._tables import concatenate, take_rows

#: An array, a sparse matrix, a data frame or a list; helpers of `utils` look inside.
Table: TypeAlias = object
Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp]


class Sample(NamedTuple):
    """Data observed while a model is deployed.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    sample_weight : ndarray of shape (n_samples,), default=None
        Non-negative weights; None when all rows count the same.

    groups : ndarray of shape (n_samples,), default=None
        The person of each row, where a person has several: the labels that were given
        with the base population, or its row numbers. None when nothing is known.

    support : hashable, default=None
        A key of the rows. Two samples with equal keys have equal X and y, row by row,
        and differ in their weights only. It survives a pickle and another process.
        None leaves it to the contents.

    Examples
    --------
    >>> from skperf.shift import Sample
    >>> sample = Sample(X=[[1.0], [2.0]], y=[0, 1])
    >>> X, y, sample_weight, groups, support = sample
    >>> print(sample_weight)
    None
    """

    X: Table
    y: Table
    sample_weight: Floats | None = None
    groups: NDArray | None = None
    support: Hashable = None


def base_sample(
    X: Table, y: Table, sample_weight: Floats | None, groups: NDArray | None
) -> Sample:
    """Return a base population, with a key of its own."""
    return Sample(X, y, sample_weight, groups, new_key("base"))


def new_key(name: str) -> Hashable:
    """Return a key that no other rows have."""
    return name, uuid4().hex


def check_sample(returned: object, giver: object) -> Sample:
    """Return what a shift or world gave as a Sample, or say what is wrong with it."""
    name = type(giver).__name__
    if not isinstance(returned, tuple) or not 2 <= len(returned) <= len(Sample._fields):
        raise TypeError(
            f"{name} returned {type(returned).__name__}; expected a Sample(X, y, "
            "sample_weight) or a tuple (X, y)."
        )
    sample = Sample(*returned)
    check_consistent_length(sample.X, sample.y)
    if sample.groups is not None and len(sample.groups) != _num_samples(sample.X):
        raise ValueError(
            f"{name} returned {len(sample.groups)} groups for {_num_samples(sample.X)} "
            "rows; expected the person of each row, or None."
        )
    if sample.sample_weight is None or _are_plain_weights(sample):
        return sample
    weights = sample.sample_weight
    if in_blocks(weights):
        weights = keep(weights)  # estimators want them too
    else:
        weights = _check_sample_weight(weights, sample.X)
    low, _ = extremes(weights)
    if low < 0:
        raise ValueError(
            f"{name} returned negative sample weights (minimum {low:.3g}); a sample of "
            "people needs weights of zero or more."
        )
    return sample._replace(sample_weight=weights)


def _are_plain_weights(sample: Sample) -> bool:
    """Return whether scikit-learn need not look at the weights, which takes a while."""
    weights = sample.sample_weight
    if not isinstance(weights, np.ndarray) or weights.dtype != np.float64:
        return False
    if weights.shape != (_num_samples(sample.X),) or not len(weights):
        return False
    return bool(weights.min() >= 0 and 0 < weights.max() < np.inf)


def require_outputs(returned: Table, given: Table, giver: object) -> None:
    """Raise a ValueError where targets got other columns, as broadcasting makes them.

    A column of targets plus a row of predictions is a table of n x n.
    """
    after, before = (getattr(y, "shape", None) for y in (returned, given))
    if after is None or before is None or not before[0]:
        return
    if np.prod(after[1:], dtype=int) != np.prod(before[1:], dtype=int):
        raise ValueError(
            f"{type(giver).__name__} was given targets of shape {tuple(before)} and "
            f"returned some of shape {tuple(after)}; expected as many columns. A "
            "column and a vector of predictions broadcast to a table: reshape y_pred "
            "to the shape of y, or give y without columns."
        )


def keep_labels(sample: Sample, given: Sample) -> Sample:
    """Return a sample made of the rows of `given` with the labels of these rows.

    `sample.groups` are row numbers of `given`. Where the very tables were returned,
    rows and persons are those that were given.
    """
    same_rows = sample.X is given.X
    if sample.groups is not None:
        if given.groups is not None:
            sample = sample._replace(groups=take_rows(given.groups, sample.groups))
    elif same_rows:
        sample = sample._replace(groups=given.groups)
    if same_rows and sample.y is given.y:
        sample = sample._replace(support=given.support)
    return sample


def stand_twice(base: Sample, y: Table) -> Sample:
    """Return each row of a base population twice, with other targets."""
    X = concatenate([base.X, base.X])
    twice = Sample(X, y, groups=np.tile(persons(base), 2))
    return keep_labels(twice, base)._replace(support=new_key("twice"))


def persons(base: Sample) -> Rows:
    """Return the rows of a base population as numbers."""
    if in_blocks(base.X):
        return number_of_each(base.X)
    return np.arange(_num_samples(base.X))


def as_weights(sample_weight: Floats | None, n_samples: int) -> Floats:
    """Return the weights as an array, ones for None."""
    if sample_weight is not None and in_blocks(sample_weight):
        return sample_weight
    return np.ones(n_samples) if sample_weight is None else np.asarray(sample_weight)
