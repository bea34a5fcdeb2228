# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Kill a job at random moments, again and again, and see what is lost: ``make crash``.

``python crash.py 200`` prints the figures of 200 kills. ``python crash.py race`` lets
three jobs write to one store at the same time. ``python crash.py 200 bucket`` and
``python crash.py race bucket`` do so in an object store, which is not killed.
"""

import os
import pickle
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory

import numpy as np
from buckets import environment
from months import N_MONTHS, applications, job

from skperf.exceptions import StoreConflictError
from skperf.retraining import SnapshotStore


def job_in_bucket(folder):
    """Do a job in the bucket that the folder above is."""
    return job(f"s3://{folder.parent.name}/{folder.name}")


def beside_others(task):
    """Return a task that goes on wherever another one was faster."""

    def keep_on(folder):
        while True:
            try:
                return task(folder)
            except StoreConflictError:
                os.write(1, b"refused\n")

    return keep_on


def start(task, folder):
    """Start a task in a child; return its number, and where to read what it says.

    This process looks at folders only, and never uses deltalake and obstore, which
    cannot be forked then.
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
        own = Path(folder).with_suffix(f".{os.getpid()}")
        own.write_bytes(pickle.dumps(model))
        own.replace(Path(folder).with_suffix(".model"))
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


def run_job(task, folder, delay=None):
    """Run a task that is killed after some seconds, None for never.

    Returns what it has acknowledged, whether it was killed, and how long it took.
    """
    since = time.perf_counter()
    child, read = start(task, folder)
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


def crash(task, n_kills, folder, seed=0):
    """Kill tasks; return how often, and how many runs came to their end."""
    rng, counts = np.random.default_rng(seed), Counter()
    _, _, seconds = run_job(task, folder / "whole")
    whole = result(folder / "whole")
    while counts["kills"] < n_kills:
        counts["runs"] += 1
        one_run(task, folder / str(counts["runs"]), whole, seconds, rng, counts)
    return counts


def one_run(task, folder, whole, seconds, rng, counts):
    """Kill a task again and again, until it is through."""
    store, n_before = SnapshotStore(folder), 0
    while True:
        told, killed, _ = run_job(task, folder, rng.uniform(0, 0.5 * seconds))
        done = told[-1:] == ["done"]
        n_periods = assert_nothing_lost(store, told[: len(told) - done], n_before)
        counts["kills"] += killed
        counts["committed, not acknowledged"] += n_periods - n_before - len(told) + done
        n_before = n_periods
        if done and not killed:
            break
    assert n_periods == N_MONTHS
    assert same_model(result(folder), whole)


def race(task, n_jobs, folder):
    """Let tasks write to one store at a time; return how often one is refused."""
    run_job(task, folder / "whole")
    children = [start(beside_others(task), folder / "race") for _ in range(n_jobs)]
    told = [
        word for words, _ in [finish(*child) for child in children] for word in words
    ]
    n_periods = assert_nothing_lost(SnapshotStore(folder / "race"), [], 0)
    assert n_periods == N_MONTHS
    assert same_model(result(folder / "race"), result(folder / "whole"))
    return Counter(word for word in told if not word.startswith("2026"))


@contextmanager
def bucket():
    """Return the folder that is a bucket, served by a process of its own."""
    with TemporaryDirectory() as root:
        (Path(root) / "jobs").mkdir()
        command = [sys.executable, Path(__file__).with_name("buckets.py"), root]
        with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as server:
            os.environ.update(environment(server.stdout.readline().strip()))
            yield Path(root) / "jobs"
            server.stdin.close()


@contextmanager
def folder():
    """Return a folder."""
    with TemporaryDirectory() as made:
        yield Path(made)


PLACES = {"folder": (folder, job), "bucket": (bucket, job_in_bucket)}

if __name__ == "__main__":
    what, where = [*sys.argv[1:], "folder"][:2]
    place, task = PLACES[where]
    with place() as made:
        if what == "race":
            print(dict(race(task, 3, made)))
        else:
            print(dict(crash(task, int(what), made)))
