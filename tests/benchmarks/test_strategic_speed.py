# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Strategic response: gradient descent as one step a fit, and what autograd saves.

performativeGYM runs gradient descent against a credit population whose columns all
move. Inside a minimizer a round of it also asks people, computes risks and keeps a
history: three passes of predictions over the data, where the plain loop has none.
"""

import warnings
from time import process_time

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from timing import cpu_seconds
from torch import nn

from skperf import RepeatedRiskMinimizer
from skperf.neural_network import TorchClassifier
from skperf.shift import Predictor, StrategicResponse
from skperf.shift._differences import central_differences
from skperf.utils._sklearn import LinearClassifierMixin

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROUNDS, RATE, EPSILON = 200, 0.1, 0.1


class OneStep(LinearClassifierMixin, BaseEstimator):
    """Logistic regression that makes one gradient step a fit."""

    intercept_ = 0.0

    def fit(self, X, y):
        start = getattr(self, "coef_", np.zeros((1, X.shape[1])))
        self.classes_ = np.array([0, 1])
        self.coef_ = step(start[0], X, y)[None]
        return self

    def predict_proba(self, X):
        proba = np.empty((len(X), 2))
        proba[:, 1] = 1 / (1 + np.exp(-(X @ self.coef_[0])))
        proba[:, 0] = 1 - proba[:, 1]
        return proba


def step(theta, X, y):
    return theta - RATE * (X.T @ (1 / (1 + np.exp(-(X @ theta))) - y)) / len(y)


def linear(n_inputs, n_outputs):
    layer = nn.Linear(n_inputs, n_outputs, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def net(n_inputs, n_outputs, hidden=8):
    return nn.Sequential(
        nn.Linear(n_inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, n_outputs)
    )


def one_step(module):
    return TorchClassifier(
        module,
        optimizer="sgd",
        optimizer_params={"lr": RATE},
        max_iter=1,
        warm_start="optimizer",
        random_state=0,
    )


def run(estimator, X, y, n_rounds=N_ROUNDS):
    """Return CPU seconds and the fitted minimizer."""
    shift = StrategicResponse(EPSILON)
    model = RepeatedRiskMinimizer(estimator, shift, max_iter=n_rounds, tol=0)
    return cpu_seconds(model.fit, X, y), model


def plain_loop(X, y):
    """Return CPU seconds and the last coefficients."""
    start, theta = process_time(), step(np.zeros(X.shape[1]), X, y)
    for _ in range(N_ROUNDS):
        theta = step(theta, X - EPSILON * theta, y)
    return process_time() - start, theta


@pytest.fixture(scope="module")
def population():
    """As many rows and columns as the credit data have, one of them of ones."""
    X, y = make_classification(16_714, 11, n_informative=6, random_state=0)
    X[:, -1] = 1
    return X, y


def test_gradient_descent(benchmark, report, population):
    """Torch at most twice a step in numpy, that at most four times a plain loop."""
    plain, theta = min((plain_loop(*population) for _ in range(5)), key=first)
    numpy, in_numpy = min((run(OneStep(), *population) for _ in range(5)), key=first)
    torch, in_torch = min(
        (run(one_step(linear), *population) for _ in range(4)), key=first
    )
    benchmark.pedantic(run, (one_step(linear), *population), rounds=1)
    np.testing.assert_allclose(in_numpy.estimator_.coef_[0], theta, rtol=1e-9)
    weight = in_torch.estimator_.module_.weight.detach().numpy()
    np.testing.assert_allclose(weight[0], theta, rtol=1e-9)
    report(
        f"{N_ROUNDS} gradient steps: torch / numpy step in a minimizer "
        f"{torch / numpy:.2f}, numpy step in a minimizer / plain loop "
        f"{numpy / plain:.2f}"
    )
    assert torch < 2 * numpy
    assert numpy < 4 * plain


def first(pair):
    return pair[0]


class ByDifferences(TorchClassifier):
    """A net that does not tell its gradient."""

    __skperf_gradient__ = None


def test_gradient_of_a_net(benchmark, report):
    """5,000 rows, 10 columns, all strategic, one step a fit: 2.4 times as fast."""
    X, y = make_classification(5_000, 10, random_state=0)
    told = one_step(net)
    told_seconds = min(run(told, X, y, 40)[0] for _ in range(5))
    opaque = ByDifferences(**told.get_params(deep=False))
    opaque_seconds = min(run(opaque, X, y, 40)[0] for _ in range(5))
    benchmark.pedantic(run, (told, X, y, 40), rounds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predictor = Predictor(told.fit(X, y))
    slopes = central_differences(predictor.score, X[:100], np.arange(10))
    difference = np.abs(slopes - predictor.gradient(X[:100])).max(axis=1)
    assert np.median(difference) < 1e-8  # it has kinks
    report(f"a net by differences / by autograd {opaque_seconds / told_seconds:.2f}")
    assert opaque_seconds > 2.4 * told_seconds
