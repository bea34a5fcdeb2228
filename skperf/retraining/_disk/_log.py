# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A table of which each commit is there once and for ever: a Delta log of our own.

Delta decides which of two writers is first. It makes no fsync and notices no flipped
bit, so both are done here: each commit names the digests of its files and of the commit
before it, and the head file names the last commit.
"""

import json
import os
import re
import socket
import time
from collections.abc import Collection, Hashable, Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from uuid import uuid4

from skperf.exceptions import StoreConflictError
from skperf.retraining._disk import _engine
from skperf.retraining._disk._files import (
    damaged,
    digest,
    read_all,
    read_bytes,
    seal,
    unseal,
)
from skperf.retraining._disk._parquet import to_parquet
from skperf.retraining._disk._place import Place

if TYPE_CHECKING:
    import pyarrow as pa

_APP = "skperf"
PARTITION = "skperf_period"


class Record(TypedDict, total=False):
    """What a commit says besides its files: values that JSON can hold."""

    period: Hashable  # whose rows it has
    number: int  # of the model that is trained on them
    source: Hashable | None  # the logged period that they are from
    call: str  # of partial_fit
    model: int | None  # that was deployed when rows were logged
    withdrawn: Hashable  # whose rows it takes out
    n_forgotten: int  # rows of people who are forgotten


class DataFile(NamedTuple):
    """A file of a table, as its commit describes it."""

    name: str
    period: Hashable
    n_rows: int
    size: int
    digest: str


class Commit(NamedTuple):
    """One entry of the log."""

    record: Record
    added: tuple[DataFile, ...]
    removed: tuple[str, ...]
    writer: str  # who made it, and when


class DeltaLog(NamedTuple):
    """The commits of a table as they were when the log was read."""

    folder: Place
    commits: tuple[Commit, ...] = ()
    last: str | None = None  # the digest of the last commit

    @classmethod
    def read(cls, folder: Place) -> "DeltaLog":
        """Read a log, and see that it is what was written."""
        names = _log_files(folder)
        place = cls(folder).head
        head = _read_head(place) if names or place.exists() else (0, None)
        commits, last = [], None
        every = [_log_file(folder, v) for v in range(max(len(names), head[0]))]
        for version, content in enumerate(read_all(every)):
            commit, before = _parse(content, every[version])
            if before != last:
                at = every[version - 1 if version else 0]
                raise damaged(at, "the commit after it knows another content")
            last = digest(content)
            if version + 1 == head[0] and last != head[1]:
                raise damaged(every[version], "its content has changed")
            commits.append(commit)
        return cls(folder, tuple(commits), last)

    @property
    def files(self) -> list[DataFile]:
        """The files of the table, the oldest first."""
        removed = {name for commit in self.commits for name in commit.removed}
        added = (file for commit in self.commits for file in commit.added)
        return [file for file in added if file.name not in removed]

    @property
    def head(self) -> Place:
        """The file that names the last commit."""
        return self.folder / "head"

    @property
    def writer(self) -> str:
        """Who made the last commit."""
        return self.commits[-1].writer if self.commits else "nobody"

    @property
    def schema(self) -> "pa.Schema":
        """The Arrow schema to which all tables are held, from the first on."""
        table = _engine.delta().DeltaTable(str(self.folder))
        schema = _engine.arrow().schema(table.schema().to_arrow())
        return schema.remove(schema.get_field_index(PARTITION))

    def source(self, file: DataFile) -> object:
        """Return a file for :func:`read_parquet`, after a look at its content."""
        place = self.folder / file.name
        try:
            opened, size, found = place.source()
        except FileNotFoundError as error:
            raise damaged(place, "it is missing") from error
        if size != file.size:
            raise damaged(place, f"it has {size} bytes, not {file.size}")
        if found != file.digest:
            raise damaged(place, "its content is not what was written")
        return opened

    def commit(
        self,
        tables: "Sequence[tuple[Hashable, pa.Table]]",
        record: Record,
        replaced: Collection[Hashable] = (),
    ) -> "DeltaLog":
        """Write tables, one a period, and let them be seen at once.

        All files of the periods `replaced` leave the table in the same step.

        Raises
        ------
        StoreConflictError
            If another writer has made a commit since the log was read.
        """
        if not self.head.exists():
            self.folder.prepare()
            self._write_head(0, None)
        files = _write_tables(self.folder, tables)
        try:
            self._append(files, record, replaced)
        except BaseException:
            self._leave_no_orphans(files)
            raise
        log_file = _log_file(self.folder, len(self.commits))
        log_file.sync()
        _log_folder(self.folder).sync()
        self._write_head(len(self.commits) + 1, digest(read_bytes(log_file)))
        return DeltaLog.read(self.folder)

    def sweep(self) -> None:
        """Delete files that no commit needs: removed ones, and those of dead writers.

        Nobody else may write meanwhile.
        """
        needed = {file.name for file in self.files}
        found = self.folder.files(".parquet")
        unneeded = [place for place in found if place.name not in needed]
        for place in unneeded:
            place.delete()
        if unneeded:
            self.folder.sync()

    def _write_head(self, n_commits: int, last: str | None) -> None:
        self.head.write(seal(json.dumps([n_commits, last]).encode()))

    def _append(
        self,
        files: Sequence[DataFile],
        record: Record,
        replaced: Collection[Hashable],
    ) -> None:
        """Commit with the Delta table that was looked at, or not at all."""
        engine = _engine.delta()
        removed = [file.name for file in self.files if file.period in replaced]
        commit = Commit(record, tuple(files), tuple(removed), _who())
        properties = engine.CommitProperties(
            custom_metadata={_APP: _pack(commit, self.last)},
            max_commit_retries=0,
            app_transactions=[engine.Transaction(_APP, len(self.commits))],
        )
        try:
            self._write(engine, files, replaced, properties)
        except engine.exceptions.DeltaError as error:
            place = _log_file(self.folder, len(self.commits))
            if not place.exists():
                raise
            if _parse(place.read(), place)[0] != commit:
                raise self._conflict() from error
            # it was made: a bucket's answer was lost, and it was asked again

    def _write(
        self,
        engine: ModuleType,
        files: Sequence[DataFile],
        replaced: Collection[Hashable],
        properties: object,
    ) -> None:
        """Make the table or go on with it; no entry of its log is ever cleaned up."""
        actions = [_add_action(engine, file) for file in files]
        how = {
            "commit_properties": properties,
            "post_commithook_properties": engine.PostCommitHookProperties(
                create_checkpoint=False, cleanup_expired_logs=False
            ),
        }
        if not self.commits:
            if _log_files(self.folder):
                raise self._conflict()
            schema = _schema(engine, self.folder / files[0].name)
            make = engine.transaction.create_table_with_add_actions
            make(str(self.folder), schema, actions, "error", PARTITION, **how)
            return
        table = engine.DeltaTable(str(self.folder))
        known = len(self.commits) - 1
        if (table.version(), table.transaction_version(_APP)) != (known, known):
            raise self._conflict()
        filters = [(PARTITION, "in", [str(period) for period in replaced])]
        mode, of = ("overwrite", filters) if replaced else ("append", None)
        schema = table.schema()
        table.create_write_transaction(actions, mode, schema, [PARTITION], of, **how)

    def _conflict(self) -> StoreConflictError:
        now = DeltaLog.read(self.folder)
        return StoreConflictError(
            f"Another writer was faster: {now.writer} has made commit "
            f"{len(now.commits)} of {str(self.folder)!r}, and this one knew "
            f"{len(self.commits)}. Nothing was written. Go on with the minimizer that "
            "the store's resume() returns."
        )

    def _leave_no_orphans(self, files: Iterable[DataFile]) -> None:
        """Delete files whose commit is not made, and will not be.

        As long as no other commit has its place, a bucket may still make it.
        """
        later = [place.read() for place in _log_files(self.folder)[len(self.commits) :]]
        for file in files:
            if later and not any(file.name.encode() in entry for entry in later):
                (self.folder / file.name).delete()


def _log_folder(folder: Place) -> Place:
    return folder / "_delta_log"


def _log_file(folder: Place, version: int) -> Place:
    return _log_folder(folder) / f"{version:020}.json"


def _log_files(folder: Place) -> list[Place]:
    """Return the commits that are there; a gap is noticed when they are read."""
    found = _log_folder(folder).files(".json")
    return [place for place in found if re.fullmatch(r"\d{20}\.json", place.name)]


def _read_head(place: Place) -> tuple[int, str | None]:
    """Return how many commits there are at least, and the digest of the last."""
    n_commits, last = json.loads(unseal(place))
    return n_commits, last


def _pack(commit: Commit, before: str | None) -> str:
    """Return a commit as text, with the digest of the one before it."""
    added = [file._asdict() for file in commit.added]
    return json.dumps({**commit._asdict(), "added": added, "before": before})


def _parse(content: bytes, place: Place) -> tuple[Commit, str | None]:
    """Return a commit, and the digest of the one before it."""
    try:
        lines = [json.loads(line) for line in content.splitlines()]
        (info,) = (line["commitInfo"] for line in lines if "commitInfo" in line)
        entry = json.loads(info[_APP])
        files = tuple(DataFile(**file) for file in entry["added"])
        removed = tuple(entry["removed"])
        commit = Commit(entry["record"], files, removed, entry["writer"])
        return commit, entry["before"]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(place, "it is no commit that a SnapshotStore has made") from error


def _write_tables(
    folder: Place, tables: "Sequence[tuple[Hashable, pa.Table]]"
) -> list[DataFile]:
    """Write a file each, all or none."""
    files: list[DataFile] = []
    try:
        for period, table in tables:
            files.append(_write_table(folder, period, table))
        folder.sync()
    except BaseException:
        for file in files:
            (folder / file.name).delete()
        raise
    return files


def _write_table(folder: Place, period: Hashable, table: "pa.Table") -> DataFile:
    place, content = folder / f"{uuid4().hex}.parquet", to_parquet(table)
    place.add(content)
    return DataFile(place.name, period, len(table), len(content), digest(content))


def _add_action(engine: ModuleType, file: DataFile) -> object:
    return engine.transaction.AddAction(
        file.name,
        file.size,
        {PARTITION: str(file.period)},
        int(1000 * time.time()),
        True,
        json.dumps({"numRecords": file.n_rows}),
    )


def _schema(engine: ModuleType, place: Place) -> object:
    """Return the table's schema by its first file: its columns, and the period."""
    arrow = _engine.arrow()
    columns = _engine.parquet().read_schema(place.source().opened).remove_metadata()
    return engine.Schema.from_arrow(
        columns.append(arrow.field(PARTITION, arrow.string()))
    )


def _who() -> str:
    """Return who writes, and when, to be named to another writer."""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return f"process {os.getpid()} on {socket.gethostname()} at {now}"
