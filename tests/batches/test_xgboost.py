# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""XGBoost on tables in batches: equal to memory where bins do not depend on weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.batches import Batches, XGBoostEstimator

xgboost = pytest.importorskip("xgboost")

pytestmark = [
    pytest.mark.exact,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
PARAMS = {"n_estimators": 5, "max_depth": 3, "tree_method": "hist", "n_jobs": 1}


@pytest.fixture(scope="module")
def population():
    """Return features with few values, each of which is a bin."""
    X, y = make_classification(1000, 6, n_informative=4, n_classes=3, random_state=0)
    return np.clip(np.round(2 * X), -6, 6), y


def in_batches(X, y, batch_size=300):
    table = Batches.from_array(np.column_stack([X, y]), batch_size=batch_size)
    return table.drop(X.shape[1]), table[X.shape[1]]


@pytest.mark.parametrize("n_classes", [2, 3, None])
def test_equal_to_memory(population, n_classes):
    X, y = population
    kind = xgboost.XGBClassifier if n_classes else xgboost.XGBRegressor
    y = (y > 0).astype(float) if n_classes == 2 else y.astype(float)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    table, labels = in_batches(X, y)
    model = XGBoostEstimator(kind(**PARAMS))
    method = "predict_proba" if n_classes else "predict"
    for w in (None, weights, weights[::-1].copy(), None):
        expected = getattr(model.fit(X, y, w), method)(X)
        found = getattr(model.fit(table, labels, w), method)
        assert_allclose(found(table), expected, atol=1e-5)  # float32
    if n_classes:
        assert model.classes_.tolist() == np.unique(y).tolist()
    assert model.n_features_in_ == 6


def test_retraining(population):
    X, y = population
    y = (y > 0).astype(float)
    model = RepeatedRiskMinimizer(
        XGBoostEstimator(xgboost.XGBClassifier(**PARAMS)),
        ResampleIfRejected(0.4),
        max_iter=3,
        tol=0,
    )
    expected = model.fit(X, y).predict_proba(X)
    model.fit(*in_batches(X, y))
    assert_allclose(model.predict_proba(X), expected, atol=1e-5)


def test_what_batches_cannot_do_says_so(population):
    X, y = population
    model = XGBoostEstimator(xgboost.XGBClassifier(early_stopping_rounds=3))
    with pytest.raises(ValueError, match="without early stopping"):
        model.fit(*in_batches(X, y))
    model = XGBoostEstimator(xgboost.XGBClassifier(**PARAMS))
    with pytest.raises(ValueError, match="the labels 0 to 2"):
        model.fit(*in_batches(X, y + 1))


def test_labels_that_were_changed_in_place():
    """Bins are kept with the table; labels of an array may be others by now."""
    rows = np.random.default_rng(0).normal(size=(400, 2))
    table = Batches.from_array(rows, batch_size=150)
    y = (rows[:, 0] > 0).astype(int)
    model = XGBoostEstimator(xgboost.XGBClassifier(n_estimators=5))
    before = model.fit(table, y).predict(rows)
    y[:] = 1 - y
    np.testing.assert_array_equal(model.fit(table, y).predict(rows), 1 - before)
