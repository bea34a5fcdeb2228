# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Who trains and who is held out: persons are split, not rows, so nobody is both."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)

_HELD_OUT = 0.25  # the share of persons, where nothing else is asked for


def split_people(cv, y, persons, *, classifier, random_state):
    """Return pairs of row numbers, of those who train and of those held out.

    Parameters
    ----------
    cv : int, splitter, iterable or None
        None holds a quarter of the people out, once; an int makes folds of them. Both
        stratify them by the rarest class that a person has.

    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Targets.

    persons : ndarray of shape (n_samples,)
        Numbers of the persons, from 0 on.

    classifier : bool
        Whether there are classes.

    random_state : int
        Shuffles people.

    Returns
    -------
    splits : list of (ndarray, ndarray)
        Row numbers.
    """
    if cv is not None and not isinstance(cv, Integral):
        return _split_rows(check_cv(cv), y, persons)
    n_persons = persons.max() + 1
    stratified = classifier and y.ndim == 1
    labels = _rarest_class(y, persons, n_persons) if stratified else None
    splitter = _choose(cv, stratified, random_state)
    splits = []
    for _, test in splitter.split(np.zeros((n_persons, 1)), labels):
        is_out = np.zeros(n_persons, bool)
        is_out[test] = True
        rows = is_out[persons]
        splits.append((np.flatnonzero(~rows), np.flatnonzero(rows)))
    return splits


def _choose(cv, stratified, random_state):
    """Return what splits persons."""
    if cv is None:
        kind = StratifiedShuffleSplit if stratified else ShuffleSplit
        return kind(1, test_size=_HELD_OUT, random_state=random_state)
    kind = StratifiedKFold if stratified else KFold
    return kind(cv, shuffle=True, random_state=random_state)


def _rarest_class(y, persons, n_persons):
    """Return for each person the rarest of the classes of the rows."""
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    ranks = np.argsort(np.argsort(counts, kind="stable"))
    labels = np.full(n_persons, len(counts))
    np.minimum.at(labels, persons, ranks[codes])
    return labels


def _split_rows(splitter, y, persons):
    """Return what a splitter makes of the rows, if it keeps persons whole."""
    several = len(np.unique(persons)) < len(persons)
    rows = np.zeros((len(persons), 1))
    with warnings.catch_warnings():  # below is judged whether groups were needed
        warnings.filterwarnings("ignore", message="The groups parameter is ignored")
        splits = list(splitter.split(rows, y, persons if several else None))
    for train, test in splits:
        both = np.intersect1d(persons[train], persons[test])
        if len(both):
            raise ValueError(
                f"cv puts {len(both)} persons on both sides of a split, so that models "
                "are judged on people whom they know. Use a splitter that respects "
                "groups, such as GroupKFold, or a number of folds."
            )
    return splits
