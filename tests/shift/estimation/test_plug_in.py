# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""From two arms of an experiment to a better model, on the real credit data."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer

from skperf import PerformativeRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.metrics import performative_risk
from skperf.shift import Deployment, Sample, SelfFulfillingShift, estimate_shift

STRENGTH = 0.5
EXACT = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-8)


@pytest.fixture(scope="module")
def credit():
    """Ten columns whose quantiles are those of a normal, cut at 3."""
    X, y = fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)
    normal = QuantileTransformer(output_distribution="normal", random_state=0)
    return np.clip(normal.fit_transform(X[:, :10]), -3, 3), y


def two_arms(X, y, told, rng):
    """Half of the people are told their risk, the others are held out: told nothing."""
    arm = rng.integers(0, 2, len(y)) == 1
    f = np.where(arm, told, 0.0)
    seen = y.astype(bool) | (rng.uniform(size=len(y)) < STRENGTH * f)
    return [
        Deployment(None, Sample(X[a], seen[a].astype(int)), y_pred=f[a])
        for a in (arm, ~arm)
    ]


@pytest.mark.slow
@pytest.mark.download
def test_two_arms_are_enough(credit):
    """Optimum .5025, ordinary .5254; 26 rounds of retraining end at .5146."""
    X, y = credit
    told = EXACT.fit(X, y).predict_proba(X)[:, 1]
    true = SelfFulfillingShift(STRENGTH)
    risks = []
    for seed in range(20):
        arms = two_arms(X, y, told, np.random.default_rng(seed))
        estimate = estimate_shift(SelfFulfillingShift(0.1), arms)
        shifts = estimate.shift, estimate.cautious_shift()
        models = (PerformativeRiskMinimizer(EXACT, shift).fit(X, y) for shift in shifts)
        risks.append([performative_risk(model, true, X, y) for model in models])
    at_estimate, at_cautious_end = np.array(risks).T
    assert np.median(at_estimate) <= 0.5035
    assert at_estimate.max() <= 0.5055
    assert at_cautious_end.max() <= 0.511
    assert at_estimate.min() > 0.502  # no better than the optimum
