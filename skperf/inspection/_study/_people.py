# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whose row is whose, and which groups people are in: from columns, arrays, masks."""

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import column_or_1d

from skperf.utils._sklearn import (
    _num_samples,
    _safe_indexing,
    check_pandas_support,
)
from skperf.utils._tables import column_indices

_MOST_GROUPS = 30


def take_persons(X, groups):
    """Return X and the person of each row; a column that tells it leaves X.

    Parameters
    ----------
    X : table
        The features.

    groups : str, array-like of shape (n_samples,) or None
        The name of a column, or labels. None means that each row is a person.

    Returns
    -------
    X : table
        Without that column.

    persons : ndarray of shape (n_samples,) or None
        Labels.
    """
    if groups is None:
        return X, None
    if isinstance(groups, str):
        (place,) = column_indices(X, groups)
        persons = _labels(_safe_indexing(X, groups, axis=1))
        others = np.delete(np.arange(X.shape[1]), place).tolist()
        X = _safe_indexing(X, others, axis=1)
    else:
        persons = _labels(groups)
    check_consistent_length(X, persons)
    n_missing = int(_is_missing(persons).sum())
    if n_missing:
        raise ValueError(
            f"groups says whose each row is, and {n_missing} rows have none. Give "
            "each row a person; a row of its own may have a label of its own."
        )
    return X, persons


def number_persons(persons, n_samples):
    """Return the number of the person of each row."""
    if persons is None:
        return np.arange(n_samples)
    pandas = check_pandas_support("A study")
    return pandas.factorize(persons)[0]  # labels of any type


def find_groups(X, by):
    """Return the groups that answers are asked for, as masks of rows by name.

    Parameters
    ----------
    X : table
        The features, all of them.

    by : str, array-like of shape (n_samples,), dict of str to mask, or None
        The name of a column, labels, or masks that may overlap.

    Returns
    -------
    groups : dict of str to ndarray of shape (n_samples,)
        Masks.
    """
    n_samples = _num_samples(X)
    if by is None:
        return {}
    if isinstance(by, dict):
        return {str(name): _mask(name, mask, n_samples) for name, mask in by.items()}
    if isinstance(by, str):
        column_indices(X, by)  # says which columns there are
        by = _safe_indexing(X, by, axis=1)
    check_consistent_length(X, by)
    labels, order = _labels(by), _order(by)
    missing = _is_missing(labels)
    _require_few(labels[~missing])
    distinct = order or _sorted(set(labels[~missing].tolist()))
    groups = {str(value): labels == value for value in distinct}
    groups = {name: mask for name, mask in groups.items() if mask.any()}
    return groups | ({"missing": missing} if missing.any() else {})


def _labels(column):
    if nw.dependencies.is_into_series(column):
        return np.array(nw.from_native(column, series_only=True).to_list(), object)
    return column_or_1d(np.asarray(column)).astype(object)


def _order(column):
    """Return the categories of a column in their order, None if it has none."""
    if not nw.dependencies.is_into_series(column):
        return None
    series = nw.from_native(column, series_only=True)
    if not isinstance(series.dtype, nw.Categorical | nw.Enum):
        return None
    return series.cat.get_categories().to_list()


def _is_missing(labels):
    return np.array([label is None or label != label for label in labels], bool)


def _sorted(values):
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)


def _mask(name, mask, n_samples):
    mask = np.asarray(mask)
    if mask.dtype.kind != "b" or mask.shape != (n_samples,):
        raise ValueError(
            f"by[{name!r}] is an array of {mask.dtype} of the shape {mask.shape}; "
            f"expected a mask, of booleans of shape ({n_samples},)."
        )
    return mask


def _require_few(labels):
    n_groups = len(set(labels.tolist()))
    if n_groups > _MOST_GROUPS:
        raise ValueError(
            f"by has {n_groups} different values; expected at most {_MOST_GROUPS} "
            "groups. Cut numbers into ranges, as by pandas.cut(X['age'], [0, 30, 60, "
            "120]), or give a dict of masks."
        )
