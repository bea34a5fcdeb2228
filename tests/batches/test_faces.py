# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Every estimator that trains in batches on every face of the paper's shift.

Engines that do not mind the order of rows give what they give in memory; those that
take steps give it in law.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.batches import (
    Batches,
    IncrementalEstimator,
    LightGBMEstimator,
    XGBoostEstimator,
)

pytestmark = [
    pytest.mark.exact,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning"),
]
TREES = {"n_estimators": 5, "max_depth": 3, "n_jobs": 1, "random_state": 0}
N_SAMPLES, N_FEATURES, BATCH = 1000, 6, 250
N_SEEDS = 6
KINDS = [
    RepeatedRiskMinimizer,
    pytest.param(AffineRiskMinimizer, marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def population():
    """Return features with few values, of which all engines make the same bins."""
    X, y = make_classification(
        N_SAMPLES, N_FEATURES, n_redundant=0, flip_y=0.2, random_state=0
    )
    return np.clip(np.round(2 * X), -6, 6), y.astype(float)


def in_batches(X, y):
    table = Batches.from_array(np.column_stack([X, y]), batch_size=BATCH)
    return table.drop(N_FEATURES), table[N_FEATURES]


def lightgbm_trees():
    lightgbm = pytest.importorskip("lightgbm")
    return LightGBMEstimator(lightgbm.LGBMClassifier(**TREES, verbose=-1))


def xgboost_trees():
    xgboost = pytest.importorskip("xgboost")
    return XGBoostEstimator(xgboost.XGBClassifier(**TREES, tree_method="hist"))


def steps():
    return IncrementalEstimator(
        SGDClassifier(loss="log_loss", alpha=0.01), n_epochs=5, batch_size=BATCH
    )


def network():
    pytest.importorskip("torch")
    from skperf.neural_network import TorchClassifier

    net = TorchClassifier(
        optimizer="adam", optimizer_params={"lr": 0.05}, batch_size=125
    )
    return IncrementalEstimator(net, n_epochs=5, batch_size=BATCH)


def on_every_face(*rest):
    """Run a test on whole rows and columns, in expectation and by outcomes."""

    def mark(test):
        for name, values in [
            *rest,
            ("strategic_features", [None, [3, 1]]),
            ("resampling", ["expected", "common", "drawn"]),
            ("kind", KINDS),
        ]:
            test = pytest.mark.parametrize(name, values)(test)
        return test

    return mark


def minimizer(kind, estimator, strategic_features, resampling, seed=0):
    shift = ResampleIfRejected(
        0.4,
        strategic_features=strategic_features,
        resampling=resampling,
        n_donors=2,
    )
    return kind(estimator, shift, max_iter=3, tol=0, random_state=seed)


@on_every_face(("make", [lightgbm_trees, xgboost_trees]))
def test_equal_to_memory(population, make, kind, strategic_features, resampling):
    X, y = population
    model = minimizer(kind, make(), strategic_features, resampling)
    expected = model.fit(X, y).predict_proba(X)
    found = clone(model).fit(*in_batches(X, y)).predict_proba(X)
    assert_allclose(found, expected, atol=1e-6 if make is xgboost_trees else 1e-8)


@pytest.mark.slow
@on_every_face(("make", [steps, network]))
def test_equal_in_law(population, make, kind, strategic_features, resampling):
    """Over tables in random order, the mean model is that in memory, to its error."""
    differences = []
    for seed in range(N_SEEDS):
        rows = np.random.default_rng(seed).permutation(N_SAMPLES)
        X, y = (part[rows] for part in population)
        estimator = make().set_params(estimator__random_state=seed)
        model = minimizer(kind, estimator, strategic_features, resampling, seed)
        other = clone(model).fit(*in_batches(X, y))
        first, second = (
            m.predict_proba(population[0])[:, 1] for m in (model.fit(X, y), other)
        )
        differences.append(second - first)
    mean, spread = np.mean(differences, axis=0), np.std(differences, axis=0, ddof=1)
    error = np.sqrt(np.mean(spread**2) / N_SEEDS)
    assert np.sqrt(np.mean(mean**2)) < 2 * error
