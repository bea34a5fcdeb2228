# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where a store is: what is asked of a disk or an object store."""

from typing import NamedTuple, Protocol, Self


class Source(NamedTuple):
    """A file as it was found: what pyarrow reads, how long it is, and its digest."""

    opened: object
    size: int
    digest: str


class Place(Protocol):
    """A file or a folder of a store, which need not be there yet.

    As text it is what users and deltalake call it. Nothing that was written is lost by
    a crash: a file is there whole before the method returns.
    """

    @property
    def name(self) -> str:
        """What it is called in its folder."""

    def __truediv__(self, name: str) -> Self:
        """Return a place in this folder."""

    def exists(self) -> bool:
        """Return whether this is a file that is there."""

    def files(self, suffix: str) -> list[Self]:
        """Return the files of this folder with a suffix, sorted by name."""

    def read(self) -> bytes:
        """Return the content of a file.

        Raises
        ------
        FileNotFoundError
            If it is missing.
        """

    def source(self) -> Source:
        """Return a file for pyarrow, after a look at all of it.

        Raises
        ------
        FileNotFoundError
            If it is missing.
        """

    def prepare(self) -> None:
        """Make this folder, and see that files of it can be created."""

    def add(self, content: bytes) -> None:
        """Write a file of a name that nobody else has."""

    def create(self, content: bytes) -> None:
        """Write a file that must not be there yet; another writer's is not replaced.

        Raises
        ------
        FileExistsError
            If somebody else was faster.
        """

    def write(self, content: bytes) -> None:
        """Write a file, or replace it."""

    def delete(self) -> None:
        """Delete a file, if it is there."""

    def keeps_versions(self) -> bool:
        """Return whether what this file was before is known to be still there."""

    def sync(self) -> None:
        """Let what others have written here last, too."""
