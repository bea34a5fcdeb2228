# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Arrays of dask on two worker processes, beside the same in memory."""

import os
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB

from skperf import (
    AffineRiskMinimizer,
    RepeatedRiskMinimizer,
    ResampleIfRejected,
    RetrainingStudy,
)
from skperf.batches import IncrementalEstimator
from skperf.retraining import Snapshot
from skperf.risk_minimization import anderson
from skperf.shift import OutcomeShift, Sample, _rejection_blocks
from skperf.utils._by_rows import keep

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
xgboost = pytest.importorskip("xgboost")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.exact,
    pytest.mark.filterwarnings("ignore"),  # engines warn of their own affairs
]
PARAMS = {"n_estimators": 3, "max_depth": 3, "tree_method": "hist", "n_jobs": 1}


@pytest.fixture(scope="module")
def client():
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        warnings.simplefilter("ignore")
        yield client


@pytest.fixture(scope="module")
def population():
    """Return features with few values, of which all engines make the same bins."""
    X, y = make_classification(1000, 5, n_redundant=0, random_state=0)
    return np.clip(np.round(2 * X), -6, 6).astype(np.float32), y.astype(np.float32)


def in_chunks(X, y, n_rows=250):
    X = da.from_array(X, chunks=(n_rows, -1)).persist()
    return X, da.from_array(y, chunks=n_rows).persist()


def on_dask():
    from xgboost.dask import DaskXGBClassifier

    return DaskXGBClassifier(**PARAMS)


def assert_same_path(found, expected, atol=1e-6):  # both are float32
    for name in ("risk_before", "risk_after", "prediction_gap", "two_back_gap"):
        assert_allclose(found.history_[name], expected.history_[name], atol=atol)


@pytest.mark.parametrize("resampling", ["expected", "drawn"])
@pytest.mark.parametrize(
    "kind",
    [
        RepeatedRiskMinimizer,
        AffineRiskMinimizer,
        partial(AffineRiskMinimizer, coefficients="size"),
        partial(AffineRiskMinimizer, coefficients="anderson"),
    ],
)
def test_equal_to_memory(client, population, kind, resampling):
    shift = ResampleIfRejected(0.4, resampling=resampling)
    params = {"max_iter": 3, "tol": 0, "random_state": 0}
    model = kind(xgboost.XGBClassifier(**PARAMS), shift, **params).fit(*population)
    other = kind(on_dask(), shift, **params).fit(*in_chunks(*population))
    expected = model.predict_proba(population[0])
    found = np.asarray(other.predict_proba(in_chunks(*population)[0]))
    assert_allclose(found, expected, atol=1e-6)
    assert_same_path(other, model)


def test_anderson_on_blocks(client):
    """Triangles of blocks make that of all rows."""
    rng = np.random.RandomState(0)
    residuals = 0.5 ** np.arange(5)[:, None] * rng.normal(size=(5, 1000))
    y_pred = np.ones(1000)
    sample = Sample(np.ones((1000, 1)), y_pred)
    window = [Snapshot(sample, y_pred, residual=values) for values in residuals]
    blocks = [
        one._replace(residual=keep(da.from_array(one.residual, chunks=10)))
        for one in window
    ]
    for convex in (False, True):
        expected = anderson(window, convex=convex)
        assert np.ptp(expected) > 0.1
        assert_allclose(anderson(blocks, convex=convex), expected, atol=1e-12)


@pytest.mark.parametrize("response_method", ["predict_proba", "predict"])
def test_three_classes(client, response_method):
    X, y = make_classification(
        1000, 5, n_redundant=0, n_informative=4, n_classes=3, random_state=0
    )
    X, y = np.clip(np.round(2 * X), -6, 6).astype(np.float32), y.astype(np.float32)
    params = {"pos_label": 1, "max_iter": 2, "tol": 0, "random_state": 0}
    params["response_method"] = response_method
    shift = ResampleIfRejected(0.4)
    model = RepeatedRiskMinimizer(xgboost.XGBClassifier(**PARAMS), shift, **params)
    other = RepeatedRiskMinimizer(on_dask(), shift, **params)
    assert_same_path(other.fit(*in_chunks(X, y)), model.fit(X, y))


def test_two_outputs(client, population):
    from xgboost.dask import DaskXGBRegressor

    X, _ = population
    y = X @ np.random.RandomState(0).normal(size=(5, 2)).astype(np.float32) / 4
    params = {"max_iter": 2, "tol": 0, "random_state": 0}
    shift = OutcomeShift(0.3)
    model = RepeatedRiskMinimizer(xgboost.XGBRegressor(**PARAMS), shift, **params)
    other = RepeatedRiskMinimizer(DaskXGBRegressor(**PARAMS), shift, **params)
    in_blocks = (da.from_array(table, chunks=(250, -1)) for table in (X, y))
    assert_same_path(other.fit(*in_blocks), model.fit(X, y))


def test_strategic_columns(client, population):
    """A table that is its own pool gets the donors that it gets in memory."""
    shift = ResampleIfRejected(0.4, strategic_features=[0, 2], n_donors=2)
    params = {"max_iter": 2, "tol": 0, "random_state": 0}
    model = RepeatedRiskMinimizer(xgboost.XGBClassifier(**PARAMS), shift, **params)
    other = RepeatedRiskMinimizer(on_dask(), shift, **params)
    assert_same_path(other.fit(*in_chunks(*population)), model.fit(*population))


@pytest.mark.parametrize("resampling", ["expected", "drawn"])
def test_strategic_columns_of_a_pool(client, population, resampling, monkeypatch):
    """A larger table has other donors than in memory, of the same law.

    It is sorted by a column that they give, so that those of one's own block, or of the
    first rows, would be others.
    """
    monkeypatch.setattr(_rejection_blocks, "_N_POOLED", 200)
    X, y = population
    order = np.argsort(X[:, 1], kind="stable")
    X, y = X[order], y[order]
    tables = in_chunks(X, y)
    figures = []
    for seed in range(10):
        shift = ResampleIfRejected(
            0.4, strategic_features=[1], n_donors=1, resampling=resampling
        )
        params = {"max_iter": 1, "tol": 0, "random_state": seed}
        model = RepeatedRiskMinimizer(xgboost.XGBClassifier(**PARAMS), shift, **params)
        other = RepeatedRiskMinimizer(on_dask(), shift, **params)
        paths = model.fit(X, y).history_, other.fit(*tables).history_
        figures.append([[p["risk_before"][0], p["risk_after"][0]] for p in paths])
    memory, blocks = np.moveaxis(figures, 1, 0)
    error = np.sqrt((memory.var(axis=0, ddof=1) + blocks.var(axis=0, ddof=1)) / 10)
    assert (error > 0).all()
    assert (abs(memory.mean(axis=0) - blocks.mean(axis=0)) < 3 * error).all()


@pytest.mark.parametrize(
    "params",
    [{}, {"strategic_features": [0]}, {"resampling": "drawn"}],
)
def test_what_users_get_are_arrays_of_dask(client, population, params):
    """Weights are of the type and in the chunks of X."""
    X, y = in_chunks(*population)
    shift = ResampleIfRejected(0.4, **params)
    sample = shift.sample(X, y, da.full(1000, 0.5, chunks=250), random_state=0)
    expected = shift.sample(*population, np.full(1000, 0.5), random_state=0)
    for part in sample[:4]:
        assert part is None or type(part) is type(X)
        assert part is None or part.chunks[0] == sample.X.chunks[0]
    if sample.sample_weight is not None:
        assert_allclose(sample.sample_weight.sum(), expected.sample_weight.sum())
    model = IncrementalEstimator(GaussianNB()).fit(X, y)
    found = model.predict_proba(X)
    assert type(found) is type(X)
    assert found.chunks == (X.chunks[0], (2,))
    assert_allclose(found, model.predict_proba(population[0]), atol=1e-5)


def test_chunks_of_columns_are_refused(client, population):
    X, y = population
    X = da.from_array(X, chunks=(250, 2))
    with pytest.raises(ValueError, match="all columns in one chunk"):
        ResampleIfRejected(0.4, strategic_features=[0]).sample(
            X, da.from_array(y, chunks=250), da.full(1000, 0.5, chunks=250)
        )


def process_number(estimator, X, y):
    return os.getpid()


def search(X, y):
    """Return the scores of a grid and the processes that have told them."""
    model = RepeatedRiskMinimizer(
        LogisticRegression(), ResampleIfRejected(0.4), random_state=0
    )
    results = (
        GridSearchCV(
            model,
            {"estimator__C": [0.1, 1.0]},
            cv=2,
            scoring={"risk": "neg_log_loss", "process": process_number},
            refit=False,
        )
        .fit(X, y)
        .cv_results_
    )
    return results["mean_test_risk"], set(results["split0_test_process"])


def try_seed(X, y, seed):
    shift = ResampleIfRejected(0.4, resampling="drawn")
    model = RepeatedRiskMinimizer(LogisticRegression(), shift, random_state=seed)
    return model.fit(X, y).history_["risk_before"][-1], os.getpid()


def try_seeds(X, y):
    tries = joblib.Parallel()(joblib.delayed(try_seed)(X, y, seed) for seed in range(4))
    risks, processes = zip(*tries, strict=True)
    return risks, set(processes)


def study(X, y):
    model = RetrainingStudy(
        {"some": LogisticRegression(), "other": LogisticRegression(C=0.1)},
        ResampleIfRejected(0.4, strategic_features=[0], resampling="common"),
        ways=("ordinary", "retrained"),
        scoring={"process": lambda *_, **__: os.getpid()},
        n_bootstrap=10,
        random_state=0,
    ).fit(X, y)
    return model.results_[["risk_low", "risk", "risk_high"]], set(
        model.results_["process"]
    )


@pytest.mark.parametrize("work", [search, try_seeds, study])
def test_independent_work_goes_to_the_workers(client, population, work):
    """Grids, seeds and studies go through joblib, bit for bit."""
    expected, here = work(*population)
    with joblib.parallel_config("dask"):
        found, there = work(*population)
    np.testing.assert_array_equal(found, expected)
    assert here == {os.getpid()}
    assert os.getpid() not in there
