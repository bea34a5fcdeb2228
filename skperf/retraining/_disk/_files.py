# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Files that are there whole or not at all, and know when they were damaged.

A kill or a power cut leaves the old file or the new one: the content is on the disk
before the name is, and the name before the next step.
"""

import hashlib
import os
from pathlib import Path
from uuid import uuid4

from skperf.exceptions import DamagedStoreError

_MAGIC = b"skperf"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or replace it."""
    unfinished = _write_beside(path, content)
    os.replace(unfinished, path)
    sync(path.parent)


def create_whole(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet; another writer's is not replaced.

    Raises
    ------
    FileExistsError
        If somebody else was faster.
    """
    unfinished = _write_beside(path, content)
    try:
        os.link(unfinished, path)
    finally:
        unfinished.unlink()
    sync(path.parent)


def _write_beside(path: Path, content: bytes) -> Path:
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with open(unfinished, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return unfinished


def sync(path: Path) -> None:
    """Have a file or folder on the disk, and not in the memory of the machine only."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":  # which does so by itself
        return
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder, and have its name on the disk."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync(path.parent)


def digest(content: bytes) -> str:
    """Return what only this content has."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """Return the digest of a file, which need not fit into memory."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(content: bytes) -> bytes:
    """Return the content after a line by which :func:`unseal` knows it."""
    return b"%s %s\n%s" % (_MAGIC, digest(content).encode(), content)


def unseal(path: Path) -> bytes:
    """Return the content of a sealed file, or say that it is not what was written."""
    line, _, content = read_bytes(path).partition(b"\n")
    if line != seal(content).partition(b"\n")[0]:
        raise damaged(path, "its content is not what was written")
    return content


def read_bytes(path: Path) -> bytes:
    """Return the content of a file that has to be there."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise damaged(path, "it is missing") from error


def damaged(path: Path, how: str) -> DamagedStoreError:
    """Return the error that names a file."""
    return DamagedStoreError(
        f"The file {str(path)!r} of the store is damaged: {how}. Nothing was changed. "
        "Put the file back from a backup; the other files of the store are not touched."
    )
