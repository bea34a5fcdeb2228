# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A person's rows leave every file and every version; models stay and are marked."""

import os
import shutil

import numpy as np
import pytest
from deltalake import DeltaTable
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from skperf import AffineRiskMinimizer
from skperf.retraining import SnapshotStore
from skperf.retraining._losses import root_mean_square

SECRET = 123_456.789


def month(number, n_rows=50):
    rng = np.random.default_rng(number)
    X = rng.normal(size=(n_rows, 3))
    X[7, 2] = SECRET + number  # the person to be forgotten
    y = (X[:, 0] + rng.logistic(size=n_rows) > 0).astype(int)
    groups = np.arange(n_rows) + 100 * number
    groups[7] = 7
    return X, y, groups


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    store = SnapshotStore(tmp_path_factory.mktemp("whole") / "store")
    model = AffineRiskMinimizer(LogisticRegression(), window=2, store=store)
    for number in range(4):
        X, y, groups = month(number)
        weights = np.linspace(0.5, 1, len(X))
        model.partial_fit(X, y, sample_weight=weights, groups=groups, period=number)
    return store.path


@pytest.fixture
def model(whole, store, folder):
    shutil.copytree(whole, folder)
    return store.resume()


def traces(folder):
    """Return the files in which a value of the person is."""
    values = [np.float64(SECRET + number).tobytes() for number in range(4)]
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [p for p in paths if any(value in p.read_bytes() for value in values)]


def test_nothing_is_left(model, store, folder):
    X, _, groups = month(0)
    store.log(X, X[:, 0], groups, "logged").label(groups[:9], np.ones(9))
    assert traces(folder)
    assert store.forget([7]) == 4
    assert not traces(folder)
    for number in range(4):
        assert 7 not in store.read(number).groups
        assert_array_equal(store.read(number).X, np.delete(month(number)[0], 7, axis=0))
    store.label([8], [1])  # the one beside
    with pytest.warns(UserWarning, match="41 of 49 rows"):
        assert 7 not in store.labelled("logged")["groups"]
    for name, n_rows in (("seen", 4 * 49), ("logged", 49), ("labels", 8)):
        table = DeltaTable(os.path.join(store.path, name))
        assert sum(table.get_add_actions()["num_records"].to_pylist()) == n_rows
        assert len(table.file_uris()) == len([*(folder / name).glob("*.parquet")])


def test_models_and_histories_stay_and_are_marked(model, store):
    X = month(9)[0]
    before = model.predict_proba(X)
    store.forget([7])
    assert [known["n_forgotten"] for known in store.models()] == [4] * 4
    resumed = store.resume()
    assert_array_equal(resumed.predict_proba(X), before)
    assert_array_equal(resumed.history_["risk_after"], model.history_["risk_after"])
    assert len(store.load(1).history_["risk_after"]) == 1
    assert store.forget([7]) == 0
    assert [known["n_forgotten"] for known in store.models()] == [4] * 4


def go_on(model, numbers=(4, 5)):
    for number in numbers:
        X, y, groups = month(number)
        model.partial_fit(X, y, groups=groups + 10_000, period=number)
    return model


@pytest.mark.exact  # lbfgs ends elsewhere by its tolerance
def test_retraining_goes_on_without_them(model, store):
    """Both in this process and in another; what is mixed is what is left."""
    store.forget([7])
    go_on(model)
    assert model.history_["n_rows"][-2:].tolist() == [49 + 50, 100]
    left = [store.read(3), store.read(4)]
    ones = np.ones(50)
    rows = np.vstack([sample.X for sample in left])
    weights = np.concatenate([left[0].sample_weight, ones])
    totals = np.array([left[0].sample_weight.sum(), 50.0])
    shares = np.repeat(0.5 * totals.mean() / totals, [49, 50])
    alone = LogisticRegression().fit(
        rows, np.concatenate([left[0].y, left[1].y]), weights * shares
    )
    coefficients = store.load(4).estimator_.coef_
    assert_allclose(coefficients, alone.coef_, rtol=1e-6)


def test_gaps_are_those_of_the_people_who_are_left(model, store):
    """y_pred and residuals are cut, and a norm is a root mean square again."""
    _, stored = model.store._disk().load(4)
    whole = stored["path"]
    store.forget([7])
    _, stored = model.store._disk().load(4)
    cut = stored["path"]
    kept = np.delete(np.arange(50), 7)
    for name in ("y_pred", "previous"):
        assert_array_equal(cut[name], whole[name][kept])
    weights = np.linspace(0.5, 1, 50)
    differences = whole["residual"] / np.sqrt(weights / weights.sum())
    mean_square = np.average(differences[kept] ** 2, weights=weights[kept])
    assert root_mean_square(cut["residual"]) == pytest.approx(np.sqrt(mean_square))
    assert_array_equal(cut["X"], np.delete(month(0)[0], 7, axis=0))
    assert cut["risk_errors"] == (None,) * 3


def test_a_forgetting_that_was_killed(model, store, monkeypatch):
    """The rows are gone, the models are not cut yet: both resume and finish."""
    from skperf.retraining._disk._models import Models

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Models, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            store.forget([7])
    assert 7 not in store.read(0).groups
    resumed = go_on(store.resume(), [4])
    store.forget([7])
    content = store._disk().models.load(4)
    assert len(content.stored["path"]["y_pred"]) == 49
    assert resumed.n_iter_ == 4


def test_a_whole_period_can_be_forgotten(model, store):
    _, _, groups = month(3)
    store.forget(np.setdiff1d(groups, [7]))
    store.forget([7])
    with pytest.raises(ValueError, match="All rows of the period 3 were forgotten"):
        store.read(3)
    go_on(store.resume(), [4])
    assert store.resume().history_["n_rows"][-1] == 49 + 50  # of periods 2 and 4
    with pytest.raises(ValueError, match=r"Nobody of 0 would be left, on whom models"):
        store.forget(month(0)[2])


def test_who_cannot_be_told_is_not_forgotten(model, store, folder):
    X, y, _ = month(4)
    model.partial_fit(X, y, period=4)
    with pytest.raises(ValueError, match=r"periods \[4\] were stored without groups"):
        store.forget([7])
    assert traces(folder)


def test_ids_are_compared_by_value(model, store, folder):
    assert store.forget(["7"]) == 0
    assert traces(folder)


def test_what_waits_comes_first(model, store):
    X, y, groups = month(4)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full_like(X, np.nan), y, groups=groups, period=4)
    with pytest.raises(RuntimeError, match="wait for a model"):
        store.forget([7])
