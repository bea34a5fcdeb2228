# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Loops of the literature that are settings of what there is, as the guide has them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge, SGDRegressor

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.metrics import performative_risk, stability_gap
from skperf.shift import (
    BaseShift,
    FunctionShift,
    OutcomeShift,
    Sample,
    StrategicResponse,
)

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


@pytest.fixture
def network():
    """Torch's estimators, and a linear module that begins at zero."""
    nn = pytest.importorskip("torch.nn")
    from skperf import neural_network

    def zeros(n_inputs, n_outputs):
        layer = nn.Linear(n_inputs, n_outputs)
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        return layer

    return neural_network, zeros


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_repeated_gradient_descent_is_a_loop_of_steps(network):
    neural_network, zeros = network
    one_step = neural_network.TorchClassifier(
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


# outcomes are LEVEL + a f: retraining is stable at LEVEL / (1 - a), and the error of
# the next model is a times that of the last, which diverges for a = -2
LEVEL, N_ROWS, N_ROUNDS = 2.0, 4, 8
FEEDBACKS = [0.6, -2.0]


def errors_of(retraining_path, learner, feedback):
    """Return how far each model is from the stable prediction."""
    X, y = np.ones((N_ROWS, 1)), np.full(N_ROWS, LEVEL)
    minimizer = RepeatedRiskMinimizer(learner, OutcomeShift(feedback))
    path = retraining_path(minimizer, X, y, N_ROUNDS)[:, 0]
    return path - LEVEL / (1 - feedback)


@pytest.mark.parametrize("feedback", FEEDBACKS)
@pytest.mark.parametrize("rate", [0.1, 0.8])
def test_repeated_gradient_descent(network, retraining_path, feedback, rate):
    """A step leaves 1 - rate (1 - a) of the error; weight and bias each make half."""
    neural_network, zeros = network
    one_step = neural_network.TorchRegressor(
        zeros,
        optimizer="sgd",
        optimizer_params={"lr": rate / 2},
        max_iter=1,
        warm_start=True,
    )
    errors = errors_of(retraining_path, one_step, feedback)
    left = 1 - rate * (1 - feedback)
    first = rate * LEVEL - LEVEL / (1 - feedback)
    assert_allclose(errors, first * left ** np.arange(N_ROUNDS + 1), rtol=1e-9)
    # small steps settle where retraining does not
    assert (abs(errors[-1]) < abs(errors[0])) == (rate * (1 - feedback) < 2)


@pytest.mark.parametrize("feedback", FEEDBACKS)
@pytest.mark.parametrize("n_passes", [1, 20])
def test_greedy_and_lazy_deployment(retraining_path, feedback, n_passes):
    """N steps between two deployments leave ``a + (1 - a) (1 - rate)^N`` of the error.

    Greedy deployment settles where lazy deployment, as retraining, does not.
    """
    sgd = SGDRegressor(
        penalty=None,
        fit_intercept=False,
        learning_rate="constant",
        eta0=0.05,
        max_iter=n_passes,
        tol=None,
        warm_start=True,
    )
    errors = errors_of(retraining_path, sgd, feedback)
    kept = 0.95 ** (N_ROWS * n_passes)
    left = feedback + (1 - feedback) * kept
    first = LEVEL * (1 - kept) - LEVEL / (1 - feedback)
    assert_allclose(errors, first * left ** np.arange(N_ROUNDS + 1), rtol=1e-9)
    assert (abs(errors[-1]) < abs(errors[0])) == (feedback > -1 or n_passes == 1)
