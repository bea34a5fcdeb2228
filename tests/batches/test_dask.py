# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Arrays of dask on two worker processes, beside the same in memory."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected

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


@pytest.mark.parametrize("resampling", ["expected", "drawn"])
@pytest.mark.parametrize("kind", [RepeatedRiskMinimizer, AffineRiskMinimizer])
def test_equal_to_memory(client, population, kind, resampling):
    shift = ResampleIfRejected(0.4, resampling=resampling)
    params = {"max_iter": 2, "tol": 0, "random_state": 0}
    model = kind(xgboost.XGBClassifier(**PARAMS), shift, **params).fit(*population)
    other = kind(on_dask(), shift, **params).fit(*in_chunks(*population))
    expected = model.predict_proba(population[0])
    found = np.asarray(other.predict_proba(in_chunks(*population)[0]))
    assert_allclose(found, expected, atol=1e-6)  # both are float32
    for name in ("risk_before", "risk_after", "prediction_gap"):
        assert_allclose(other.history_[name], model.history_[name], atol=1e-6)


@pytest.mark.parametrize("strategic_features", [[0, 2]])
def test_strategic_columns(client, population, strategic_features):
    """A table that is its own pool gets the donors that it gets in memory."""
    shift = ResampleIfRejected(0.4, strategic_features=strategic_features, n_donors=2)
    params = {"max_iter": 2, "tol": 0, "random_state": 0}
    model = RepeatedRiskMinimizer(xgboost.XGBClassifier(**PARAMS), shift, **params)
    other = RepeatedRiskMinimizer(on_dask(), shift, **params)
    model.fit(*population)
    other.fit(*in_chunks(*population))
    for name in ("risk_before", "risk_after", "prediction_gap"):
        assert_allclose(other.history_[name], model.history_[name], atol=1e-6)


def test_chunks_of_columns_are_refused(client, population):
    X, y = population
    X = da.from_array(X, chunks=(250, 2))
    with pytest.raises(ValueError, match="all columns in one chunk"):
        ResampleIfRejected(0.4, strategic_features=[0]).sample(
            X, da.from_array(y, chunks=250), da.full(1000, 0.5, chunks=250)
        )


def test_a_search_on_dask(client, population):
    """Seeds and grids go through joblib, bit for bit."""
    import joblib

    search = GridSearchCV(
        RepeatedRiskMinimizer(
            LogisticRegression(), ResampleIfRejected(0.4), random_state=0
        ),
        {"estimator__C": [0.1, 1.0]},
        cv=2,
    )
    expected = search.fit(*population).cv_results_["mean_test_score"]
    with joblib.parallel_config("dask"):
        found = search.fit(*population).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(found, expected)
