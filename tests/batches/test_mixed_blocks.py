# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Batches for stochastic solvers: each has its share of every part of the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier

from skperf import AffineRiskMinimizer
from skperf.batches import Batches, IncrementalEstimator
from skperf.utils._by_rows import stack_blocks
from skperf.utils._mixed_blocks import zip_mixed


def in_batches(rows, size):
    return Batches.from_array(rows, batch_size=size)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=4)
)
def test_each_row_once_beside_its_own(parts):
    """Labels on disk, weights in memory and no weights follow the rows."""
    stops = np.cumsum([n for n, _ in parts])
    numbers = np.arange(2.0 * stops[-1]).reshape(-1, 2)
    tables = [
        in_batches(rows, size)
        for rows, (_, size) in zip(np.split(numbers, stops[:-1]), parts, strict=True)
    ]
    X = stack_blocks([stack_blocks(tables[:2]), *tables[2:]])
    y = stack_blocks([table[1] for table in tables])
    blocks = list(zip_mixed(X, y, numbers[:, 0], None))
    rows, labels, weights = (
        np.concatenate([block[place] for block in blocks]) for place in range(3)
    )
    assert_array_equal(rows[np.argsort(rows[:, 0])], numbers)
    assert_array_equal(labels, rows[:, 1])
    assert_array_equal(weights, rows[:, 0])
    assert all(none is None and len(block) for block, *_, none in blocks)
    assert len(blocks) <= len(X.sizes)


def test_each_batch_has_its_share():
    periods = np.repeat([0.0, 1.0, 2.0], [600, 300, 100])
    parts = [periods[:600], periods[600:900], periods[900:]]
    X = stack_blocks([in_batches(part[:, None], 100) for part in parts])
    for (block,) in zip_mixed(X):
        assert_array_equal(np.bincount(block[:, 0].astype(int)), [60, 30, 10])


def log_loss_steps():
    return SGDClassifier(loss="log_loss", alpha=1e-3, random_state=0)


def scales_its_weights():
    """Return a network that takes the weights of a batch in proportion only."""
    return MLPClassifier((), learning_rate_init=0.05, random_state=0)


def network():
    pytest.importorskip("torch")
    from skperf.neural_network import TorchClassifier

    return TorchClassifier(
        optimizer="adam", optimizer_params={"lr": 0.05}, batch_size=100, random_state=0
    )


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        log_loss_steps,
        scales_its_weights,
        pytest.param(network, marks=pytest.mark.slow),
    ],
)
def test_short_periods_count_like_long_ones(make, on_disk):
    """A mixture of periods is learnt as such, not as the last of them or as rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3200, 2))
    usual = X[:, 0] + rng.logistic(size=3200) > 0
    y = np.where(np.arange(3200) < 3000, usual, rng.uniform(size=3200) < 0.95)
    params = {"window": 2, "coefficients": "uniform"}
    model = AffineRiskMinimizer(
        IncrementalEstimator(make(), n_epochs=5, batch_size=200), **params
    )
    exact = AffineRiskMinimizer(LogisticRegression(), **params)
    for rows in (slice(0, 1000), slice(1000, 3000), slice(3000, None)):
        table = X[rows], y[rows].astype(float)
        exact.partial_fit(*table)
        if on_disk:
            both = in_batches(np.column_stack(table), 200)
            table = both[[0, 1]], both[2]
        model.partial_fit(*table)
    expected, found = (m.predict_proba(X)[:, 1].mean() for m in (exact, model))
    assert found == pytest.approx(expected, abs=0.04)
    assert expected > y[:3000].mean() + 0.15
