# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Minimizers on tables that are read in batches, beside the same in memory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.batches import Batches, IncrementalEstimator
from skperf.shift import LaggedShift, MemoryShift, ResampleIfRejected, _rejection_blocks

FACES = ["expected", "common", "drawn"]
KINDS = {
    "last": (RepeatedRiskMinimizer, {}),
    "window": (AffineRiskMinimizer, {"window": 3}),
    "all": (AffineRiskMinimizer, {}),
}
SHIFTS = {
    **{f"whole rows, {f}": ResampleIfRejected(0.4, resampling=f) for f in FACES},
    **{
        f"columns, {f}": ResampleIfRejected(
            0.4, strategic_features=[3, 1], resampling=f
        )
        for f in FACES
    },
    "memory": MemoryShift(ResampleIfRejected(0.4), decay=0.5),
    "lagged": LaggedShift(ResampleIfRejected(0.4), n_groups=2),
}

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # stopped early on purpose
)


@pytest.fixture(scope="module")
def population():
    X, y = make_classification(1000, 5, n_redundant=0, random_state=0)
    return X, y.astype(float), np.random.default_rng(0).uniform(0.5, 2, len(X))


def in_batches(X, *columns, batch_size=300):
    """Return a table and columns of it, in four batches."""
    table = Batches.from_array(np.column_stack([X, *columns]), batch_size=batch_size)
    n_features = X.shape[1]
    parts = [table[n_features + i] for i in range(len(columns))]
    return table[list(range(n_features))], *parts


def counting():
    """Return an estimator that does not mind how its rows are batched."""
    return IncrementalEstimator(GaussianNB())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("kind", KINDS)
def test_equal_to_memory(population, kind, shift, weighted):
    make, params = KINDS[kind]
    X, y, weights = population
    weights = weights if weighted else None
    table, labels = in_batches(X, y)
    model, other = (
        make(counting(), SHIFTS[shift], max_iter=3, tol=0, random_state=0, **params)
        for _ in range(2)
    )
    model.fit(X, y, weights)
    other.fit(table, labels, weights)
    assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-8)
    assert_allclose(other.predict_proba(table), model.predict_proba(X), atol=1e-8)
    for name, column in model.history_.items():
        if name not in ("fit_time", "n_rows", "n_rows_seen"):
            assert_allclose(other.history_[name], column, atol=1e-8, err_msg=name)
    assert other.diagnosis_ == model.diagnosis_


def test_weights_may_be_a_column(population):
    X, y, weights = population
    model = RepeatedRiskMinimizer(counting(), ResampleIfRejected(0.4), random_state=0)
    expected = model.fit(X, y, weights).predict_proba(X)
    model.fit(*in_batches(X, y, weights))
    assert_allclose(model.predict_proba(X), expected, atol=1e-8)
    with pytest.raises(ValueError, match="Negative values"):
        model.fit(*in_batches(X, y, -weights))


def test_same_batches_same_steps(population):
    """A stochastic solver makes the very steps that it makes in memory."""
    X, y, _ = population
    solver = SGDClassifier(loss="log_loss", random_state=0)
    model = RepeatedRiskMinimizer(
        IncrementalEstimator(solver, n_epochs=3, batch_size=300),
        ResampleIfRejected(0.4),
        max_iter=2,  # rounding errors grow from round to round
        random_state=0,
    )
    expected = model.fit(X, y).predict_proba(X)
    model.fit(*in_batches(X, y))
    assert_allclose(model.predict_proba(X), expected, atol=1e-8)


@pytest.mark.parametrize("resampling", FACES)
def test_pool_of_everyone(population, monkeypatch, resampling):
    """Donors from a pool give the law that all rows give, also of a sorted table."""
    monkeypatch.setattr(_rejection_blocks, "_N_POOLED", 200)
    X, y, weights = population
    order = np.argsort(X[:, 3])  # blocks differ in what they could donate
    X, y, weights = X[order], y[order], weights[order]
    shift = ResampleIfRejected(
        0.4, strategic_features=[3], resampling=resampling, n_donors=2
    )
    y_pred = np.full(len(X), 0.5)
    means = []
    for seed in range(20):
        world = shift.bind(*in_batches(X, y), sample_weight=weights, random_state=seed)
        sample = world(y_pred)
        moved = np.concatenate(list(sample.X.blocks()))
        means.append(np.average(moved, axis=0, weights=sample.sample_weight))
    mean, error = np.mean(means, axis=0), np.std(means, axis=0) / np.sqrt(20)
    assert_allclose(mean, np.average(X, axis=0, weights=weights), atol=4 * error.max())
    assert error[3] > 0


def test_large_tables_draw_by_row(population, monkeypatch):
    """What a row throws does not depend on the batch that it is in."""
    monkeypatch.setattr(_rejection_blocks, "_N_POOLED", 200)
    X, y, _ = population
    shift = ResampleIfRejected(0.4, strategic_features=[3], resampling="common")
    samples = [
        shift.bind(*in_batches(X, y, batch_size=size), random_state=0)(
            np.full(len(X), 0.5)
        )
        for size in (300, 1000)
    ]
    few, one = (np.concatenate(list(sample.X.blocks())) for sample in samples)
    np.testing.assert_array_equal(few, one)
    assert 0.6 < np.mean(few[:, 3] != X[:, 3]) < 0.8  # rejected with probability 0.7
    assert set(few[:, 3]) <= set(X[:, 3])
