# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The libraries that a store on disk needs, imported when it is first used."""

import importlib
from types import ModuleType


def arrow() -> ModuleType:
    """Return pyarrow."""
    return _engine("pyarrow")


def parquet() -> ModuleType:
    """Return pyarrow's part for Parquet files."""
    return _engine("pyarrow.parquet")


def delta() -> ModuleType:
    """Return deltalake."""
    return _engine("deltalake")


def objects() -> ModuleType:
    """Return obstore, which talks to object stores."""
    _engine("obstore.store")
    return _engine("obstore")


def _engine(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"SnapshotStore needs {name.partition('.')[0]}. Install it with: pip "
            "install skperf[store]. Without it, store=None remembers in memory."
        ) from error
