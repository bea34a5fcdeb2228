# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Snapshots in memory: where a path keeps them if nobody gives it a store."""

from collections.abc import Hashable, Mapping, Sequence
from copy import deepcopy
from types import MappingProxyType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from skperf.retraining._late import (
    Decisions,
    Labelled,
    Logged,
    check_ids,
    choose_labelled,
    find_rows,
    warn_of_missing,
)
from skperf.retraining._store import Snapshot, SnapshotMeta
from skperf.shift import Sample
from skperf.shift._mixture import stack
from skperf.shift._sample import Floats, Table
from skperf.utils._tables import take_rows


class MemoryStore:
    """Snapshots in memory: those that later rounds will be trained on.

    Parameters
    ----------
    snapshots : sequence of Snapshot, default=()
        The oldest first.

    logged : mapping of hashable to Logged, default={}
        What :meth:`log` and :meth:`label` have noted, by period.

    See Also
    --------
    SnapshotStore : On disk, with all models, and for more than one process.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.retraining import MemoryStore
    >>> from skperf.shift import Sample
    >>> sample = Sample(np.ones((2, 1)), np.array([0, 1]))
    >>> store = MemoryStore()
    >>> more = store.append("May", sample, np.array([0.5, 0.5]), {"n_models": 1})
    >>> len(store), len(more), more.meta("May")["n_models"]
    (0, 1, 1)
    """

    def __init__(
        self,
        snapshots: Sequence[Snapshot] = (),
        logged: Mapping[Hashable, Logged] = MappingProxyType({}),
    ) -> None:
        self._snapshots = tuple(snapshots)
        self._logged = dict(logged)

    def append(
        self,
        period: Hashable,
        sample: Sample,
        y_pred: Floats,
        meta: SnapshotMeta,
    ) -> Self:
        """Return the store with one more snapshot.

        Parameters
        ----------
        period : hashable
            What the period is called.

        sample : Sample
            The data.

        y_pred : ndarray of shape (n_base_samples,)
            What the model predicted on the base population.

        meta : dict
            The other fields of :class:`Snapshot`.

        Returns
        -------
        store : MemoryStore
            Another store; this one stays as it is.
        """
        residual, n_models = meta.get("residual"), meta.get("n_models", 1)
        newest = Snapshot(sample, y_pred, residual, n_models, period)
        return type(self)((*self._snapshots, newest), self._logged)

    def keep(self, snapshots: Sequence[Snapshot]) -> Self:
        """Return the store of these snapshots alone.

        Parameters
        ----------
        snapshots : sequence of Snapshot
            What the round has made of the store's content.

        Returns
        -------
        store : MemoryStore
            Another store; this one stays as it is.
        """
        return type(self)(snapshots, self._logged)

    def meta(self, period: Hashable) -> SnapshotMeta:
        """Return what is known of a period besides its data.

        Parameters
        ----------
        period : hashable
            What the period is called.

        Returns
        -------
        meta : dict
            The fields of :class:`Snapshot` but sample, predictions and period.

        Raises
        ------
        KeyError
            If no snapshot of that period is kept.
        """
        for snapshot in self._snapshots:
            if snapshot.period == period:
                return {
                    "residual": snapshot.residual,
                    "n_models": snapshot.n_models,
                }
        raise KeyError(period)

    def periods(self) -> tuple[Hashable, ...]:
        """Return what the snapshots' periods are called, the oldest first.

        Returns
        -------
        periods : tuple of hashable
            One a snapshot.
        """
        return tuple(snapshot.period for snapshot in self._snapshots)

    def read(self, *periods: Hashable) -> Sample:
        """Return the rows of some periods.

        Parameters
        ----------
        *periods : hashable
            At least one of :meth:`periods`.

        Returns
        -------
        sample : Sample
            Their rows, one below the other.
        """
        unknown = [period for period in periods if period not in self.periods()]
        if unknown or not periods:
            raise ValueError(
                f"{unknown} are not in the store; expected some of {self.periods()}."
            )
        known = dict(zip(self.periods(), self._snapshots, strict=True))
        return stack([known[period].sample for period in periods])

    def log(
        self, X: Table, y_pred: ArrayLike, ids: ArrayLike, period: Hashable
    ) -> Self:
        """Return the store with rows whose labels come later.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            What was seen.

        y_pred : array-like of shape (n_samples,)
            What was predicted.

        ids : array-like of shape (n_samples,)
            Who it was, each once.

        period : hashable
            What the period is called. It is logged once.

        Returns
        -------
        store : MemoryStore
            Another store; this one stays as it is.
        """
        if period in self._logged:
            raise ValueError(f"The period {period!r} is in the store already.")
        persons = check_ids(ids, X, period)
        decisions = Decisions(persons, np.arange(len(persons)), {})
        logged = Logged(deepcopy(X), np.array(y_pred, float), decisions)
        return type(self)(self._snapshots, {**self._logged, period: logged})

    def label(self, ids: ArrayLike, y: ArrayLike, period: Hashable = None) -> Self:
        """Return the store with labels of rows that were logged.

        Parameters
        ----------
        ids : array-like of shape (n_labels,)
            Whose labels they are, as in :meth:`log`.

        y : array-like of shape (n_labels,)
            The labels. One that is there already changes nothing, if it is the same.

        period : hashable, default=None
            Where the rows were logged. Needed for people who were in several periods.

        Returns
        -------
        store : MemoryStore
            Another store; this one stays as it is.
        """
        decisions = {name: logged.decisions for name, logged in self._logged.items()}
        after = dict(self._logged)
        for name, (numbers, new) in find_rows(decisions, ids, y, period).items():
            labels = decisions[name].labels | dict(zip(numbers, new, strict=True))
            labelled = decisions[name]._replace(labels=labels)
            after[name] = after[name]._replace(decisions=labelled)
        return type(self)(self._snapshots, after)

    def labelled(self, period: Hashable) -> Labelled:
        """Return the logged rows that have their labels.

        Warns where labels are missing. What comes after a period was trained on is not
        trained on any more: that needs a :class:`SnapshotStore`, which knows.

        Parameters
        ----------
        period : hashable
            A period that was logged.

        Returns
        -------
        labelled : dict
            What ``partial_fit`` takes, as in
            ``minimizer.partial_fit(**store.labelled("2026-11"))``.
        """
        if period not in self._logged:
            raise ValueError(
                f"{period!r} is no period that was logged: {list(self._logged)}."
            )
        X, _, decisions = self._logged[period]
        places = choose_labelled(decisions, (), period)
        warn_of_missing(decisions, period)
        numbers = decisions.numbers[places].tolist()
        return Labelled(
            X=take_rows(X, places),
            y=np.array([decisions.labels[number] for number in numbers]),
            groups=decisions.ids[places],
            period=period,
            deployed=None,
        )

    def of_round(self, number: int) -> tuple[Floats, Floats | None]:
        """Raise a KeyError: models are not kept.

        Parameters
        ----------
        number : int
            Of a round before the last two.
        """
        raise KeyError(number)

    def __getitem__(
        self, key: "slice[int | None, int | None, None]"
    ) -> Sequence[Snapshot]:
        """Return some of the snapshots, the oldest first."""
        return self._snapshots[key]

    def __len__(self) -> int:
        """Return the number of snapshots."""
        return len(self._snapshots)
