# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A store in a bucket of an object store.

A file is there whole once the object store has acknowledged it, and of two that create
one at the same time the object store refuses one: both are asked of it, and the second
is tried before a store is trusted to a bucket. What pyarrow reads is fetched whole,
since only a digest of all of it notices every flipped bit.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from skperf.exceptions import StoreError
from skperf.retraining._disk import _engine
from skperf.retraining._disk._files import digest
from skperf.retraining._disk._place import Source

if TYPE_CHECKING:
    import obstore
    from obstore.store import ObjectStore


class Bucket(NamedTuple):
    """An object, or all objects whose names begin with a key."""

    address: str
    client: "ObjectStore"  # of the whole bucket
    key: str

    @classmethod
    def at(cls, address: str) -> Self:
        """Return the place of an address; secrets come from the environment."""
        parts = urlsplit(address)
        bucket = f"{parts.scheme}://{parts.netloc}"
        client = _engine.objects().store.from_url(bucket)
        return cls(address, client, unquote(parts.path.strip("/")))

    def __repr__(self) -> str:
        """Return the address; what clients show is theirs."""
        return f"Bucket({str(self)!r})"

    def __str__(self) -> str:
        """Return the address."""
        return self.address

    def __truediv__(self, name: str) -> Self:
        """Return a place whose key begins with this one."""
        key = f"{self.key}/{name}" if self.key else name
        return self._replace(address=f"{self.address}/{name}", key=key)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    def exists(self) -> bool:
        """Return whether there is such an object."""
        try:
            _engine.objects().head(self.client, self.key)
        except FileNotFoundError:
            return False
        return True

    def files(self, suffix: str) -> list[Self]:
        """Return the objects directly below this key with a suffix, sorted by name."""
        listed = _engine.objects().list_with_delimiter(self.client, self.key)
        keys = sorted(found["path"] for found in listed["objects"])
        names = (key.rpartition("/")[2] for key in keys if key.endswith(suffix))
        return [self / name for name in names]

    def read(self) -> bytes:
        """Return the content of an object."""
        return self._get().to_bytes()

    def source(self) -> Source:
        """Return the content of an object for pyarrow."""
        content = memoryview(self._get())
        opened = _engine.arrow().BufferReader(_engine.arrow().py_buffer(content))
        return Source(opened, len(content), digest(content))

    def prepare(self) -> None:
        """See that an object that is there is not created a second time."""
        tried = self / f"{uuid4().hex}.tried"
        tried.write(b"first")
        try:
            tried.create(b"second")
        except FileExistsError:
            return
        finally:
            tried.delete()
        raise StoreError(
            f"The object store of {str(self)!r} lets two writers create the same "
            "object, so one could overwrite the other. A store needs one with "
            "conditional writes (If-None-Match)."
        )

    def add(self, content: bytes) -> None:
        """Write an object of a name that nobody else has."""
        _engine.objects().put(self.client, self.key, content)

    def create(self, content: bytes) -> None:
        """Write an object that must not be there yet.

        Where an answer is lost the client asks again, and may find its own.
        """
        obstore = _engine.objects()
        try:
            obstore.put(self.client, self.key, content, mode="create")
        except obstore.exceptions.AlreadyExistsError as error:
            if self.read() != content:
                raise FileExistsError(str(self)) from error

    def write(self, content: bytes) -> None:
        """Write an object, or replace it."""
        _engine.objects().put(self.client, self.key, content)

    def delete(self) -> None:
        """Delete an object, if it is there."""
        with suppress(FileNotFoundError):
            _engine.objects().delete(self.client, self.key)

    def keeps_versions(self) -> bool:
        """Return whether the bucket says that it does.

        Google's counts generations whether it keeps the old ones or not.
        """
        version = _engine.objects().head(self.client, self.key)["version"]
        return version not in (None, "null") and not self.address.startswith("gs:")

    def sync(self) -> None:
        """Do nothing: an object store acknowledges what it has."""

    def _get(self) -> "obstore.Bytes":
        return _engine.objects().get(self.client, self.key).bytes()
