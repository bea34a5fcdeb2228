# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Kill a job at random moments, again and again, and see what is lost: ``make crash``.

``python crash.py 200`` prints the figures of 200 kills. ``python crash.py race`` lets
three jobs write to one store at the same time.
"""

import os
import pickle
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from months import N_MONTHS, applications, job

from skperf.exceptions import StoreConflictError
from skperf.retraining import SnapshotStore


def keep_on(folder):
    """Live all months beside other jobs: go on wherever one of them was faster."""
    while True:
        try:
            return job(folder)
        except StoreConflictError:
            os.write(1, b"refused\n")


def start(task, folder):
    """Start a task in a child; return its number, and where to read what it says.

    This process never uses deltalake, which cannot be forked then.
    """
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.dup2(write, 1)
    code = 1
    try:
        model = task(folder)
        os.write(1, b"done\n")
        Path(folder).with_suffix(".model").write_bytes(pickle.dumps(model))
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def finish(child, read):
    """Return what a child has said, and whether it was killed."""
    with open(read, "rb") as file:
        told = file.read().decode().split()
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status)
    assert killed or not os.WEXITSTATUS(status), "the job has failed"
    return told, killed


def run_job(folder, delay=None):
    """Run a job that is killed after some seconds, None for never.

    Returns what it has acknowledged, whether it was killed, and how long it took.
    """
    since = time.perf_counter()
    child, read = start(job, folder)
    if delay is not None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    return *finish(child, read), time.perf_counter() - since


def result(folder):
    """Return the model that a job has ended with."""
    return pickle.loads(Path(folder).with_suffix(".model").read_bytes())


def assert_nothing_lost(store, acknowledged, before):
    """All that was acknowledged is there, once, and every row is what was seen."""
    periods = store.periods()
    assert set(acknowledged) <= set(periods), (acknowledged, periods)
    assert periods == [f"2026-{n + 1:02}" for n in range(len(periods))]
    assert len(periods) >= before
    for number, period in enumerate(periods):
        assert (store.read(period).groups == applications(number)[2]).all()
    return len(periods)


def same_model(first, second):
    X = applications(99)[0]
    same = np.array_equal(first.predict_proba(X), second.predict_proba(X))
    histories = (
        {name: column for name, column in model.history_.items() if name != "fit_time"}
        for model in (first, second)
    )
    first_history, second_history = histories
    return same and all(
        np.array_equal(first_history[name], second_history[name], equal_nan=True)
        for name in first_history
    )


def crash(n_kills, folder, seed=0):
    """Kill jobs; return how often, and how many runs came to their end."""
    rng, counts = np.random.default_rng(seed), Counter()
    _, _, seconds = run_job(folder / "whole")
    whole = result(folder / "whole")
    while counts["kills"] < n_kills:
        counts["runs"] += 1
        one_run(folder / str(counts["runs"]), whole, seconds, rng, counts)
    return counts


def one_run(folder, whole, seconds, rng, counts):
    """Kill a job again and again, until it is through."""
    store, n_before = SnapshotStore(folder), 0
    while True:
        told, killed, _ = run_job(folder, rng.uniform(0, 0.5 * seconds))
        done = told[-1:] == ["done"]
        n_periods = assert_nothing_lost(store, told[: len(told) - done], n_before)
        counts["kills"] += killed
        counts["committed, not acknowledged"] += n_periods - n_before - len(told) + done
        n_before = n_periods
        if done and not killed:
            break
    assert n_periods == N_MONTHS
    assert same_model(result(folder), whole)


def race(n_jobs, folder):
    """Let jobs write to one store at the same time; return how often one is refused."""
    run_job(folder / "whole")
    children = [start(keep_on, folder / "race") for _ in range(n_jobs)]
    told = [
        word for words, _ in [finish(*child) for child in children] for word in words
    ]
    n_periods = assert_nothing_lost(SnapshotStore(folder / "race"), [], 0)
    assert n_periods == N_MONTHS
    assert same_model(result(folder / "race"), result(folder / "whole"))
    return Counter(word for word in told if not word.startswith("2026"))


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        if sys.argv[1] == "race":
            print(dict(race(3, Path(made))))
        else:
            print(dict(crash(int(sys.argv[1]), Path(made))))
