# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables larger than memory: what they take of memory and time, beside those in it.

Memory is that of the process alone (RssAnon): mapped pages, which the operating system
may drop, do not count.
"""

import multiprocessing
import threading
import time

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.batches import Batches, IncrementalEstimator

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_COLUMNS = 20
N_ROUNDS = 3
FEW, MANY = 100_000, 10_000_000
STRATEGIC = [0, 3, 7]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Write tables of some numbers of rows once, as memory map, Arrow and Parquet."""
    folder, made = tmp_path_factory.mktemp("tables"), set()

    def path(n_samples):
        if n_samples not in made:
            write(folder / str(n_samples), n_samples)
            made.add(n_samples)
        return folder / str(n_samples)

    return path


def write(path, n_samples):
    import pyarrow as pa
    from pyarrow import ipc, parquet

    rng = np.random.default_rng(0)
    coef = rng.normal(size=N_COLUMNS) / 4
    names = [f"x{i}" for i in range(N_COLUMNS)] + ["y"]
    schema = pa.schema([(name, pa.float32()) for name in names])
    rows = np.lib.format.open_memmap(
        f"{path}.npy", "w+", np.float32, (n_samples, N_COLUMNS + 1)
    )
    with (
        parquet.ParquetWriter(f"{path}.parquet", schema) as compressed,
        ipc.new_file(f"{path}.arrow", schema) as plain,
    ):
        for start in range(0, n_samples, FEW):
            X = rng.normal(size=(min(FEW, n_samples - start), N_COLUMNS))
            y = X @ coef + rng.logistic(size=len(X)) > 0
            block = np.column_stack([X, y]).astype(np.float32)
            rows[start : start + len(block)] = block
            columns = [pa.array(np.ascontiguousarray(column)) for column in block.T]
            batch = pa.record_batch(columns, schema=schema)
            compressed.write_batch(batch)
            plain.write_batch(batch)


def open_table(path, kind):
    if kind == "parquet":
        table = Batches.from_parquet(f"{path}.parquet")
        return table.drop("y"), table["y"]
    if kind == "arrow":
        table = Batches.from_arrow(f"{path}.arrow")
        return table.drop("y"), table["y"]
    rows = np.load(f"{path}.npy", mmap_mode="r")
    if kind == "memory":
        return np.array(rows[:, :N_COLUMNS]), np.array(rows[:, N_COLUMNS])
    table = Batches.from_array(rows)
    return table.drop(N_COLUMNS), table[N_COLUMNS]


def measure(path, kind, strategic_features, window):
    """Return CPU seconds and the peak of memory of some rounds, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(run, (path, kind, strategic_features, window))


def run(path, kind, strategic_features, window):
    import warnings

    warnings.simplefilter("ignore")
    solver = SGDClassifier(loss="log_loss", alpha=1e-3, random_state=0)
    params = {"max_iter": N_ROUNDS, "tol": 0, "random_state": 0}
    estimator = IncrementalEstimator(solver, n_epochs=2)
    shift = ResampleIfRejected(0.5, strategic_features=strategic_features)
    minimizer = RepeatedRiskMinimizer(estimator, shift, **params)
    if window:
        minimizer = AffineRiskMinimizer(estimator, shift, window=window, **params)
    X, y = open_table(path, kind)
    peak, done = [0], threading.Event()

    def watch():
        while not done.is_set():
            peak[0] = max(peak[0], anonymous_memory())
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.process_time()
    minimizer.fit(X, y)
    seconds = time.process_time() - start
    done.set()
    watcher.join()
    return seconds, peak[0]


def anonymous_memory():
    """Return the bytes that belong to the process and to no file."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("strategic_features", [None, STRATEGIC])
@pytest.mark.parametrize("kind", ["memory map", "parquet"])
def test_memory_does_not_grow(
    benchmark, report, tables, kind, strategic_features, window
):
    """Ten million rows need less than 16 bytes a row more than a hundred thousand."""
    args = kind, strategic_features, window
    few_seconds, few = measure(tables(FEW), *args)
    seconds, many = benchmark.pedantic(measure, (tables(MANY), *args), rounds=1)
    a_row = (many - few) / (MANY - FEW)
    growth = seconds / MANY / (few_seconds / FEW)
    report(
        f"{kind}, strategic_features={strategic_features}, window={window}: "
        f"{few / 1e6:.0f} MB at 10^5 rows, {many / 1e6:.0f} MB at 10^7, {a_row:.1f} "
        f"bytes a row; a row costs {growth:.2f} of the time"
    )
    assert a_row < 16
    assert growth < 1.1


@pytest.mark.parametrize("strategic_features", [None, STRATEGIC])
@pytest.mark.parametrize(
    ("kind", "bar"), [("memory map", 1.6), ("arrow", 1.6), ("parquet", 2.5)]
)
def test_time(benchmark, report, tables, kind, strategic_features, bar):
    """Files cost little more CPU time than memory, with the same solver."""
    path = tables(MANY // 10)
    args = strategic_features, None
    in_memory = min(measure(path, "memory", *args)[0] for _ in range(2))
    first, _ = benchmark.pedantic(measure, (path, kind, *args), rounds=1)
    seconds = min(first, measure(path, kind, *args)[0])
    report(
        f"{kind}, strategic_features={strategic_features}: {seconds / in_memory:.2f} "
        f"of the CPU time in memory ({in_memory:.1f} s for {N_ROUNDS} rounds)"
    )
    assert seconds < bar * in_memory
