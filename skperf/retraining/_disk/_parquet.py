# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Arrow tables as the content of Parquet files, with a checksum on each page."""

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from skperf.retraining._disk import _engine

if TYPE_CHECKING:
    import pyarrow as pa

_KEY = b"skperf"


def to_parquet(table: "pa.Table") -> bytes:
    """Return an Arrow table as the content of a file."""
    sink = _engine.arrow().BufferOutputStream()
    _engine.parquet().write_table(table, sink, write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def read_parquet(
    opened: object, only: Collection[str] = (), without: tuple[str, ...] = ()
) -> "pa.Table":
    """Return an opened file as an Arrow table: all of it, or some columns.

    Those `only`, or all but those whose names begin with one of `without`.
    """
    with _engine.parquet().ParquetFile(opened, page_checksum_verification=True) as file:
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
