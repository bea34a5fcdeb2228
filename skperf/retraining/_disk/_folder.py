# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A store in a folder of this machine.

A kill or a power cut leaves the old file or the new one: the content is on the disk
before the name is, and the name before the next step.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple, Self
from uuid import uuid4

from skperf.retraining._disk._place import Source


class Folder(NamedTuple):
    """A file or a folder on a disk."""

    path: Path

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    def __truediv__(self, name: str) -> Self:
        """Return a place in this folder."""
        return type(self)(self.path / name)

    @property
    def name(self) -> str:
        """What it is called in its folder."""
        return self.path.name

    def exists(self) -> bool:
        """Return whether this is a file that is there."""
        return self.path.exists()

    def files(self, suffix: str) -> list[Self]:
        """Return the files of this folder with a suffix, sorted by name."""
        return [type(self)(path) for path in sorted(self.path.glob(f"*{suffix}"))]

    def read(self) -> bytes:
        """Return the content of a file."""
        return self.path.read_bytes()

    def source(self) -> Source:
        """Return a file, which need not fit into memory, for pyarrow."""
        with open(self.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Source(self.path, self.path.stat().st_size, digest)

    def prepare(self) -> None:
        """Make this folder, and have its name on the disk."""
        _make_folder(self.path)

    def add(self, content: bytes) -> None:
        """Write a file of a name that nobody else has; a crash may leave a part."""
        _write_new(self.path, content)

    def create(self, content: bytes) -> None:
        """Write a file that must not be there yet; another writer's is not replaced."""
        unfinished = _write_beside(self.path, content)
        try:
            os.link(unfinished, self.path)
        finally:
            unfinished.unlink()
        _sync(self.path.parent)

    def write(self, content: bytes) -> None:
        """Write a file, or replace it."""
        unfinished = _write_beside(self.path, content)
        os.replace(unfinished, self.path)
        _sync(self.path.parent)

    def delete(self) -> None:
        """Delete a file, if it is there."""
        self.path.unlink(missing_ok=True)

    def keeps_versions(self) -> bool:
        """Return False: what is replaced or deleted is gone."""
        return False

    def sync(self) -> None:
        """Have it on the disk, and not in the memory of the machine only."""
        _sync(self.path)


def _write_beside(path: Path, content: bytes) -> Path:
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    _write_new(unfinished, content)
    return unfinished


def _write_new(path: Path, content: bytes) -> None:
    try:
        with open(path, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _sync(path: Path) -> None:
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":  # which does so by itself
        return
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(path: Path) -> None:
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    _sync(path.parent)
