# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""LightGBM on tables in batches gives what it gives in memory, bin by bin."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.batches import Batches, LightGBMEstimator

lightgbm = pytest.importorskip("lightgbm")

pytestmark = [
    pytest.mark.exact,  # the sample that bins are made from is told by the row
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning"),
]
QUIET = {"verbose": -1, "random_state": 0, "n_estimators": 10, "n_jobs": 1}


@pytest.fixture(scope="module")
def population():
    X, y = make_classification(2000, 6, n_informative=4, n_classes=3, random_state=0)
    return X.astype(np.float32).astype(float), y


def in_batches(X, y, batch_size=300):
    table = Batches.from_array(np.column_stack([X, y]), batch_size=batch_size)
    return table.drop(X.shape[1]), table[X.shape[1]]


@pytest.mark.parametrize("n_classes", [2, 3, None])
@pytest.mark.parametrize("params", [{}, {"subsample": 0.5, "subsample_freq": 1}])
def test_equal_to_memory(population, n_classes, params):
    X, y = population
    kind = lightgbm.LGBMClassifier if n_classes else lightgbm.LGBMRegressor
    solver = kind(**QUIET, **params, subsample_for_bin=500)
    y = (y > 0).astype(float) if n_classes == 2 else y.astype(float)
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    table, labels = in_batches(X, y)
    model = LightGBMEstimator(solver)
    method = "predict_proba" if n_classes else "predict"
    for w in (None, weights, weights[::-1], np.ones(len(X)), None):
        expected = getattr(model.fit(X, y, w), method)(X)
        given = w if w is None else w.copy()
        found = getattr(model.fit(table, labels, given), method)
        assert_allclose(found(X), expected, atol=1e-8)
        assert_allclose(found(table), expected, atol=1e-8)
    if n_classes:
        assert model.classes_.tolist() == np.unique(y).tolist()
        assert (model.predict(X) == model.classes_[expected.argmax(axis=1)]).all()


@pytest.mark.parametrize("kind", [RepeatedRiskMinimizer, AffineRiskMinimizer])
@pytest.mark.parametrize("strategic_features", [None, [3, 1]])
def test_retraining(population, kind, strategic_features):
    X, y = population
    y = (y > 0).astype(float)
    shift = ResampleIfRejected(0.4, strategic_features=strategic_features, n_donors=2)
    solver = lightgbm.LGBMClassifier(**QUIET)
    model = kind(LightGBMEstimator(solver), shift, max_iter=3, tol=0, random_state=0)
    expected = model.fit(X, y).predict_proba(X)
    # copies of all rows follow each other in one batch as they do in memory
    model.fit(*in_batches(X, y, batch_size=len(X)))
    assert_allclose(model.predict_proba(X), expected, atol=1e-8)


def test_bins_are_made_once(population, monkeypatch):
    X, y = population
    table, labels = in_batches(X, y)
    made = []
    construct = lightgbm.Dataset.construct

    def counted(self):
        made.append(self._handle is None)
        return construct(self)

    monkeypatch.setattr(lightgbm.Dataset, "construct", counted)
    model = RepeatedRiskMinimizer(
        LightGBMEstimator(lightgbm.LGBMClassifier(**QUIET)),
        ResampleIfRejected(0.4),
        max_iter=3,
        tol=0,
        pos_label=2,
    )
    model.fit(table, labels)
    assert sum(made) == 1


def test_what_batches_cannot_do_says_so(population):
    table = in_batches(*population)
    model = LightGBMEstimator(lightgbm.LGBMClassifier(class_weight="balanced"))
    with pytest.raises(ValueError, match="without class_weight"):
        model.fit(*table)


def test_labels_that_were_changed_in_place():
    """Bins are kept with the table; labels of an array may be others by now."""
    rows = np.random.default_rng(0).normal(size=(400, 2))
    table = Batches.from_array(rows, batch_size=150)
    y = (rows[:, 0] > 0).astype(int)
    model = LightGBMEstimator(lightgbm.LGBMClassifier(n_estimators=5, verbose=-1))
    before = model.fit(table, y).predict(rows)
    y[:] = 1 - y
    np.testing.assert_array_equal(model.fit(table, y).predict(rows), 1 - before)
