# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy
import pickle
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

torch = pytest.importorskip("torch")

from skperf.neural_network import TorchClassifier, TorchRegressor

UNFINISHED = pytest.mark.filterwarnings(
    "ignore:Training did not converge"  # a fixed number of epochs on purpose
)


def make_net(n_inputs, n_outputs, hidden=4):
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        torch.nn.Tanh(),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(hidden, n_outputs),
    )


def state(module):
    return [tensor.numpy().copy() for tensor in module.state_dict().values()]


def assert_same_weights(a, b):
    for left, right in zip(state(a.module_), state(b.module_), strict=True):
        assert_array_equal(left, right)


@UNFINISHED
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", torch.optim.RMSprop])
def test_steps_are_those_of_a_torch_loop(linear, optimizer):
    X, y = linear
    module = torch.nn.Linear(3, 1)
    ours = TorchRegressor(
        module, optimizer=optimizer, optimizer_params={"lr": 0.01}, max_iter=20
    ).fit(X, y)
    module = copy.deepcopy(module).double()
    kind = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}.get(optimizer, "RMSprop")
    steps = getattr(torch.optim, kind)(module.parameters(), lr=0.01)
    for _ in range(20):
        steps.zero_grad()
        error = module(torch.from_numpy(X))[:, 0] - torch.from_numpy(y)
        (0.5 * error.square()).mean().backward()
        steps.step()
    assert_allclose(ours.module_.weight.detach(), module.weight.detach(), rtol=1e-12)


@UNFINISHED
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_weight_is_a_number_of_copies(labeled, optimizer):
    X, y = labeled
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    clf = TorchClassifier(torch.nn.Linear(4, 1), optimizer=optimizer, max_iter=10)
    weighted = copy.deepcopy(clf).fit(X, y, sample_weight=weight)
    repeated = copy.deepcopy(clf).fit(X.repeat(weight, axis=0), y.repeat(weight))
    assert_allclose(
        weighted.decision_function(X), repeated.decision_function(X), atol=1e-10
    )


def test_batch_losses_add_up_to_the_epoch(linear):
    X, y = linear
    weight = np.random.default_rng(0).uniform(size=100)
    reg = TorchRegressor(random_state=0).fit(X, y, weight)
    still = {"optimizer": "sgd", "optimizer_params": {"lr": 0.0}, "warm_start": True}
    reg.set_params(**still).partial_fit(X, y, weight)
    reg.set_params(batch_size=7).partial_fit(X, y, weight)  # the last batch has 2 rows
    assert reg.loss_curve_[-1] == pytest.approx(reg.loss_curve_[-2])
    error = np.average((reg.predict(X) - y) ** 2, weights=weight)
    assert reg.loss_curve_[-1] == pytest.approx(error / 2)


def test_mini_batches_learn(linear):
    X, y = linear
    reg = TorchRegressor(
        optimizer="adam", optimizer_params={"lr": 0.02}, batch_size=16, random_state=0
    )
    reg.set_params(tol=1e-4).fit(X, y)
    assert reg.score(X, y) > 0.99
    assert reg.n_iter_ < 300


def test_a_batch_without_weight_is_harmless(linear):
    X, y = linear
    weight = np.r_[1.0, np.zeros(99)]
    reg = TorchRegressor(optimizer="adam", batch_size=5, random_state=0)
    assert np.isfinite(reg.partial_fit(X, y, weight).loss_curve_[0])


def test_frozen_parameters_stay(labeled):
    module = make_net(4, 1)
    module[0].requires_grad_(False)
    clf = TorchClassifier(module, l2_penalty=1.0).fit(*labeled)
    before, after = state(module), state(clf.module_)
    assert_array_equal(after[0], before[0])
    assert np.any(after[2] != before[2])


@UNFINISHED
def test_an_instance_is_copied(labeled):
    module = make_net(4, 1)
    before = state(module)
    clf = TorchClassifier(module, max_iter=3).fit(*labeled)
    assert clf.module_ is not module
    assert_array_equal(state(module)[0], before[0])
    assert not clf.module_.training
    assert module.training


@UNFINISHED
@pytest.mark.parametrize(
    "params", [{"optimizer": "adam", "batch_size": 32}, {"optimizer": "lbfgs"}]
)
def test_seeds_are_reproducible_and_leave_the_generator_alone(labeled, params):
    X, y = labeled
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    first = TorchClassifier(make_net, max_iter=5, random_state=0, **params).fit(X, y)
    assert_array_equal(torch.rand(2), expected)
    second = TorchClassifier(make_net, max_iter=5, random_state=0, **params).fit(X, y)
    other = TorchClassifier(make_net, max_iter=5, random_state=1, **params).fit(X, y)
    assert_same_weights(first, second)
    assert np.any(first.predict_proba(X) != other.predict_proba(X))


def test_the_generator_is_put_back_after_an_error(linear):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with pytest.raises(TypeError, match="hidden"):
        TorchRegressor(module_params={"hidden": 2}).fit(*linear)
    assert_array_equal(torch.rand(2), expected)


def test_tolerance_and_patience(linear):
    X, y = linear
    reg = TorchRegressor(optimizer="sgd", optimizer_params={"lr": 0.1}, tol=1e-4)
    reg.set_params(random_state=0, n_iter_no_change=1).fit(X, y)
    drops = -np.diff(reg.loss_curve_)
    assert drops[-1] <= 1e-4 < drops[:-1].min()
    patient = TorchRegressor(**reg.get_params(deep=False)).set_params(
        n_iter_no_change=4
    )
    assert patient.fit(X, y).n_iter_ == reg.n_iter_ + 3


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_max_iter_warns(linear, optimizer):
    reg = TorchRegressor(optimizer=optimizer, max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=2") as record:
        reg.fit(*linear)
    assert record[0].filename == __file__
    assert reg.n_iter_ == len(reg.loss_curve_) == 2


def test_lbfgs_may_reach_the_tolerance_with_its_last_iteration(labeled):
    X, y = labeled
    clf = TorchClassifier(random_state=0, tol=1e-12).fit(X, y)
    last_drop = clf.loss_curve_[-2] - clf.loss_curve_[-1]
    clf.set_params(max_iter=clf.n_iter_, tol=1.5 * last_drop)
    assert clf.fit(X, y).n_iter_ == clf.max_iter  # and no warning


def test_lbfgs_by_class_is_lbfgs_by_name(labeled):
    X, y = labeled
    named = TorchClassifier(random_state=0).fit(X, y)
    by_class = TorchClassifier(optimizer=torch.optim.LBFGS, random_state=0).fit(X, y)
    assert_same_weights(named, by_class)


def test_lbfgs_steps_back_from_an_undefined_loss():
    X = np.linspace(0, 1, 20)[:, None]
    y = 1e-3 + 50 * X[:, 0]
    module = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(module.bias, 1.0)
    torch.nn.init.zeros_(module.weight)

    def poisson(output, target):  # undefined for rates of 0 and below
        return output - target * torch.log(output)

    reg = TorchRegressor(module, loss=poisson, tol=1e-12).fit(X, y)
    assert_allclose(reg.predict(X), y, atol=0.01)


def test_warm_start_continues(labeled):
    X, y = labeled
    clf = TorchClassifier(l2_penalty=0.01, random_state=0).fit(X, y)
    cold = clf.n_iter_
    warm = clf.set_params(warm_start=True).fit(X, y).n_iter_
    assert warm < cold / 2
    assert clf.set_params(warm_start=False).fit(X, y).n_iter_ == cold


@UNFINISHED
@pytest.mark.parametrize(
    "carry", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": "adam", "batch_size": 32},
        {"optimizer": "sgd", "optimizer_params": {"momentum": 0.9, "lr": 0.01}},
        {"optimizer": "lbfgs"},
    ],
    ids=["adam", "sgd", "lbfgs"],
)
def test_optimizer_state_makes_two_fits_one(labeled, params, carry):
    module = torch.nn.Linear if params["optimizer"] == "lbfgs" else make_net
    clf = TorchClassifier(
        module, warm_start="optimizer", tol=0, random_state=0, max_iter=4, **params
    )
    halves = carry(copy.deepcopy(clf).fit(*labeled)).fit(*labeled)
    whole = clf.set_params(max_iter=8).fit(*labeled)
    assert_same_weights(halves, whole)


@UNFINISHED
def test_partial_fit_is_fit_by_epochs(labeled):
    X, y = labeled
    params = {"optimizer": "adam", "batch_size": 32, "random_state": 0}
    whole = TorchClassifier(make_net, max_iter=3, **params).fit(X, y)
    parts = TorchClassifier(make_net, **params)
    for _ in range(3):
        parts.partial_fit(X, y, classes=[0, 1])
    assert_same_weights(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_


@UNFINISHED
def test_new_settings_count_with_an_old_state(linear):
    reg = TorchRegressor(
        optimizer="adam", warm_start="optimizer", max_iter=3, random_state=0
    ).fit(*linear)
    before = state(reg.module_)
    reg.set_params(optimizer__lr=0.0).fit(*linear)
    assert_array_equal(state(reg.module_)[0], before[0])


@UNFINISHED
def test_another_optimizer_starts_anew(linear):
    reg = TorchRegressor(optimizer="sgd", warm_start="optimizer", max_iter=3)
    reg.set_params(optimizer__momentum=0.9, random_state=0).fit(*linear)
    reg.set_params(optimizer="adam", optimizer_params=None).fit(*linear)
    _, kept = reg._training_state["optimizer"]
    assert kept[0]["step"] == 3


def test_failed_training_leaves_the_fitted_module(linear):
    X, y = linear
    reg = TorchRegressor(warm_start="optimizer", random_state=0).fit(X, y)
    before = state(reg.module_)
    reg.set_params(optimizer="sgd", optimizer__lr=1e60)
    with pytest.raises(ValueError, match=r"loss became .*optimizer__lr"):
        reg.fit(X, y)
    assert_array_equal(state(reg.module_)[0], before[0])


@UNFINISHED
def test_failed_training_leaves_the_optimizer_state(linear):
    X, y = linear
    reg = TorchRegressor(optimizer="adam", warm_start="optimizer", max_iter=3)
    reg.set_params(random_state=0).fit(X, y)
    _, kept = reg._training_state["optimizer"]
    before = copy.deepcopy(kept)
    reg.set_params(optimizer__lr=1e300)  # the first step is taken, the second is not
    with pytest.raises(ValueError, match="loss became"):
        reg.fit(X, y)
    for name, value in before[0].items():
        assert_array_equal(kept[0][name], value)


def test_no_gradients_are_kept(linear):
    reg = TorchRegressor(random_state=0).fit(*linear)
    assert all(parameter.grad is None for parameter in reg.module_.parameters())


@UNFINISHED
def test_predictions_are_made_in_batches(linear):
    X, y = linear
    reg = TorchRegressor(optimizer="adam", batch_size=30, max_iter=2, random_state=0)
    whole = copy.deepcopy(reg.fit(X, y)).set_params(batch_size=None)
    sizes = []
    reg.module_.register_forward_pre_hook(lambda _, rows: sizes.append(len(rows[0])))
    assert_allclose(reg.predict(X), whole.predict(X), rtol=1e-12)
    assert sizes == [30, 30, 30, 10]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_that_of_data_and_module(labeled, dtype):
    X, y = labeled
    clf = TorchClassifier(dtype=dtype, random_state=0, l2_penalty=0.1).fit(X, y)
    assert str(clf.module_.weight.dtype) == f"torch.{dtype}"
    assert clf.predict_proba(X).dtype == dtype
    exact = TorchClassifier(random_state=0, l2_penalty=0.1).fit(X, y)
    assert_allclose(clf.predict_proba(X), exact.predict_proba(X), atol=1e-4)


def test_input_may_have_any_layout(linear):
    X, y = linear
    expected = TorchRegressor(random_state=0).fit(X, y).predict(X)
    frozen = X.copy()
    frozen.setflags(write=False)
    for layout in (np.asfortranarray(X), frozen, X.astype(">f8"), X[::-1][::-1]):
        reg = TorchRegressor(random_state=0).fit(layout, y[::-1][::-1])
        assert_allclose(reg.predict(layout), expected, rtol=1e-12)


@UNFINISHED
def test_compile_wraps_the_module_for_training_only(linear, monkeypatch):
    compiled = []

    def spy(module):  # the compiler itself takes half a minute
        compiled.append(module)
        return module

    monkeypatch.setattr(torch, "compile", spy)
    reg = TorchRegressor(compile=True, max_iter=3, random_state=0).fit(*linear)
    assert compiled == [reg.module_]
    pickle.dumps(reg)


def test_optimizer_may_be_a_factory(linear):
    factory = partial(torch.optim.SGD, momentum=0.5)
    reg = TorchRegressor(optimizer=factory, optimizer_params={"lr": 0.1})
    assert reg.set_params(tol=1e-8, random_state=0).fit(*linear).score(*linear) > 0.99
