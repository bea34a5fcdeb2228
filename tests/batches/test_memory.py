# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Memory that a minimizer takes for a table in batches, which does not grow with it.

What is measured is what Python and NumPy ask for; maps of files do not count.
"""

import tracemalloc

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.batches import Batches, IncrementalEstimator
from skperf.shift import _rejection_blocks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
FEW, MANY = 20_000, 320_000


def peak_memory(minimizer, rows, n_samples):
    """Return the peak of a fit on so many rows, the same again and again."""
    table = Batches.from_array(rows[:n_samples], batch_size=5_000)
    X, y = table[[0, 1]], table[2]
    tracemalloc.start()
    try:
        minimizer.fit(X, y)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [RepeatedRiskMinimizer, AffineRiskMinimizer])
@pytest.mark.parametrize("strategic_features", [None, [0]])
@pytest.mark.parametrize("resampling", ["expected", "common", "drawn"])
def test_does_not_grow(tmp_path, monkeypatch, kind, strategic_features, resampling):
    """Sixteen bytes a row is the bar; one vector of copies would take forty."""
    monkeypatch.setattr(_rejection_blocks, "_N_POOLED", 1_000)
    rows = np.random.default_rng(0).normal(size=(MANY, 3)).astype(np.float32)
    rows[:, 2] = rows[:, 0] > 0
    np.save(tmp_path / "rows.npy", rows)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    shift = ResampleIfRejected(
        0.5, strategic_features=strategic_features, resampling=resampling
    )
    model = kind(
        IncrementalEstimator(GaussianNB()), shift, max_iter=2, tol=0, random_state=0
    )
    few, many = (peak_memory(model, rows, n_samples) for n_samples in (FEW, MANY))
    assert many - few < 16 * (MANY - FEW)
