# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows that were logged without labels, and the labels that have come."""

from collections.abc import Collection, Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skperf.retraining._disk._log import DeltaLog, Record
from skperf.retraining._disk._parquet import read_parquet
from skperf.retraining._disk._place import Place
from skperf.retraining._disk._seen import Seen
from skperf.retraining._disk._tables import (
    PERSON,
    ROW,
    Rows,
    append_rows,
    from_arrow,
    to_table,
)
from skperf.retraining._late import (
    Decisions,
    choose_labelled,
    find_rows,
    name_training,
)
from skperf.retraining._schema import Schema
from skperf.shift import Sample
from skperf.utils._tables import equal_tables, take_rows


class Waiting(NamedTuple):
    """Two tables: what was predicted, and what was true."""

    rows: DeltaLog
    labels: DeltaLog

    @classmethod
    def read(cls, root: Place) -> "Waiting":
        """Look at a store's folder."""
        return cls(DeltaLog.read(root / "logged"), DeltaLog.read(root / "labels"))

    @property
    def records(self) -> dict[Hashable, Record]:
        """What was said of each logged period."""
        records = (commit.record for commit in self.rows.commits)
        return {record["period"]: record for record in records if "period" in record}

    def schema(self) -> Schema | None:
        """Return what the features look like since the first period, if any."""
        if not self.rows.files:
            return None
        opened = self.rows.source(self.rows.files[0])
        return Schema.of(Sample(from_arrow(read_parquet(opened)).X, []))

    def log(self, rows: Rows, record: Record) -> None:
        """Store the rows of a period."""
        append_rows(self.rows, record["period"], rows, record)

    def label(self, ids: ArrayLike, y: ArrayLike, period: Hashable) -> int:
        """Store labels; return how many were new."""
        left = [file.period for file in self.rows.files]
        logged = {name: self.decisions(name) for name in left}
        found = find_rows(logged, ids, y, period)
        tables = []
        for name, (numbers, labels) in found.items():
            places = np.searchsorted(logged[name].numbers, numbers)
            groups = logged[name].ids[places]
            rows = Rows(y=np.array(labels), groups=groups, numbers=np.array(numbers))
            tables.append((name, to_table(self.labels, rows)))
        if tables:
            self.labels.commit(tables, {})
        return sum(len(numbers) for numbers, _ in found.values())

    def decisions(self, period: Hashable) -> Decisions:
        """Return who was predicted in a period, and which labels have come."""
        labels: dict[int, object] = {}
        for file in self.labels.files:
            if file.period == period:
                read = from_arrow(read_parquet(self.labels.source(file)))
                numbers, y = read.known_numbers.tolist(), np.asarray(read.y).tolist()
                labels |= dict(zip(numbers, y, strict=True))
        rows = self._rows(period, [PERSON, ROW])
        return Decisions(np.asarray(rows.groups), rows.known_numbers, labels)

    def labelled(self, seen: Seen, period: Hashable) -> tuple[Rows, Hashable]:
        """Return what has a label and was not trained on, and what to call it."""
        sources = [r for r in seen.records.values() if r["source"] == period]
        taken: set[int] = set()
        for record in sources:
            if seen.file(record["period"]) is not None:
                rows = seen.rows(record["period"])
                taken |= set(rows.known_numbers.tolist())
        decisions = self.decisions(period)
        places = choose_labelled(decisions, taken, period)
        X = self._rows(period).X
        numbers, ids = decisions.numbers[places], decisions.ids[places]
        y = np.array([decisions.labels[number] for number in numbers.tolist()])
        rows = Rows(take_rows(X, places), y, groups=ids, numbers=numbers)
        return rows, name_training(period, len(sources))

    def claim(
        self, seen: Seen, sample: Sample, period: Hashable
    ) -> tuple[Rows, Hashable]:
        """Return a sample as rows, and the logged period that they are from, if any.

        Those of a logged period have to be all that have labels, so that none counts
        twice.
        """
        for source in self.records:
            n_before = sum(r["source"] == source for r in seen.records.values())
            if name_training(source, n_before) == period:
                rows, _ = self.labelled(seen, source)
                _require_same(sample, rows, source)
                return rows, source
        return Rows(*sample[:4]), None

    def _rows(self, period: Hashable, columns: Collection[str] = ()) -> Rows:
        """Return the logged rows of a period that are left, or some columns."""
        files = [file for file in self.rows.files if file.period == period]
        if not files:
            raise ValueError(f"All rows of the period {period!r} were forgotten.")
        return from_arrow(read_parquet(self.rows.source(files[0]), columns))


def _require_same(sample: Sample, rows: Rows, period: Hashable) -> None:
    """Raise an error where a sample is not what was logged and labelled."""
    pairs = [(sample.X, rows.X), (np.asarray(sample.y), rows.y)]
    pairs.append((None if sample.groups is None else sample.groups, rows.groups))
    if all(equal_tables(given, known) for given, known in pairs):
        return
    raise ValueError(
        f"{period!r} was logged, and these are not all of its rows that have labels. "
        f"Train with partial_fit(**store.labelled({period!r})), which takes them as "
        "they are in the store."
    )
