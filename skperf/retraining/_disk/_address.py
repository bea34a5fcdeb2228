# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""From what a user calls a store to the place where it is."""

from os import PathLike
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from skperf.retraining._disk._bucket import Bucket
from skperf.retraining._disk._folder import Folder
from skperf.retraining._disk._place import Place

OBJECT_STORES = ("s3", "s3a", "gs", "az", "abfs", "abfss")  # known to both libraries


def locate(path: str | PathLike[str]) -> Place:
    """Return the folder of a path, or the bucket of an address."""
    address = str(path)
    if "://" not in address:
        return Folder(Path(path).expanduser())
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Folder(Path(url2pathname(parts.path)))
    if parts.password or parts.query or parts.fragment:
        raise ValueError(
            "The address of a store is shown to others, and has no secrets or options "
            "in it. Give the bucket and the path, as in 's3://bucket/credit', and "
            "put the rest into environment variables."
        )
    if parts.scheme not in OBJECT_STORES or not parts.netloc:
        raise ValueError(
            f"A store is a folder or a place in a bucket; got the address {address!r}. "
            f"Expected a bucket after one of {[f'{s}://' for s in OBJECT_STORES]}. "
            "Mount another kind of storage, or remember in memory with store=None."
        )
    return Bucket.at(address.rstrip("/"))
