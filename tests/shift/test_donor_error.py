# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How far the stable point with random donors is from that with all donors."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.shift import FunctionShift

STRATEGIC = [0, 1]
DELTA = 0.2


def all_donors(X, y, y_pred):
    """Return the exact law: row i meets the strategic columns of every row j."""
    n_samples = len(X)
    rejection = DELTA + (1 - DELTA) * y_pred
    pairs = np.repeat(X, n_samples, axis=0)
    pairs[:, STRATEGIC] = np.tile(X[:, STRATEGIC], (n_samples, 1))
    weights = np.repeat(rejection / n_samples, n_samples)
    return (
        np.vstack([X, pairs]),
        np.concatenate([y, np.repeat(y, n_samples)]),
        np.concatenate([1 - rejection, weights]),
    )


@pytest.fixture(scope="module")
def population():
    return make_classification(
        150, n_features=4, n_informative=4, n_redundant=0, random_state=0
    )


def stable_predictions(shift, population, seed=0):
    model = RepeatedRiskMinimizer(
        LogisticRegression(solver="newton-cholesky", warm_start=True),
        shift,
        tol=1e-8,
        random_state=seed,
    )
    return model.fit(*population).predict_proba(population[0])[:, 1]


@pytest.mark.slow
def test_error_falls_as_one_over_the_root_of_the_donors(population):
    exact = stable_predictions(FunctionShift(all_donors), population)
    n_donors, seeds = np.array([1, 4, 16, 64]), range(12)
    errors = np.array(
        [
            [
                stable_predictions(
                    ResampleIfRejected(
                        DELTA, strategic_features=STRATEGIC, n_donors=int(k)
                    ),
                    population,
                    seed,
                )
                - exact
                for seed in seeds
            ]
            for k in n_donors
        ]
    )
    rms = np.sqrt((errors**2).mean(axis=(1, 2)))
    slope = np.polyfit(np.log(n_donors), np.log(rms), 1)[0]
    # The rms over 12 runs of a few parameters has a relative error near 1/sqrt(2*12*3),
    # 0.12; over log(64) = 4.2 that moves the slope by about 0.04 (one sigma).
    assert slope == pytest.approx(-0.5, abs=0.12)
    assert rms[-1] < 0.01


def test_all_donors_is_the_limit_of_the_drawn_face(population, throw):
    X, y = population
    y_pred = np.linspace(0, 1, len(y))
    exact = all_donors(X, y, y_pred)
    drawn = ResampleIfRejected(
        DELTA, strategic_features=STRATEGIC, resampling="drawn"
    ).bind(X, y, random_state=0)
    samples = throw(drawn, lambda X: y_pred, 2000)
    statistics = np.array(
        [(s.X * (2 * s.y - 1)[:, None]).mean(axis=0) for s in samples]
    )
    expected = np.average(
        exact[0] * (2 * exact[1] - 1)[:, None], axis=0, weights=exact[2]
    )
    error = statistics.std(axis=0) / np.sqrt(len(samples))
    # five standard errors: a false alarm in four columns has odds of one in 4e5
    assert (np.abs(statistics.mean(axis=0) - expected) <= 5 * error + 1e-12).all()
