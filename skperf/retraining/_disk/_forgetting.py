# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Forget people: their rows leave every file of a store and every version of it.

Rows first: a model's arrays are cut whenever they are read, so that a forgetting that
was killed is finished by asking for it again.
"""

import warnings
from collections.abc import Collection, Hashable, Iterable
from typing import TYPE_CHECKING

from skperf.retraining._disk._log import DeltaLog
from skperf.retraining._disk._models import ModelFile
from skperf.retraining._disk._parquet import layout_of, read_parquet
from skperf.retraining._disk._place import Place
from skperf.retraining._disk._tables import from_arrow, keep_rows
from skperf.retraining._disk._training import Disk
from skperf.retraining._disk._waiting import Waiting
from skperf.retraining._stored import Stored

if TYPE_CHECKING:
    import pyarrow as pa


def forget(root: Place, ids: Collection[Hashable]) -> int:
    """Delete the rows of people; return how many of those models were trained on."""
    disk, waiting = Disk.read(root), Waiting.read(root)
    disk.require(disk.head)
    logs = [disk.seen.log, waiting.rows, waiting.labels]
    for log in logs:
        _require_ids(log)
    _require_base(disk, ids)
    n_rows, *_ = [_forget_rows(log, ids) for log in logs]
    disk = Disk.read(root)
    for number in disk.models.numbers:
        content = disk.models.load(number)
        shorter = _forget_in_model(disk, content)
        marked = shorter._replace(n_forgotten=content.n_forgotten + n_rows)
        if n_rows or shorter is not content:
            disk.models.replace(number, marked)
    _warn_of_versions(root, [log.head for log in logs if log.commits])
    return n_rows


def _warn_of_versions(root: Place, heads: Iterable[Place]) -> None:
    """Say where a bucket may still have what was deleted."""
    if any(head.keeps_versions() for head in heads):
        warnings.warn(
            f"The bucket of {str(root)!r} keeps versions of objects that were deleted, "
            "and with them the rows of people who are forgotten. Delete the versions "
            "that are not current, by a lifecycle rule or by hand.",
            stacklevel=4,
        )


def _forget_rows(log: DeltaLog, ids: Collection[Hashable]) -> int:
    """Rewrite the files with rows of these people, and delete the old ones."""
    n_rows, touched = 0, set()
    for file in log.files:
        n_own = file.n_rows - sum(_kept(read_parquet(log.source(file)), ids))
        n_rows += n_own
        if n_own:
            touched.add(file.period)
    tables = []
    for file in log.files:
        if file.period in touched:
            table = read_parquet(log.source(file))
            left = keep_rows(table, _kept(table, ids))
            tables += [(file.period, left)] if len(left) else []
    if touched:
        log = log.commit(tables, {"n_forgotten": n_rows}, replaced=touched)
    log.sweep()
    return n_rows


def _kept(table: "pa.Table", ids: Collection[Hashable]) -> list[bool]:
    return [person not in ids for person in from_arrow(table).persons]


def _require_ids(log: DeltaLog) -> None:
    """Raise an error where rows do not say whose they are."""
    unknown = [
        file.period
        for file in log.files
        if layout_of(read_parquet(log.source(file)))["persons"] is None
    ]
    if unknown:
        raise ValueError(
            f"The rows of the periods {unknown} were stored without groups, so nobody "
            "can tell whose they are, and nothing was forgotten. Store the persons "
            "with partial_fit(X, y, groups=ids, period=...)."
        )


def _require_base(disk: Disk, ids: Collection[Hashable]) -> None:
    """Raise an error where nobody would be left to compare models on."""
    if disk.newest is None:
        return
    base = disk.models.load(disk.newest).base
    if base is None:
        return
    if all(person in ids for person in disk.seen.rows(base.period).persons):
        raise ValueError(
            f"Nobody of {base.period!r} would be left, on whom models are compared. "
            "Begin a new record first, with a minimizer that has another estimator."
        )


def _forget_in_model(disk: Disk, content: ModelFile) -> ModelFile:
    """Return the content of a model's file without entries for rows that are gone."""
    if content.base is None:
        return content
    if disk.seen.file(content.base.period) is None:
        stored: Stored = {**content.stored, "schema": None, "path": None}
        return content._replace(base=None, met=None, stored=stored)
    return content.cut(disk.read_base(content.base.period)[1])
