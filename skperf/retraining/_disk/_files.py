# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Files that know when they were damaged."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from skperf.exceptions import DamagedStoreError
from skperf.retraining._disk._place import Place

_MAGIC = b"skperf"
_N_READERS = 16


def digest(content: bytes | memoryview) -> str:
    """Return what only this content has."""
    return hashlib.sha256(content).hexdigest()


def seal(content: bytes) -> bytes:
    """Return the content after a line by which :func:`unseal` knows it."""
    return b"%s %s\n%s" % (_MAGIC, digest(content).encode(), content)


def unseal(place: Place) -> bytes:
    """Return the content of a sealed file, or say that it is not what was written."""
    line, _, content = read_bytes(place).partition(b"\n")
    if line != seal(content).partition(b"\n")[0]:
        raise damaged(place, "its content is not what was written")
    return content


def read_bytes(place: Place) -> bytes:
    """Return the content of a file that has to be there."""
    try:
        return place.read()
    except FileNotFoundError as error:
        raise damaged(place, "it is missing") from error


def read_all(places: Sequence[Place]) -> Iterator[bytes]:
    """Return the contents of files in their order, read at the same time.

    A bucket takes as long for one as for a dozen.
    """
    with ThreadPoolExecutor(_N_READERS) as readers:
        yield from readers.map(read_bytes, places)


def damaged(place: Place, how: str) -> DamagedStoreError:
    """Return the error that names a file."""
    return DamagedStoreError(
        f"The file {str(place)!r} of the store is damaged: {how}. Nothing was changed. "
        "Put the file back from a backup; the other files of the store are not touched."
    )
