# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The models of a store: one file each, written once and whole.

A file has all that retraining goes on from but the rows. Its arrays have one entry a
row of the base population, of which some may have been forgotten since.
"""

import json
import pickle
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skperf.exceptions import StoreConflictError
from skperf.retraining._disk._calls import Minimizer
from skperf.retraining._disk._files import (
    damaged,
    digest,
    seal,
    unseal,
)
from skperf.retraining._disk._place import Place
from skperf.retraining._stored import Stored
from skperf.shift._sample import Floats, as_weights

_ID = 16  # characters before the pickle


class Met(NamedTuple):
    """A model on the base population, as a snapshot has it."""

    y_pred: Floats
    residual: Floats | None


class Base(NamedTuple):
    """The rows of the base population that are still there."""

    period: Hashable
    numbers: NDArray[np.int64]
    sample_weight: Floats | None

    @property
    def total(self) -> float:
        """Their weight."""
        return float(as_weights(self.sample_weight, len(self.numbers)).sum())


class ModelFile(NamedTuple):
    """What the file of a model holds."""

    kind: type[Minimizer]  # of the minimizer
    stored: Stored  # without its store, its rows and the places of these
    period: Hashable = None  # that it was trained on; None for a model from elsewhere
    base: Base | None = None  # as it was when the file was written
    kept: tuple[Hashable, ...] = ()  # the periods that later rounds look at
    met: Met | None = None  # the model that the period was seen under
    n_forgotten: int = 0  # rows of all periods that were deleted since

    @property
    def on_base(self) -> "Met":
        """The model on the base population."""
        path: dict = dict(self.stored["path"] or {})
        return Met(path["y_pred"], path["residual"])

    def require_met(self) -> "Met":
        """Return the model that the period was seen under, which a window knows."""
        assert self.met is not None
        return self.met

    def cut(self, base: Base) -> "ModelFile":
        """Return the content on the rows that are left of the base population."""
        if self.base is None or np.array_equal(self.base.numbers, base.numbers):
            return self
        cut = _Cut(self.base, base)
        path: dict = dict(self.stored["path"] or {})
        path["y_pred"] = cut.rows(path["y_pred"])
        if path["previous"] is not None:
            path["previous"] = cut.rows(path["previous"])
        for name in ("residual", "previous_residual"):
            path[name] = cut.residual(path[name])
        # sums over people cannot be cut: what they tell of the past begins anew
        path |= {"orbit": path["orbit"][:0, :0], "risk_errors": _unknown(path)}
        met = self.met
        if met is not None:
            met = Met(cut.rows(met.y_pred), cut.residual(met.residual))
        stored: Stored = {**self.stored, "path": path}
        return self._replace(base=base, met=met, stored=stored)


class Models(NamedTuple):
    """The folder of the models, which are numbered as they were trained."""

    folder: Place

    @property
    def numbers(self) -> list[int]:
        """The numbers of the models, the newest last."""
        known = json.loads(unseal(self._head)) if self._head.exists() else None
        # looked for afterwards: another writer may be at work
        files = self.folder.files(".model")
        found = sorted(int(place.name.removesuffix(".model")) for place in files)
        if known is None:
            if found and not self._head.exists():
                raise damaged(self._head, "it is missing")
            return found
        first, last = known
        for number in range(first, max([last, *found]) + 1):
            if number not in found:
                raise damaged(self.place(number), "it is missing")
        return found

    def place(self, number: int) -> Place:
        """Return the file of a model."""
        return self.folder / f"{number:06}.model"

    def identity(self, number: int) -> str:
        """Return what only this model has, whatever is forgotten later."""
        return unseal(self.place(number))[:_ID].decode()

    def load(self, number: int) -> ModelFile:
        """Return the content of a model's file."""
        return pickle.loads(unseal(self.place(number))[_ID:])

    def add(self, number: int, content: ModelFile) -> str:
        """Write the file of a new model, and return its identity."""
        if not self._head.exists():
            self.folder.prepare()
            self._write_head(number, number - 1)
        packed = pickle.dumps(content)
        identity = digest(packed)[:_ID]
        try:
            self.place(number).create(seal(identity.encode() + packed))
        except FileExistsError as error:
            raise StoreConflictError(
                f"Another writer has stored a model for {content.period!r} before this "
                "one, and its model counts. Go on with the minimizer that the store's "
                "resume() returns."
            ) from error
        self._write_head(self.numbers[0], number)
        return identity

    def replace(self, number: int, content: ModelFile) -> None:
        """Write the file of a model anew; it stays the same model."""
        packed = self.identity(number).encode() + pickle.dumps(content)
        self.place(number).write(seal(packed))

    @property
    def _head(self) -> Place:
        return self.folder / "head"

    def _write_head(self, first: int, last: int) -> None:
        self._head.write(seal(json.dumps([first, last]).encode()))


class _Cut:
    """Leaves out the entries of rows that are not there any more.

    Residuals are scaled, so that their norm stays a root mean square.
    """

    def __init__(self, before: Base, after: Base) -> None:
        self.places = np.searchsorted(before.numbers, after.numbers)
        self.n_before = len(before.numbers)
        self.scale = np.sqrt(before.total / after.total)

    def rows(self, values: Floats) -> Floats:
        """Return the entries of the rows that are left."""
        return values[self.places]

    def residual(self, values: Floats | None) -> Floats | None:
        """Return the same of a residual, whose entries are scaled and in a line."""
        if values is None:
            return None
        return self.rows(values.reshape(self.n_before, -1)).ravel() * self.scale


def _unknown(path: dict) -> tuple[None, ...]:
    return (None,) * len(path["risk_errors"])
