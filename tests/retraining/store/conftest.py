# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Every test of a store on disk is one of a store in a bucket, too."""

from uuid import uuid4

import pytest
from buckets import environment, serve

from skperf.retraining import SnapshotStore


@pytest.fixture(scope="session")
def buckets(tmp_path_factory):
    """Return a folder whose folders are buckets."""
    root = tmp_path_factory.mktemp("buckets")
    with serve(root) as address, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(address).items():
            patch.setenv(name, value)
        yield root


@pytest.fixture
def bucket(buckets):
    """Return the address of a new bucket, and the folder that it is."""
    name = uuid4().hex
    (buckets / name).mkdir()
    return f"s3://{name}", buckets / name


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def place(request, tmp_path):
    """Return what a store is called, and where its files lie."""
    if request.param == "folder":
        return tmp_path / "store", tmp_path / "store"
    address, folder = request.getfixturevalue("bucket")
    return f"{address}/some/store", folder / "some" / "store"


@pytest.fixture
def store(place):
    return SnapshotStore(place[0])


@pytest.fixture
def folder(place):
    return place[1]
