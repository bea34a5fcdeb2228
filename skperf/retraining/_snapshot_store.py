# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A store on disk or in a bucket, as a value: where, and what can be asked of it."""

from collections.abc import Hashable
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skperf.exceptions import StoreError
from skperf.retraining._calls import Call
from skperf.retraining._disk._address import locate
from skperf.retraining._disk._calls import Minimizer, revive, unpack
from skperf.retraining._disk._forgetting import forget
from skperf.retraining._disk._place import Place
from skperf.retraining._disk._tables import Rows
from skperf.retraining._disk._training import Disk, train, train_waiting
from skperf.retraining._disk._waiting import Waiting
from skperf.retraining._late import Labelled, check_ids, warn_of_missing
from skperf.retraining._schema import Schema
from skperf.shift import Sample
from skperf.shift._mixture import stack
from skperf.shift._sample import Table


class SnapshotStore(BaseEstimator):
    """Months of logs and models in a folder or a bucket; no crash loses any of it.

    Given to a minimizer as its `store`. Each ``partial_fit`` then commits its rows,
    trains, and stores the model; :meth:`resume` goes on from there in another process,
    and trains again what a crash has interrupted. Rows are Parquet files with
    checksums under a Delta log, which other engines read.

    Needs ``pip install skperf[store]``.

    Parameters
    ----------
    path : str or path-like
        A folder, which is made when it is first written to, or the address of a place
        in an object store, such as ``"s3://bucket/credit"``; its keys come from the
        environment. One writer at a time: of two, one is refused.

    See Also
    --------
    MemoryStore : Snapshots in memory.

    Notes
    -----
    A store holds the rows of people. Models are kept as pickles: read only a store
    whose writers you trust.

    Examples
    --------
    >>> import numpy as np
    >>> from tempfile import mkdtemp
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import AffineRiskMinimizer
    >>> from skperf.retraining import SnapshotStore
    >>> store = SnapshotStore(mkdtemp())
    >>> model = AffineRiskMinimizer(LinearRegression(), store=store, window=3)
    >>> X = np.arange(6.0).reshape(3, 2)
    >>> model = model.partial_fit(X, X[:, 0], groups=[1, 2, 3], period="2026-11")
    >>> model = store.resume()  # in another process, after a crash or not
    >>> model = model.partial_fit(X, X[:, 1], groups=[1, 2, 4], period="2026-12")
    >>> store.periods()
    ['2026-11', '2026-12']
    >>> store.forget([2])
    2
    >>> store.read("2026-11").groups
    array([1, 3])
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = path

    def periods(self) -> list[Hashable]:
        """Return the periods that are stored, the oldest first.

        Returns
        -------
        periods : list
            Those that models were trained on.
        """
        return list(self._disk().seen.records)

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

        Raises
        ------
        DamagedStoreError
            If a file is not what was written; its name is told.
        """
        seen = self._disk().seen
        unknown = [period for period in periods if period not in seen.records]
        if unknown or not periods:
            raise ValueError(
                f"{unknown} are not in the store; expected some of "
                f"{list(seen.records)}."
            )
        return stack([seen.sample(period) for period in periods])

    def resume(self, default: Minimizer | None = None) -> Minimizer:
        """Return the minimizer that goes on from what is stored.

        If a crash has come between the rows of a period and their model, the model is
        trained now. With estimators that give the same model for the same rows, it is
        the model of a run without a crash, bit by bit.

        Parameters
        ----------
        default : minimizer, default=None
            What to return where nothing is stored yet.

        Returns
        -------
        minimizer : object
            Fitted, with this store.

        Raises
        ------
        StoreError
            If nothing is stored and there is no `default`.
        """
        disk = self._disk()
        if disk.waiting is not None:
            return self._train_waiting(disk, disk.waiting["call"])
        if disk.newest is not None:
            return self._restore(disk, disk.newest)
        if default is None:
            raise StoreError(
                f"Nothing is stored in {str(self._root())!r} yet. Make a minimizer "
                "with this store, and call its partial_fit."
            )
        return default

    def load(self, period: Hashable) -> Minimizer:
        """Return the minimizer as it was after a period, to predict or to look at.

        Parameters
        ----------
        period : hashable
            One of :meth:`periods`.

        Returns
        -------
        minimizer : object
            Only the newest can be trained further.
        """
        disk = self._disk()
        records = disk.seen.records
        if period not in records or records[period] is disk.waiting:
            trained = [name for name in records if records[name] is not disk.waiting]
            raise ValueError(
                f"No model was trained on {period!r}; expected one of {trained}."
            )
        return self._restore(disk, records[period]["number"])

    def models(self) -> list[dict[str, object]]:
        """Return what is known of each model, the oldest first.

        Returns
        -------
        models : list of dict
            The "period" that it was trained on last, and in "n_forgotten" how many
            stored rows were deleted since.
        """
        models = self._disk().models
        contents = (models.load(number) for number in models.numbers)
        return [{"period": c.period, "n_forgotten": c.n_forgotten} for c in contents]

    def withdraw(self, period: Hashable) -> None:
        """Take the rows of a period out on which no model could be trained.

        Parameters
        ----------
        period : hashable
            The newest, whose ``partial_fit`` has failed.
        """
        disk = self._disk()
        if disk.waiting is None or disk.waiting["period"] != period:
            raise ValueError(
                f"{period!r} is not a period that waits for its model. Periods on "
                "which a model was trained stay; forget deletes the rows of people."
            )
        disk.seen.log.commit([], {"withdrawn": period}, replaced=[period])

    def forget(self, ids: ArrayLike) -> int:
        """Delete all rows of people, in all files and versions of them.

        Models and histories stay and are marked, see :meth:`models`: a model that was
        trained on a row may still know it. Retraining goes on without them. Nobody
        else may write meanwhile. After a crash, call it again. A bucket may keep what
        was deleted, which is yours to empty.

        Parameters
        ----------
        ids : array-like of shape (n_persons,)
            Labels as in the `groups` of ``partial_fit`` and the `ids` of :meth:`log`.

        Returns
        -------
        n_rows : int
            How many rows were deleted that models were trained on.
        """
        return forget(self._root(), set(np.asarray(ids).ravel().tolist()))

    def log(
        self, X: Table, y_pred: ArrayLike, ids: ArrayLike, period: Hashable
    ) -> "SnapshotStore":
        """Store rows whose labels come later.

        Parameters
        ----------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            What was seen, under the newest model of the store.

        y_pred : array-like of shape (n_samples,)
            What was predicted.

        ids : array-like of shape (n_samples,)
            Who it was: whole numbers or text, each once.

        period : str or int
            What the period is called. It is logged once.

        Returns
        -------
        store : SnapshotStore
            This store.
        """
        waiting, disk = Waiting.read(self._root()), self._disk()
        _require_name(period)
        if period in waiting.records or period in disk.seen.records:
            raise ValueError(f"The period {period!r} is in the store already.")
        ids = check_ids(ids, X, period)
        schema = self._schema(disk, waiting)
        X = X if schema is None else schema.align_features(X)
        rows = Rows(X, groups=ids, y_pred=np.asarray(y_pred, float))
        waiting.log(rows, {"period": period, "model": disk.newest})
        return self

    def label(
        self, ids: ArrayLike, y: ArrayLike, period: Hashable = None
    ) -> "SnapshotStore":
        """Store labels of rows that were logged.

        Parameters
        ----------
        ids : array-like of shape (n_labels,)
            Whose labels they are, as in :meth:`log`.

        y : array-like of shape (n_labels,)
            The labels. One that is there already changes nothing, if it is the same.

        period : str or int, default=None
            Where the rows were logged. Needed for people who were in several periods.

        Returns
        -------
        store : SnapshotStore
            This store.
        """
        Waiting.read(self._root()).label(ids, y, period)
        return self

    def labelled(self, period: Hashable) -> Labelled:
        """Return the logged rows that have their labels and were not trained on.

        Warns where labels are missing.

        Parameters
        ----------
        period : str or int
            A period that was logged.

        Returns
        -------
        labelled : dict
            What ``partial_fit`` takes, as in
            ``minimizer.partial_fit(**store.labelled("2026-11"))``: rows, labels,
            `groups`, the `period`, and `deployed`, the round whose model the rows were
            seen under. Called again after more labels came, it gives those alone, as
            the period "2026-11 (2)".

        Raises
        ------
        ValueError
            If no label is new, or if the rows were logged before the store had the
            first model of this record and another one has been trained since.
        """
        waiting, disk = Waiting.read(self._root()), self._disk()
        if period not in waiting.records:
            raise ValueError(
                f"{period!r} is no period that was logged: {list(waiting.records)}."
            )
        rows, name = waiting.labelled(disk.seen, period)
        warn_of_missing(waiting.decisions(period), period)
        deployed = disk.round_of(waiting.records[period]["model"])
        return Labelled(
            X=rows.X, y=rows.y, groups=rows.groups, period=name, deployed=deployed
        )

    def __skperf_train__(self, minimizer: Minimizer, sample: Sample, call: Call) -> str:
        """Store what was seen, train a minimizer, and store its model."""
        _require_name(call.period)
        return train(self._root(), minimizer, sample, call)

    def _train_waiting(self, disk: Disk, call: str) -> Minimizer:
        """Do again what a crash has interrupted."""
        asked = unpack(call)
        stored = asked.stored
        if disk.newest is not None:
            stored = {**disk.load(disk.newest, with_log=False)[1], **stored}
        minimizer = revive(asked.kind, stored)
        head = train_waiting(disk, disk.log(), minimizer, asked.call)
        minimizer.__skperf_become__(self, head)
        return minimizer

    def _restore(self, disk: Disk, number: int) -> Minimizer:
        """Return a minimizer as it was stored."""
        kind, stored = disk.load(number, with_log=False)
        minimizer = revive(kind, stored)
        minimizer.__skperf_become__(self, disk.models.identity(number))
        return minimizer

    def _schema(self, disk: Disk, waiting: Waiting) -> Schema | None:
        """Return what the features look like since the first period."""
        if disk.newest is not None:
            stored = disk.models.load(disk.newest).stored
            if stored.get("schema") is not None:
                return stored["schema"]
        return waiting.schema()

    def _disk(self) -> Disk:
        return Disk.read(self._root())

    def _root(self) -> Place:
        return locate(self.path)


def _require_name(period: Hashable) -> None:
    if isinstance(period, bool) or not isinstance(period, str | int):
        raise TypeError(
            "A store tells periods by their names, so that none counts twice: give "
            f"period, such as '2026-11' or 11; got {period!r}."
        )
