# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where the snapshots of a path are kept."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Protocol, Self, TypedDict

from skperf.shift import Sample
from skperf.shift._sample import Floats


class Snapshot(NamedTuple):
    """What was seen while a model was deployed.

    Parameters
    ----------
    sample : Sample
        The data.

    y_pred : ndarray of shape (n_base_samples,)
        What the model predicted on the base population.

    residual : ndarray or None
        How far the model moved from the mixture of models whose data it was trained
        on, scaled so that its Euclidean norm is a root mean square. None for the first
        model, whose data nobody had reacted to.

    n_models : int, default=1
        Number of models averaged in this snapshot.

    period : hashable, default=None
        What the period is called.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.retraining import Snapshot
    >>> from skperf.shift import Sample
    >>> sample = Sample(np.ones((2, 1)), np.array([0.0, 1.0]))
    >>> snapshot = Snapshot(sample, y_pred=np.full(2, 0.5), period="May")
    >>> snapshot.period, snapshot.n_models
    ('May', 1)
    """

    sample: Sample
    y_pred: Floats
    residual: Floats | None = None
    n_models: int = 1
    period: Hashable = None


class SnapshotMeta(TypedDict, total=False):
    """The fields of a snapshot besides its data, predictions and period."""

    residual: Floats | None
    n_models: int


class Store(Protocol):
    """What a path asks of the place where its snapshots are kept.

    A store is a value: what changes it returns the store that holds the change. One
    that writes elsewhere may return itself.

    Examples
    --------
    >>> from skperf.retraining import MemoryStore, Store
    >>> def periods(store: Store):
    ...     return [snapshot.period for snapshot in store[:]]
    >>> import numpy as np
    >>> from skperf.shift import Sample
    >>> sample = Sample(np.ones((2, 1)), np.array([0.0, 1.0]))
    >>> periods(MemoryStore().append("May", sample, np.full(2, 0.5), {}))
    ['May']
    """

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
            The data, which the store owns from now on.

        y_pred : ndarray of shape (n_base_samples,)
            What the model predicted on the base population.

        meta : dict
            The other fields of :class:`Snapshot`.

        Returns
        -------
        store : Store
            The store that holds them.
        """

    def keep(self, snapshots: Sequence[Snapshot]) -> Self:
        """Return the store after a round that has made `snapshots` of its content.

        A store in memory forgets all else; one that is a record need not.

        Parameters
        ----------
        snapshots : sequence of Snapshot
            What later rounds may ask for, the newest last.

        Returns
        -------
        store : Store
            The store from which later rounds take them.
        """

    def meta(self, period: Hashable) -> SnapshotMeta:
        """Return the `meta` with which a period was appended.

        Parameters
        ----------
        period : hashable
            What the period is called.

        Returns
        -------
        meta : dict
            The fields of :class:`Snapshot` but sample, predictions and period.
        """

    def periods(self) -> tuple[Hashable, ...]:
        """Return what the snapshots' periods are called, the oldest first.

        Returns
        -------
        periods : tuple of hashable
            One a snapshot.
        """

    def of_round(self, number: int) -> tuple[Floats, Floats | None]:
        """Return what is known of the model that a round has deployed.

        Parameters
        ----------
        number : int
            Of a round before the last two.

        Returns
        -------
        y_pred : ndarray of shape (n_base_samples,)
            Its predictions on the base population.

        residual : ndarray or None
            As in :class:`Snapshot`.

        Raises
        ------
        KeyError
            If that model is not remembered.
        """

    def __getitem__(
        self, key: "slice[int | None, int | None, None]"
    ) -> Sequence[Snapshot]:
        """Return some of the snapshots, the oldest first."""

    def __len__(self) -> int:
        """Return the number of snapshots."""
