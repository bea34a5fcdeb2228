# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Retrain from disk to disk: the rows first, then the model.

Each call goes on from what is on disk, so that one process and a hundred that were
killed end with the same model.
"""

import warnings
from collections.abc import Hashable
from typing import NamedTuple

from skperf.exceptions import StoreConflictError
from skperf.retraining._calls import Call
from skperf.retraining._disk._calls import Minimizer, pack, without_store
from skperf.retraining._disk._log import DeltaLog, Record
from skperf.retraining._disk._models import Base, Met, ModelFile, Models
from skperf.retraining._disk._place import Place
from skperf.retraining._disk._seen import Seen, Window
from skperf.retraining._disk._tables import PERSON, TARGET, Rows, append_rows
from skperf.retraining._disk._waiting import Waiting
from skperf.retraining._log import Log
from skperf.retraining._stored import Stored, restore_log
from skperf.shift import Sample


class Disk(NamedTuple):
    """What is on disk: periods that were seen, and models."""

    models: Models
    newest: int | None  # the number of the newest model
    seen: Seen

    @classmethod
    def read(cls, root: Place) -> "Disk":
        """Look at a store's folder once; others may go on meanwhile.

        Models first: all periods that they know are then in the log.
        """
        models = Models(root / "models")
        newest = max(models.numbers, default=None)
        return cls(models, newest, Seen(DeltaLog.read(root / "seen")))

    @property
    def head(self) -> str | None:
        """The identity of the newest model."""
        return None if self.newest is None else self.models.identity(self.newest)

    @property
    def waiting(self) -> Record | None:
        """What was said of the period that no model was trained on yet, if any."""
        known = self.newest or 0
        records = self.seen.records.values()
        return next((record for record in records if record["number"] > known), None)

    def require(self, head: str | None) -> None:
        """Raise an error where the store has another model than the minimizer's."""
        if self.waiting is not None:
            raise StoreConflictError(
                f"The rows of {self.waiting['period']!r} are in the store, and wait "
                f"for a model ({self.seen.log.writer} wrote them). Go on with the "
                "minimizer that the store's resume() returns, or take the rows out "
                "with its withdraw()."
            )
        if self.head == head:
            return
        raise StoreConflictError(
            "The newest model of the store is not the one of this minimizer, which may "
            f"be a clone or older. {self.seen.log.writer} wrote last. Go on with the "
            "minimizer that the store's resume() returns, or give the store another "
            "path to begin anew."
        )

    def log(self) -> Log | None:
        """Return what retraining goes on from, None where it begins."""
        return None if self.newest is None else restore_log(self.load(self.newest)[1])

    def round_of(self, number: int | None) -> int | None:
        """Return the round that has deployed a model, in the record that goes on.

        None where no model was trained in it yet.
        """
        if self.newest is None:
            return None
        content = self.models.load(self.newest)
        if content.base is None:
            return None
        origin = self.newest - content.stored["round"]
        if number is None or number < origin:
            raise ValueError(
                "The rows were seen before the record of the store's models begins, "
                "so nobody can tell what people have met. Leave them out, or give them "
                "to partial_fit under another period's name."
            )
        return number - origin

    def read_base(self, period: Hashable) -> tuple[Rows, Base]:
        """Return features and weights of a base population."""
        rows = self.seen.rows(period, without=(PERSON, TARGET))
        return rows, Base(period, rows.known_numbers, rows.sample_weight)

    def load(
        self, number: int, *, with_log: bool = True
    ) -> tuple[type[Minimizer], Stored]:
        """Return a minimizer as it was stored, with what it goes on from or without."""
        content = self.models.load(number)
        if content.base is None or not with_log:
            stored: Stored = {**content.stored, "schema": None, "path": None}
            return content.kind, stored
        rows, base = self.read_base(content.base.period)
        content = content.cut(base)
        kept = [p for p in content.kept if self.seen.file(p) is not None]
        origin = number - content.stored["round"]
        window = Window(self.seen, self.models, base, origin, kept)
        path = {**(content.stored["path"] or {}), "store": window}
        path |= {"X": rows.X, "sample_weight": rows.sample_weight}
        return content.kind, {**content.stored, "path": path}


def train(root: Place, minimizer: Minimizer, sample: Sample, call: Call) -> str:
    """Store the rows, retrain, store the model; return its identity."""
    disk = Disk.read(root)
    disk.require(minimizer.__getstate__().get("head"))
    if call.period in disk.seen.records:
        raise ValueError(
            f"The period {call.period!r} is in the store already; retraining on it "
            "again would count its rows twice."
        )
    with warnings.catch_warnings():  # which are given when this is done again
        warnings.simplefilter("ignore")
        log = disk.log()
        _, aligned = minimizer.__skperf_admit__(log, sample, call.period)
    rows, source = Waiting.read(root).claim(disk.seen, aligned, call.period)
    if disk.newest is None and "model" in minimizer.__getstate__():
        stored: Stored = {**without_store(minimizer.__getstate__()), "path": None}
        disk.models.add(0, ModelFile(type(minimizer), stored))
    record = Record(
        period=call.period,
        number=(disk.newest or 0) + 1,
        source=source,
        call=pack(minimizer, call),
    )
    seen = Seen(append_rows(disk.seen.log, call.period, rows, record))
    return train_waiting(disk._replace(seen=seen), log, minimizer, call)


def train_waiting(disk: Disk, log: Log | None, minimizer: Minimizer, call: Call) -> str:
    """Retrain on the period that is on disk, and store the model."""
    sample = disk.seen.sample(call.period)
    log, sample = minimizer.__skperf_admit__(log, sample, call.period)
    try:
        minimizer.__skperf_retrain__(log, sample, call)
    except Exception as error:
        error.add_note(
            f"The rows of the period {call.period!r} are in the store and wait for a "
            "model. The store's resume() tries again; its withdraw() takes them out."
        )
        raise
    content = _content(disk, minimizer, call.period)
    return disk.models.add(disk.seen.records[call.period]["number"], content)


def _content(disk: Disk, minimizer: Minimizer, period: Hashable) -> ModelFile:
    """Return what the file of a minimizer's new model holds."""
    stored = without_store(minimizer.__getstate__())
    path: dict = dict(stored["path"] or {})
    del path["X"], path["sample_weight"]
    store = path.pop("store")
    base = store.base if isinstance(store, Window) else disk.read_base(period)[1]
    met = [Met(s.y_pred, s.residual) for s in store[-1:] if s.period == period]
    content = ModelFile(type(minimizer), {**stored, "path": path}, period, base)
    return content._replace(kept=store.periods(), met=met[0] if met else None)
