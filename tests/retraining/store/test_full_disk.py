# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""On a full disk all that was acknowledged stays, and goes on when space is free."""

import subprocess

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from skperf import AffineRiskMinimizer
from skperf.retraining import SnapshotStore


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of half a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs the right to mount a small disk: {error}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def month(number):
    rng = np.random.default_rng(number)
    X = rng.normal(size=(500, 5))
    return X, (X[:, 0] + rng.logistic(size=500) > 0).astype(int)


def live(model, number):
    X, y = month(number)
    return model.partial_fit(X, y, period=number)


def live_on(model, acknowledged):
    while True:
        live(model, len(acknowledged))
        acknowledged.append(model)


@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_is_there(small_disk, seed):
    """Files of others fill the disk up to somewhere between two writes."""
    store = SnapshotStore(small_disk / "store")
    model = AffineRiskMinimizer(LogisticRegression(), window=3, store=store)
    in_memory = AffineRiskMinimizer(LogisticRegression(), window=3)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (17_000 * seed))
    acknowledged = []
    with pytest.raises(Exception, match=r"No space left|os error 28"):
        live_on(model, acknowledged)
    number = len(acknowledged)
    assert number > 0
    for before in range(number):
        assert_array_equal(store.read(before).X, month(before)[0])
    assert store.load(number - 1).n_iter_ == number - 1
    filler.unlink(missing_ok=True)
    subprocess.run(
        ["mount", "-o", "remount,size=4m", small_disk], check=True, capture_output=True
    )
    model = store.resume()
    for later in range(len(store.periods()), number + 2):
        live(model, later)
    for each in range(number + 2):
        live(in_memory, each)
    assert store.periods() == list(range(number + 2))
    assert_array_equal(model.estimator_.coef_, in_memory.estimator_.coef_)
