# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A landscape of 41 x 41 risks on as many rows as the credit data have.

Everything counts: both paths, the points, the arrows, the picture. Risks one by one
through the metric would take 41 x 41 times as long as one does, which is printed.
"""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from timing import cpu_seconds

from skperf.inspection import RiskLandscapeDisplay
from skperf.metrics import decoupled_performative_risk
from skperf.shift import ResampleIfRejected, SelfFulfillingShift, StrategicResponse

pytestmark = pytest.mark.benchmark

N_ROWS, SIDE = 18_357, 41


@pytest.fixture(scope="module")
def population():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_ROWS, 10))
    score = 0.7 * X @ rng.normal(size=10) + 2 * rng.normal(size=N_ROWS)
    return X, (score > 0).astype(int)


@pytest.mark.parametrize("parameters", [0, [0, 1]], ids=["decoupled", "performative"])
@pytest.mark.parametrize(
    ("shift", "bound"),
    [
        (ResampleIfRejected(0.1), 0.5),
        (SelfFulfillingShift(0.7), 0.5),
        (StrategicResponse(0.3), 1.5),
    ],
    ids=["rejected", "told", "strategic"],
)
def test_landscape(report, population, shift, bound, parameters):
    model = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(*population)
    draw = RiskLandscapeDisplay.from_estimator
    params = {"parameters": parameters, "grid_resolution": SIDE}
    seconds = min(
        cpu_seconds(draw, model, shift, *population, **params) for _ in "abcde"
    )
    one = min(
        cpu_seconds(decoupled_performative_risk, model, model, shift, *population)
        for _ in range(5)
    )
    plt.close("all")
    report(
        f"{SIDE} x {SIDE} risks of {parameters}, {shift}: {seconds:.2f} s; one by one "
        f"{SIDE**2 * one:.1f} s"
    )
    assert seconds < bound
    assert seconds < 0.9 * SIDE**2 * one
