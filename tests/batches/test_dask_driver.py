# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the driver of a cluster gets, and what stays when a worker is lost."""

import contextlib
import os
import signal
import socket
import threading

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.utils._by_rows import derive_rows, keep, total

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
pytest.importorskip("xgboost")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.exact,
    pytest.mark.filterwarnings("ignore"),  # engines warn of their own affairs
]
N_ROWS = 6400


class Wire:
    """A road to a scheduler on which all that comes back is counted."""

    def __init__(self, address):
        host, port = address.removeprefix("tcp://").split(":")
        self.target, self.n_bytes = (host, int(port)), 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            ours = self.server.accept()[0]
            theirs = socket.create_connection(self.target)
            for ends in ((ours, theirs), (theirs, ours)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    def pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(2**16):
                if source.getpeername() == self.target:
                    self.n_bytes += len(data)
                sink.sendall(data)


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.fixture
def wire(cluster):
    wire = Wire(cluster.scheduler_address)
    with distributed.Client(wire.address):
        yield wire


class Watched(ResampleIfRejected):
    """A shift that says each time that people react."""

    def bind(self, *args, **kwargs):
        world = super().bind(*args, **kwargs)
        react = world.react
        world.react = lambda *args: (self.tell(), react(*args))[1]
        return world


def cost_of_a_round(wire, n_blocks, n_times=1, **params):
    """Return the bytes that come to the driver from one reaction to the next."""
    from xgboost.dask import DaskXGBClassifier

    population = make_classification(N_ROWS, 5, n_redundant=0, random_state=0)
    X, y = (np.concatenate([part.astype("f4")] * n_times) for part in population)
    size = len(X) // n_blocks
    X = da.from_array(X, chunks=(size, -1)).persist()
    y = da.from_array(y, chunks=size).persist()
    counts = []
    shift = Watched(0.4, **params)
    shift.tell = lambda: counts.append(wire.n_bytes)
    RepeatedRiskMinimizer(
        DaskXGBClassifier(n_estimators=1, max_depth=2, n_jobs=1),
        shift,
        max_iter=3,
        tol=0,
        random_state=0,
    ).fit(X, y)
    return counts[2] - counts[1]  # without what is asked once


@pytest.mark.parametrize(
    "params",
    [
        {"resampling": "expected"},
        {"resampling": "drawn"},
        {"resampling": "drawn", "strategic_features": [0, 2]},
    ],
)
def test_a_block_and_round_cost_a_kilobyte(wire, params):
    """Three quarters of it are what a training of XGBoost costs."""
    few = cost_of_a_round(wire, n_blocks=16, **params)
    many = cost_of_a_round(wire, n_blocks=48, **params)
    assert 500 < (many - few) / 32 < 1000
    assert few - 16 * 1000 < 35_000  # does not depend on the blocks


def test_no_rows_come_to_the_driver(wire):
    once, eight_times = (cost_of_a_round(wire, 16, n_times) for n_times in (1, 8))
    assert eight_times < 1.1 * once


def test_a_lost_worker(cluster):
    """What it has kept is made again."""
    values = np.arange(1000.0)
    with distributed.Client(cluster) as client:
        lazy = da.from_array(values, chunks=10)
        table = da.from_array(values[:, None], chunks=(10, -1))
        kept = keep(lazy)  # four bundles
        derived = derive_rows(np.negative, table, like=table)
        distributed.wait([kept, derived])
        assert total(kept) == values.sum()
        process, *_ = client.run(os.getpid).values()
        os.kill(process, signal.SIGKILL)
        assert total(kept) == values.sum()
        assert total(derived) == -values.sum()
        np.testing.assert_array_equal(kept.compute(), values)
