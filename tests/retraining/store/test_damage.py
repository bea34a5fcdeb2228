# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Every file that was damaged is named and left as it is, and nothing is written."""

import os
import shutil

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skperf import AffineRiskMinimizer
from skperf.exceptions import DamagedStoreError
from skperf.retraining import SnapshotStore

N_MONTHS = 4
pytestmark = pytest.mark.filterwarnings(
    "ignore::skperf.exceptions.MissingLabelsWarning"
)


def month(number):
    rng = np.random.default_rng(number)
    X = rng.normal(size=(60, 3))
    return X, (X[:, 0] + rng.logistic(size=60) > 0).astype(int)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    store = SnapshotStore(tmp_path_factory.mktemp("whole") / "store")
    model = AffineRiskMinimizer(LogisticRegression(), store=store)
    for number in range(N_MONTHS):
        X, y = month(number)
        model.partial_fit(X, y, groups=np.arange(60) + 100 * number, period=number)
    store.log(X, y, np.arange(60), "logged").label([0, 1], [1, 0])
    return store.path


@pytest.fixture
def folder(whole, place):
    shutil.copytree(whole, place[1])
    return place[1]


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def contents(folder):
    return {path: path.read_bytes() for path in files(folder)}


def use(store):
    """Ask for all that a store has, and go on."""
    store.read(*range(N_MONTHS))
    for number in range(N_MONTHS):
        store.load(number)
    store.resume().partial_fit(**store.labelled("logged"))


def assert_named(store, folder, path):
    before = contents(folder)
    with pytest.raises(DamagedStoreError) as raised:
        use(store)
    name = os.path.join(store.path, path.relative_to(folder))
    assert repr(name) in str(raised.value)
    assert contents(folder) == before


@pytest.mark.usefixtures("folder")
def test_what_is_whole_is_used(store):
    use(store)
    assert len(store.periods()) == N_MONTHS + 1


def test_40_of_40_flipped_bits_are_named(store, folder):
    rng = np.random.default_rng(0)
    sizes = {path: path.stat().st_size for path in files(folder)}
    paths, weights = list(sizes), np.array(list(sizes.values()))
    for path in rng.choice(paths, 40, p=weights / weights.sum()):
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[rng.integers(len(flipped))] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        assert_named(store, folder, path)
        path.write_bytes(content)
    use(store)


@pytest.mark.parametrize("how", ["flip", "truncate", "empty", "delete"])
def test_every_file_is_watched(store, folder, how):
    """Also those of which a draw by size takes none."""
    rng = np.random.default_rng(1)
    for path in files(folder):
        content = path.read_bytes()
        if how == "delete":
            path.unlink()
        elif how == "flip":
            flipped = bytearray(content)
            flipped[rng.integers(len(flipped))] ^= 1 << rng.integers(8)
            path.write_bytes(flipped)
        else:
            path.write_bytes(content[: len(content) // 2] if how == "truncate" else b"")
        assert_named(store, folder, path)
        path.write_bytes(content)
    use(store)
