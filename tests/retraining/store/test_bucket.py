# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A store in a bucket: what the other tests ask of it in depth, and what is its own."""

import shutil
import warnings

import numpy as np
import pytest
from buckets import S3, environment, serve
from deltalake.exceptions import DeltaError
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression

from skperf import AffineRiskMinimizer
from skperf.exceptions import DamagedStoreError, StoreConflictError, StoreError
from skperf.retraining import SnapshotStore
from skperf.retraining._disk import _log


def month(number):
    rng = np.random.default_rng(number)
    X = rng.normal(size=(40, 3))
    y = (X[:, 0] + rng.logistic(size=40) > 0).astype(int)
    return X, y, np.arange(40) + 100 * number


def live(model, *numbers):
    for number in numbers:
        X, y, groups = month(number)
        model.partial_fit(X, y, groups=groups, period=f"month {number}")
    return model


def minimizer(store=None):
    return AffineRiskMinimizer(LogisticRegression(), window=2, store=store)


@pytest.fixture
def store(bucket):
    return SnapshotStore(f"{bucket[0]}/credit")


@pytest.fixture
def folder(bucket):
    return bucket[1] / "credit"


def test_it_goes_on_in_another_process_and_place(store, folder, tmp_path):
    live(minimizer(store), 0, 1)
    live(store.resume(), 2)
    assert store.periods() == [f"month {number}" for number in range(3)]
    shutil.copytree(folder, tmp_path / "copy")
    copy = SnapshotStore((tmp_path / "copy").as_uri()).resume()
    resumed, in_memory = live(store.resume(), 3), live(minimizer(), *range(4))
    for model in (resumed, live(copy, 3)):
        assert_array_equal(model.estimator_.coef_, in_memory.estimator_.coef_)
        assert model.diagnosis_ == in_memory.diagnosis_


def test_two_writers_at_the_same_moment(store, folder, monkeypatch):
    live(minimizer(store), 0)
    first, second = store.resume(), store.resume()
    write_table = _log._write_table

    def be_overtaken(*args):
        monkeypatch.setattr(_log, "_write_table", write_table)
        live(first, 1)
        return write_table(*args)

    monkeypatch.setattr(_log, "_write_table", be_overtaken)
    with pytest.raises(StoreConflictError, match="Another writer was faster: process"):
        live(second, 2)
    assert store.periods() == ["month 0", "month 1"]
    assert len([*(folder / "seen").glob("*.parquet")]) == 2


def test_damage_is_named_by_its_address(store, folder):
    live(minimizer(store), 0)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(DamagedStoreError) as raised:
            live(store.resume(), 1)
        name = f"{store.path}/{path.relative_to(folder).as_posix()}"
        assert repr(name) in str(raised.value)
        path.write_bytes(content)
    live(store.resume(), 1)


def test_people_are_forgotten(store, folder):
    live(minimizer(store), 0)
    secret = month(0)[0][7, 2].tobytes()
    content = [path.read_bytes() for path in folder.rglob("*.*")]
    assert any(secret in part for part in content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.forget([7]) == 1
    content = [path.read_bytes() for path in folder.rglob("*.*")]
    assert not any(secret in part for part in content)
    live(store.resume(), 1)


def test_a_commit_that_may_still_be_made_keeps_its_rows(store, folder, monkeypatch):
    """Nobody knows what became of a request without an answer."""
    model = live(minimizer(store), 0)

    def get_no_answer(*args):
        raise DeltaError("timed out")

    with monkeypatch.context() as patch:
        patch.setattr(_log.DeltaLog, "_write", get_no_answer)
        with pytest.raises(DeltaError, match="timed out"):
            live(model, 1)
    assert len([*(folder / "seen").glob("*.parquet")]) == 2
    assert store.periods() == ["month 0"]
    live(store.resume(), 1)
    store.forget([101])
    assert len([*(folder / "seen").glob("*.parquet")]) == 2


class LosesAnswers(S3):
    """Creates what it is asked to, and then does not say so."""

    def reply(self, code, content=b"", **headers):
        if self.headers.get("If-None-Match") and code == 200:
            code = 503
        super().reply(code, content, **headers)


class KeepsVersions(S3):
    def send_header(self, name, value):
        super().send_header(name, value)
        if name == "ETag":
            super().send_header("x-amz-version-id", "3sL4kqtJlcpXroDTDmJ")


class WritesTwice(S3):
    """Knows no conditional writes."""

    def put(self):
        del self.headers["If-None-Match"]
        super().put()


@pytest.fixture
def store_at(tmp_path, monkeypatch):
    """Return a function that makes a store at a server of some kind."""
    (tmp_path / "other").mkdir()
    servers = []

    def make(kind):
        servers.append(serve(tmp_path, kind))
        for name, value in environment(servers[-1].__enter__()).items():
            monkeypatch.setenv(name, value)
        return SnapshotStore("s3://other/credit")

    yield make
    for server in servers:
        server.__exit__(None, None, None)


def test_answers_that_were_lost(store_at):
    """Asked again, the bucket has commit and model already, and that they are ours."""
    store = store_at(LosesAnswers)
    on_disk, in_memory = live(minimizer(store), 0, 1), live(minimizer(), 0, 1)
    assert store.periods() == ["month 0", "month 1"]
    for model in (on_disk, store.resume()):
        assert_array_equal(model.estimator_.coef_, in_memory.estimator_.coef_)


def test_a_bucket_that_keeps_versions(store_at):
    store = store_at(KeepsVersions)
    live(minimizer(store), 0)
    with pytest.warns(UserWarning, match="'s3://other/credit' keeps versions"):
        assert store.forget([7]) == 1


def test_an_object_store_that_lets_two_writers_create_one_object(store_at):
    store = store_at(WritesTwice)
    with pytest.raises(StoreError, match="needs one with conditional writes"):
        live(minimizer(store), 0)
    assert store.periods() == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("memory://credit", r"got the address 'memory://credit'. Expected a bucket"),
        ("https://host/credit", "Mount another kind of storage"),
        ("s3:///credit", "Expected a bucket after one of"),
        ("s3://key:secret@bucket/credit", "has no secrets or options in it"),
        ("az://bucket/credit?sig=secret", "has no secrets or options in it"),
    ],
)
def test_addresses_that_are_refused(address, message):
    with pytest.raises(ValueError, match=message) as raised:
        SnapshotStore(address).periods()
    assert "secret@" not in str(raised.value)


def test_without_the_library(store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(ImportError, match=r"needs obstore.* skperf\[store\]"):
        store.periods()


def test_what_is_shown_of_it(store):
    assert repr(store._root() / "seen") == f"Bucket('{store.path}/seen')"
