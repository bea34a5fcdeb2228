# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Parquet files with a checksum on each page, on the disk before anybody knows them."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from skperf.retraining._disk import _engine
from skperf.retraining._disk._files import sync

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = b"skperf"


def write_parquet(folder: Path, table: "pa.Table") -> Path:
    """Write an Arrow table to a new file of a folder."""
    path = folder / f"{uuid4().hex}.parquet"
    try:
        _engine.parquet().write_table(table, path, write_page_checksum=True)
        sync(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def read_parquet(
    path: Path, only: Collection[str] = (), without: tuple[str, ...] = ()
) -> "pa.Table":
    """Return a file as an Arrow table: all of it, or some columns.

    Those `only`, or all but those whose names begin with one of `without`.
    """
    with _engine.parquet().ParquetFile(path, page_checksum_verification=True) as file:
        names = [n for n in file.schema_arrow.names if not n.startswith(without)]
        return file.read(columns=list(only) or names)


def describe(table: "pa.Table", layout: object) -> "pa.Table":
    """Return an Arrow table that says in JSON how it is made a sample again."""
    metadata = table.schema.metadata or {}
    return table.replace_schema_metadata(
        {**metadata, _KEY: json.dumps(layout).encode()}
    )


def layout_of(table: "pa.Table") -> "pa.Table":
    """Return what :func:`describe` was told."""
    return json.loads(table.schema.metadata[_KEY])
