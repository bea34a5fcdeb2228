# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Who responds to a model: people with some label, of a mask, or by a function."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import type_of_target

from skperf.shift._labels import Label
from skperf.shift._sample import Table
from skperf.utils._arrays import to_numpy
from skperf.utils._labels import name_their_positive
from skperf.utils._sklearn import _num_samples

Mask: TypeAlias = NDArray[np.bool_]
Responds: TypeAlias = Label | ArrayLike | Callable[[Table, Table], Mask] | None


def responders(responds: Responds, X: Table, y: Table) -> Mask | None:
    """Return a mask of the rows of people who respond; None for everybody.

    Raises
    ------
    ValueError
        If it is not clear who is meant.
    """
    if responds is None:
        return None
    n_samples = _num_samples(X)
    if callable(responds):
        return _check_mask(np.asarray(responds(X, y)), n_samples, "returned")
    given = np.asarray(responds)
    labels = to_numpy(y)
    if _may_be_mask(given, labels):
        _require_mask_only(given, labels)
        return _check_mask(given, n_samples, "is")
    return _of_labels(np.atleast_1d(given), labels)


def _check_mask(mask: NDArray, n_samples: int, verb: str) -> Mask:
    if mask.dtype.kind == "b" and mask.shape == (n_samples,):
        return mask
    raise ValueError(
        f"responds {verb} an array of {mask.dtype} of the shape {mask.shape}, and the "
        f"population has {n_samples} rows; expected a mask, of booleans of shape "
        f"({n_samples},). For other populations, as of a split or after another shift, "
        "give a function of (X, y) that returns one."
    )


def _may_be_mask(given: NDArray, labels: NDArray) -> bool:
    """Return whether these are booleans for rows, and not labels that are booleans."""
    if given.dtype.kind != "b" or not given.ndim:
        return False
    return labels.dtype.kind != "b" or given.shape == labels.shape[:1]


def _require_mask_only(given: Mask, labels: NDArray) -> None:
    """Raise where booleans may be a mask or labels."""
    if labels.dtype.kind == "b":
        raise ValueError(
            f"responds={given.tolist()} may be a mask of the {len(labels)} rows or "
            "labels, which are booleans too. Give a function of (X, y) that returns a "
            "mask, such as lambda X, y: y == True."
        )


def _of_labels(asked: NDArray, labels: NDArray) -> Mask:
    """Return a mask of the rows that have one of some labels."""
    names = asked.tolist()
    known = _known_labels(labels)
    if asked.ndim > 1 or len(set(names)) < len(names):
        raise ValueError(
            f"responds holds {asked.size} values of the shape {asked.shape}, some of "
            "them several times; expected different labels of y, or a mask, which "
            "holds booleans: responds=mask.astype(bool)."
        )
    strange = [name for name in names if not _is_label(name, known)]
    if strange or not names:
        raise ValueError(
            f"responds={names} names labels of y, which are {known}; {strange} are not "
            "among them. For rows give a mask of booleans, or a function of (X, y)."
        )
    return np.isin(labels.ravel(), asked)


def _known_labels(labels: NDArray) -> list[Label]:
    if labels.ndim > 1 and labels.size > len(labels):
        what = f"targets of shape {labels.shape}"
    elif type_of_target(labels).startswith("continuous"):
        what = "targets that are no labels"
    else:
        return list(np.unique(labels).tolist())
    raise ValueError(
        f"responds names labels, and y holds {what}. Give a mask of booleans, or a "
        "function of (X, y) that returns one."
    )


def _is_label(name: Label, known: list[Label]) -> bool:
    """Return whether y has a label, or could have: a sample may lack the 1 of 0 and 1.

    A boolean is no number here: it would be everybody or nobody.
    """
    if isinstance(name, bool) != isinstance(known[0], bool):
        return False
    return name in known or (
        not isinstance(name, str) and name_their_positive(np.array([*known, name]))
    )
