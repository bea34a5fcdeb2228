# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Loops of the literature that are settings of what there is, as the guide has them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.metrics import performative_risk, stability_gap
from skperf.shift import BaseShift, FunctionShift, Sample, StrategicResponse

X, Y = make_classification(
    300, 4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
)


class Proximal(BaseShift):
    """A shift, and rows that pull towards the deployed predictions."""

    is_random = False

    def __init__(self, shift, pull=1.0):
        self.shift = shift
        self.pull = pull

    def sample(self, X, y, y_pred, *, predictor=None, **others):
        X, y, *_ = self.shift.sample(X, y, y_pred, predictor=predictor, **others)
        f, ones = predictor(X), np.ones(len(y))
        weights = np.concatenate([ones, self.pull * f, self.pull * (1 - f)])
        return Sample(np.tile(X, (3, 1)), np.r_[y, ones, 0 * ones], weights)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_proximal_retraining_stops_the_race_with_fraud():
    """It diverges to many times the risk, and has a stable point after all."""
    shift = StrategicResponse(1.0, responds=[1])
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    race = RepeatedRiskMinimizer(model, shift).fit(X, Y)
    calm = RepeatedRiskMinimizer(model, Proximal(shift), tol=1e-7, max_iter=200)
    calm.fit(X, Y)
    assert calm.converged_
    assert performative_risk(race, shift, X, Y) > 5
    assert abs(stability_gap(calm, shift, X, Y)) < 1e-9
    best = PerformativeRiskMinimizer(model, shift).fit(X, Y)
    risk = performative_risk(calm, shift, X, Y)
    assert best.performative_risk_ < risk - 1e-3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_repeated_gradient_descent_is_a_loop_of_steps():
    nn = pytest.importorskip("torch.nn")
    from skperf.neural_network import TorchClassifier

    def zeros(n_inputs, n_outputs):
        layer = nn.Linear(n_inputs, n_outputs)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        return layer

    one_step = TorchClassifier(
        zeros,
        optimizer="sgd",
        optimizer_params={"lr": 0.5},
        max_iter=1,
        warm_start=True,
    )
    shift = StrategicResponse(0.2, responds=[1])
    model = RepeatedRiskMinimizer(one_step, shift, max_iter=30, tol=0).fit(X, Y)
    ones, theta = np.c_[X, np.ones(len(X))], np.zeros(5)
    moved = ones
    for _ in range(31):
        theta = theta - 0.5 * moved.T @ (expit(moved @ theta) - Y) / len(Y)
        moves = np.append(0.2 * theta[:4], 0.0)
        moved = ones - Y[:, None] * moves
    expected = expit(ones @ theta)
    assert_allclose(model.predict_proba(X)[:, 1], expected, atol=1e-10)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_regularized_retraining_can_end_at_the_optimum():
    """Targets mu + e f z: a penalty e^2 in each round lands on mu / (1 + e^2)."""
    mu, e = 2.0, 3.0
    z = np.array([-1.0, 1.0])
    shift = FunctionShift(lambda X, y, y_pred: (X, mu + e * y_pred * z))
    retrained = {
        penalty: RepeatedRiskMinimizer(
            Ridge(alpha=2 * penalty, fit_intercept=False), shift, tol=1e-10
        ).fit(np.ones((2, 1)), z)
        for penalty in (0.0, e**2)
    }
    stable, best = (retrained[p].estimator_.coef_[0] for p in (0.0, e**2))
    assert_allclose([stable, best], [mu, mu / (1 + e**2)])
