# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The periods that models were trained on, and the window that a path looks at."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple, Self

from skperf.retraining._disk._log import DataFile, DeltaLog, Record
from skperf.retraining._disk._models import Base, Models
from skperf.retraining._disk._parquet import read_parquet
from skperf.retraining._disk._tables import Rows, from_arrow
from skperf.retraining._store import Snapshot, SnapshotMeta
from skperf.shift import Sample
from skperf.shift._sample import Floats


class Seen(NamedTuple):
    """The rows of all periods, read when they are asked for."""

    log: DeltaLog

    @property
    def records(self) -> dict[Hashable, Record]:
        """What was said of each period, the oldest first."""
        records: dict[Hashable, Record] = {}
        for record, *_ in self.log.commits:
            if "period" in record:
                records[record["period"]] = record
            if "withdrawn" in record:
                del records[record["withdrawn"]]
        return records

    def file(self, period: Hashable) -> DataFile | None:
        """Return the file of a period, None where all of its rows were forgotten."""
        if period not in self.records:
            raise KeyError(period)
        files = (file for file in self.log.files if file.period == period)
        return next(files, None)

    def rows(self, period: Hashable, without: tuple[str, ...] = ()) -> Rows:
        """Return the rows of a period, or all columns but some."""
        file = self.file(period)
        if file is None:
            raise ValueError(f"All rows of the period {period!r} were forgotten.")
        return from_arrow(read_parquet(self.log.source(file), without=without))

    def sample(self, period: Hashable) -> Sample:
        """Return what was seen in a period, with a key of its own."""
        return self.rows(period).sample._replace(support=("period", period))


class Window:
    """The snapshots of a path that are on disk, and the one that was just seen.

    Only those that are asked for are read.
    """

    def __init__(
        self,
        seen: Seen,
        models: Models,
        base: Base,
        origin: int,
        kept: Sequence[Hashable],
        newest: Snapshot | None = None,
    ) -> None:
        self.base = base  # the people on whom models are compared
        self._seen = seen
        self._models = models
        self._origin = origin  # the number of the model of round 0
        self._kept = tuple(kept)
        self._newest = newest

    def append(
        self,
        period: Hashable,
        sample: Sample,
        y_pred: Floats,
        meta: SnapshotMeta,
    ) -> Self:
        """Return the window with a period whose rows are on disk already."""
        newest = Snapshot(sample, y_pred, meta.get("residual"), 1, period)
        return self._with((*self._kept, period), newest)

    def keep(self, snapshots: Sequence[Snapshot]) -> Self:
        """Return the window of these snapshots; the store forgets none."""
        kept = [snapshot.period for snapshot in snapshots]
        return self._with(kept, self._newest)

    def meta(self, period: Hashable) -> SnapshotMeta:
        """Return what is known of a period besides its data."""
        if period not in self._kept:
            raise KeyError(period)
        return {"residual": self._read(period).residual, "n_models": 1}

    def periods(self) -> tuple[Hashable, ...]:
        """Return what the periods are called, the oldest first."""
        return self._kept

    def of_round(self, number: int) -> tuple[Floats, Floats | None]:
        """Return predictions and residual of the model that a round has deployed."""
        place = self._origin + number
        if number < 0 or place not in self._models.numbers:
            raise KeyError(number)
        content = self._models.load(place)
        if content.base is None or content.base.period != self.base.period:
            raise KeyError(number)  # it was compared on other people
        return content.cut(self.base).on_base

    def __getitem__(
        self, key: "slice[int | None, int | None, None]"
    ) -> Sequence[Snapshot]:
        """Return some of the snapshots, the oldest first."""
        return tuple(self._read(period) for period in self._kept[key])

    def __len__(self) -> int:
        """Return the number of snapshots."""
        return len(self._kept)

    def _with(self, kept: Sequence[Hashable], newest: Snapshot | None) -> Self:
        known = (self._seen, self._models, self.base, self._origin)
        return type(self)(*known, kept, newest)

    def _read(self, period: Hashable) -> Snapshot:
        if self._newest is not None and self._newest.period == period:
            return self._newest
        number = self._seen.records[period]["number"]
        y_pred, residual = self._models.load(number).cut(self.base).require_met()
        return Snapshot(self._seen.sample(period), y_pred, residual, 1, period)
