# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Who trains and who is held out: nobody is ever both."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)

_N_FOLDS = 4  # of which one is held out, where nothing else is asked for


def split_people(cv, y, persons, *, classifier, random_state):
    """Return pairs of row numbers, of those who train and of those held out.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        None holds a quarter of the people out, once; an int makes folds.

    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets; classes are stratified.

    persons : ndarray of shape (n_samples,)
        Numbers of the persons.

    classifier : bool
        Whether there are classes.

    random_state : int
        Shuffles people.

    Returns
    -------
    splits : list of (ndarray, ndarray)
        Row numbers.
    """
    several = len(np.unique(persons)) < len(persons)
    stratified = classifier and y.ndim == 1
    splitter = _choose(cv, several, stratified, random_state)
    rows = np.zeros((len(persons), 1))
    with warnings.catch_warnings():  # below is judged whether groups were needed
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")
        splits = list(splitter.split(rows, y, persons if several else None))
    if cv is None:
        splits = splits[:1]
    for train, test in splits:
        _require_apart(persons[train], persons[test])
    return splits


def _choose(cv, several, stratified, random_state):
    """Return what splits the rows."""
    once = cv is None and not (several and stratified)
    if once:
        kinds = {(0, 0): ShuffleSplit, (0, 1): StratifiedShuffleSplit}
        kind = kinds.get((several, stratified), GroupShuffleSplit)
        return kind(1, test_size=1 / _N_FOLDS, random_state=random_state)
    if cv is None or isinstance(cv, Integral):
        folds = {
            (0, 0): KFold,
            (0, 1): StratifiedKFold,
            (1, 0): GroupKFold,
            (1, 1): StratifiedGroupKFold,
        }
        n_folds = _N_FOLDS if cv is None else cv
        kind = folds[several, stratified]
        return kind(n_folds, shuffle=True, random_state=random_state)
    return check_cv(cv)


def _require_apart(train, test):
    """Raise a ValueError where somebody is on both sides."""
    both = np.intersect1d(train, test)
    if len(both):
        raise ValueError(
            f"cv puts {len(both)} persons on both sides of a split, so that models "
            "are judged on people whom they know. Use a splitter that respects "
            "groups, such as GroupKFold, or a number of folds."
        )
