# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The numbers inside models: whose are known, and derivatives against differences."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    OrthogonalMatchingPursuit,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC, LinearSVR

from skperf.shift import Parameters, Predictor

pytestmark = pytest.mark.filterwarnings(
    "ignore::skperf.exceptions.PositiveClassWarning"
)

X, Y = make_classification(60, 4, random_state=0)
X = X * [1, 10, 0.1, 3] + [0, 5, 0, -2]
CLASSES = np.digitize(X[:, 3], np.quantile(X[:, 3], [0.3, 0.7]))
TARGETS = np.column_stack([X @ [1, 0.1, 3, -1], X[:, 0] ** 2])
RNG = np.random.default_rng(0)
STEP = 1e-5


def differences(function, values):
    """Return slopes by each value, up to 1e-16 / 1e-5 and the square of 1e-5."""
    moves = STEP * np.eye(len(values))
    return np.array([function(values + h) - function(values - h) for h in moves]) / (
        2 * STEP
    )


def check(model, pos_label=None):
    """Compare all derivatives of the score, and of all outputs."""
    parameters, predictor = (
        Parameters(model, pos_label),
        Predictor(model, "auto", pos_label),
    )
    start = parameters.get()
    several = parameters.n_outputs > 1
    v = RNG.normal(size=len(X))

    def outputs(rows=X):
        score = (
            "decision_function" if hasattr(model, "decision_function") else "predict"
        )
        return getattr(model, score)(rows).reshape(len(rows), -1)

    def at(values, function):
        parameters.set(values)
        result = function()
        parameters.set(start)
        return result

    V = RNG.normal(size=outputs().shape)
    expected = differences(lambda t: at(t, lambda: np.sum(V * outputs())), start)
    assert_close(parameters.vjp(X, V), expected, V, X)
    expected = [
        np.sum(V * (outputs(X + h) - outputs(X - h)), axis=1) / (2 * STEP)
        for h in STEP * np.eye(4)
    ]
    assert_close(parameters.vjp_input(X, V), np.transpose(expected), V, X)
    assert_array_equal(parameters.get(), start)
    if several and not hasattr(model, "classes_"):
        return
    expected = differences(lambda t: at(t, lambda: v @ predictor.score(X)), start)
    assert_close(parameters.vjp(X, v), expected, v, X)
    expected = v[:, None] * predictor.gradient(X)
    assert_allclose(parameters.vjp_input(X, v), expected, rtol=1e-12)
    U = RNG.normal(size=X.shape)
    expected = differences(
        lambda t: at(t, lambda: np.sum(U * predictor.gradient(X))), start
    )
    assert_close(parameters.vjp_gradient(X, U), expected, U, X)


def assert_close(found, expected, *factors):
    scale = np.prod([np.abs(factor).max() for factor in factors])
    assert_allclose(found, expected, rtol=1e-6, atol=1e-8 * scale)
    assert np.abs(found).max() > 1e-6 * scale


# of each shape that coefficients and intercepts have; test_gradients.py has all kinds
KINDS = [
    LinearDiscriminantAnalysis(),
    LinearRegression(),
    LinearSVC(),
    LinearSVR(),
    LogisticRegression(),
    OrthogonalMatchingPursuit(),
    RidgeClassifier(),
    SGDRegressor(),
]


@pytest.mark.parametrize("model", KINDS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("y", [Y, CLASSES], ids=["two classes", "three classes"])
def test_linear_models(model, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of solvers, on such data
        model = clone(model).fit(X, y)
    assert Parameters.known(model)
    check(model)
    if hasattr(model, "classes_"):
        check(model, pos_label=0)


SCALED = {
    "standard": make_pipeline(StandardScaler(), LogisticRegression()),
    "two scalers": make_pipeline(
        RobustScaler(),
        "passthrough",
        make_pipeline(MinMaxScaler(), LogisticRegression()),
    ),
    "regressor": make_pipeline(StandardScaler(with_mean=False), Ridge()),
}


@pytest.mark.parametrize("name", SCALED)
def test_scalers(name):
    check(clone(SCALED[name]).fit(X, Y))


@pytest.mark.parametrize("y", [TARGETS, TARGETS[:, :1]], ids=["two", "one column"])
def test_several_targets(y):
    check(LinearRegression().fit(X, y))
    check(LinearRegression(fit_intercept=False).fit(X, y))


def test_what_is_a_parameter():
    model = LogisticRegression().fit(X, CLASSES)
    expected = np.concatenate([model.coef_.ravel(), model.intercept_])
    assert_array_equal(Parameters(model).get(), expected)
    model = LogisticRegression(fit_intercept=False).fit(X, Y)
    assert_array_equal(Parameters(model).get(), model.coef_[0])
    Parameters(model).set(np.ones(4))
    assert_allclose(model.decision_function(X), X.sum(axis=1))
    model = Ridge().fit(X, Y)
    Parameters(model).set(np.array([0, 0, 0, 2, 5]))
    assert_allclose(model.predict(X), 2 * X[:, 3] + 5)
    assert np.ndim(model.intercept_) == 0


def test_sparse():
    model = LogisticRegression().fit(X, Y)
    expected = Parameters(model).vjp(X, X[:, 0])
    found = Parameters(model.sparsify()).vjp(sparse.csr_array(X), X[:, 0])
    assert_allclose(found, expected, rtol=1e-12)


def test_data_frames(df_module):
    frame = df_module.DataFrame({name: X[:, j] for j, name in enumerate("abcd")})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, Y)
    alike = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    v = X[:, 0]
    for name in ("vjp", "vjp_input"):
        found = getattr(Parameters(model), name)(frame, v)
        assert_allclose(found, getattr(Parameters(alike), name)(X, v), rtol=1e-9)
    model = LogisticRegression().fit(frame, Y)
    expected = Parameters(LogisticRegression().fit(X, Y)).vjp(X, v)
    assert_allclose(Parameters(model).vjp(frame, v), expected, rtol=1e-9)


# Torch


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch


def net(n_inputs, n_outputs):
    from torch import nn

    frozen = nn.Linear(n_inputs, 5)
    frozen.weight.requires_grad_(False)
    return nn.Sequential(frozen, nn.Tanh(), nn.Linear(5, n_outputs))


@pytest.mark.parametrize("y", [Y, CLASSES, TARGETS, TARGETS[:, 0]], ids=range(4))
@pytest.mark.parametrize("module", ["net", "linear"])
@pytest.mark.parametrize("scaled", [True, False])
def test_torch(torch, y, module, scaled):
    from skperf.neural_network import TorchClassifier, TorchRegressor

    kind = TorchClassifier if y.dtype.kind == "i" else TorchRegressor
    module = net if module == "net" else torch.nn.Linear
    model = kind(module, max_iter=3, tol=1e9, random_state=0, batch_size=None)
    model = model.fit(X / [1, 10, 0.1, 3], y)
    model.batch_size = 25
    if scaled:
        model = make_pipeline(StandardScaler().fit(X), model)
    check(model)
    if kind is TorchClassifier:
        check(model, pos_label=0)


def test_frozen_numbers_stay(torch):
    from skperf.neural_network import TorchRegressor

    model = TorchRegressor(net, max_iter=3, tol=1e9, random_state=0).fit(X, Y)
    parameters = Parameters(model)
    frozen = model.module_[0].weight.clone()
    assert parameters.get().shape == (5 + 5 + 1,)  # biases, and the second layer
    parameters.set(np.zeros(11))
    assert torch.equal(model.module_[0].weight, frozen)
    assert_array_equal(model.predict(X), 0)


def test_derivatives_under_inference_mode(torch):
    from skperf.neural_network import TorchRegressor

    model = TorchRegressor(net, max_iter=3, tol=1e9, random_state=0).fit(X, Y)
    expected = Parameters(model).vjp(X, X[:, 0])
    with torch.inference_mode():
        assert_array_equal(Parameters(model).vjp(X, X[:, 0]), expected)


# Who is not known


class Shouted(LogisticRegression):
    def decision_function(self, X):
        return super().decision_function(X) ** 3


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(2),
        PoissonRegressor(),
        Shouted(),
        make_pipeline(PolynomialFeatures(), LogisticRegression()),
    ],
    ids=lambda m: type(m).__name__,
)
def test_unknown(model):
    model = model.fit(X, Y)
    assert not Parameters.known(model)
    with pytest.raises(ValueError, match=r"parameters of .* are not known"):
        Parameters(model)


def test_errors():
    parameters = Parameters(LogisticRegression().fit(X, Y))
    with pytest.raises(ValueError, match=r"shape \(5,\); got values of shape \(4,\)"):
        parameters.set(np.ones(4))
    with pytest.raises(ValueError, match=r"1 outputs, and v has the shape \(60, 2\)"):
        parameters.vjp(X, np.ones((60, 2)))
    several = Parameters(LinearRegression().fit(X, TARGETS))
    for ask in (several.vjp, several.vjp_input):
        with pytest.raises(ValueError, match="2 outputs, none of which is the score"):
            ask(X, np.ones(60))
    with pytest.raises(ValueError, match="2 outputs, none of which is the score"):
        several.vjp_gradient(X, X)
    with pytest.raises(ValueError, match="pos_label=7 is not a label"):
        Parameters(LogisticRegression().fit(X, Y), pos_label=7)
