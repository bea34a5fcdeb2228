# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import HuberRegressor, Ridge

torch = pytest.importorskip("torch")

from skperf.neural_network import TorchRegressor


def two_targets(linear):
    X, y = linear
    return X, np.column_stack([y, -2 * y + X[:, 0]])


def least_squares(X, y, weight=None):
    """Return coefficients and intercepts, the closed form."""
    root = np.sqrt(np.ones(len(X)) if weight is None else weight)
    design = np.column_stack([X, np.ones(len(X))]) * root[:, None]
    return np.linalg.lstsq(design, (y.T * root).T, rcond=None)[0]


def coefficients(reg):
    weight, bias = (p.detach().numpy() for p in reg.module_.parameters())
    return np.vstack([weight.T, bias])


def test_linear_regression_is_least_squares(linear):
    X, y = linear
    reg = TorchRegressor(tol=1e-14, random_state=0).fit(X, y)
    assert_allclose(coefficients(reg)[:, 0], least_squares(X, y), atol=1e-6)
    assert reg.predict(X).shape == (100,)


def test_several_outputs_are_least_squares(linear):
    X, Y = two_targets(linear)
    reg = TorchRegressor(tol=1e-14, random_state=0).fit(X, Y)
    assert_allclose(coefficients(reg), least_squares(X, Y), atol=1e-6)
    assert reg.n_outputs_ == 2
    assert reg.predict(X).shape == (100, 2)


def test_weighted_least_squares(linear):
    X, y = linear
    weight = np.random.default_rng(1).uniform(0, 5, len(y))
    reg = TorchRegressor(tol=1e-14, random_state=0).fit(X, y, weight)
    assert_allclose(coefficients(reg)[:, 0], least_squares(X, y, weight), atol=1e-6)


def test_penalty_is_ridge(linear):
    X, y = linear
    reg = TorchRegressor(l2_penalty=0.3, tol=1e-14, random_state=0).fit(X, y)
    ridge = Ridge(alpha=0.3 * len(y)).fit(X, y)
    assert_allclose(reg.predict(X), ridge.predict(X), atol=1e-6)


def test_absolute_error_without_features_is_the_median(linear):
    _, y = linear
    X = np.zeros((99, 1))
    reg = TorchRegressor(loss="absolute_error", optimizer="adam", random_state=0)
    reg.set_params(optimizer__lr=0.01, tol=1e-7, max_iter=3000).fit(X, y[:99])
    assert_allclose(reg.predict(X[:1]), np.median(y[:99]), atol=0.02)  # two steps


def test_huber_is_huber_regression(linear):
    X, y = linear
    y = y.copy()
    y[:5] += 100.0
    reg = TorchRegressor(loss="huber", tol=1e-13, random_state=0).fit(X, y)
    # where the gradient of the loss vanishes, residuals cut at 1 are orthogonal to X
    cut = np.clip(reg.predict(X) - y, -1, 1)
    assert_allclose(np.column_stack([X, np.ones(100)]).T @ cut / 100, 0, atol=1e-6)
    robust = HuberRegressor(alpha=0).fit(X, y)
    assert_allclose(reg.predict(X), robust.predict(X), atol=0.3)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [("squared_error", 1.625), ("absolute_error", 1.5), ("huber", 1.0625)],
)
def test_losses_average_over_outputs(loss, expected):
    # errors of 0.5 and 2.5 are 0.125 and 3.125 halves of squares, or 0.125 and 2.0
    # with a bend at 1
    module = torch.nn.Linear(1, 2)
    torch.nn.init.zeros_(module.weight)
    torch.nn.init.zeros_(module.bias)
    reg = TorchRegressor(module, loss=loss, optimizer="adam")
    reg.partial_fit([[1.0], [2.0]], [[0.5, -2.5], [-0.5, 2.5]])
    assert reg.loss_curve_ == pytest.approx([expected])


def test_a_column_is_a_vector(linear):
    X, y = linear
    vector = TorchRegressor(random_state=0).fit(X, y)
    column = TorchRegressor(random_state=0).fit(X, y[:, None])
    assert_array_equal(column.predict(X), vector.predict(X))


def test_callable_loss_gets_output_and_target(linear):
    X, Y = two_targets(linear)
    seen = []

    def loss(output, target):
        seen.append((tuple(output.shape), tuple(target.shape)))
        return (output - target).square().mean(dim=1)

    called = TorchRegressor(loss=loss, tol=1e-13, random_state=0).fit(X, Y)
    named = TorchRegressor(tol=1e-13, random_state=0).fit(X, Y)
    assert set(seen) == {((100, 2), (100, 2))}
    assert_allclose(called.predict(X), named.predict(X), atol=1e-6)


def test_warm_start_refuses_another_number_of_outputs(linear):
    reg = TorchRegressor(warm_start=True, random_state=0).fit(*linear)
    with pytest.raises(ValueError, match="y has 2 outputs, but the module is for 1"):
        reg.fit(*two_targets(linear))
