# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The gradient of what torch estimators say, by their input, and who moves along it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from torch import nn

from skperf import RepeatedRiskMinimizer
from skperf.neural_network import TorchClassifier, TorchRegressor
from skperf.shift import (
    FunctionShift,
    Predictor,
    ShiftPipeline,
    StrategicResponse,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(101, 3))
Y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
CLASSES = np.digitize(X[:, 0], [-0.5, 0.5])
PRECISION = {"float32": 1e-5, "float64": 1e-13}  # of a saturated net


class Net(nn.Sequential):
    def __init__(self, n_inputs, n_outputs):
        super().__init__(nn.Linear(n_inputs, 8), nn.Tanh(), nn.Linear(8, n_outputs))


def fit(kind=TorchClassifier, module=Net, y=Y, table=X, **params):
    return kind(module, max_iter=30, random_state=0, **params).fit(table, y)


def net_slopes(module, table, output=0):
    """Return the gradient of a Net's output, by hand."""
    first, _, last = module
    A, a, b = (
        t.detach().double().numpy()
        for t in (first.weight, first.bias, last.weight[output])
    )
    hidden = np.tanh(table @ A.T + a)
    return ((1 - hidden**2) * b) @ A


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [None, 10])
def test_gradient_of_the_logit(dtype, batch_size):
    params = {"optimizer": "adam"} if batch_size else {}
    model = fit(dtype=dtype, batch_size=batch_size, **params)
    gradient = model.__skperf_gradient__(X)
    assert gradient.dtype == float
    expected = net_slopes(model.module_, X)
    atol = PRECISION[dtype] * np.abs(expected).max()
    assert_allclose(gradient, expected, rtol=0, atol=atol)
    for label, sign in ((0, -1), (1, 1)):
        found = Predictor(model, pos_label=label).gradient(X, [2, 0])
        assert_array_equal(found, sign * gradient[:, [2, 0]])


def test_gradient_is_taken_in_batches():
    class Counting(Net):
        sizes: list = []  # noqa: RUF012  # deepcopies share it

        def forward(self, rows):
            self.sizes.append(len(rows))
            return super().forward(rows)

    model = fit(module=Counting, batch_size=40, optimizer="adam")
    Counting.sizes.clear()
    model.__skperf_gradient__(X)
    assert Counting.sizes == [40, 40, 21]


@pytest.mark.filterwarnings("ignore::skperf.exceptions.PositiveClassWarning")
@pytest.mark.parametrize("pos_label", [0, 1, 2, None])
def test_gradient_of_each_class(pos_label):
    model = fit(y=CLASSES)
    row = 2 if pos_label is None else pos_label
    found = Predictor(model, pos_label=pos_label).gradient(X)
    assert_allclose(found, net_slopes(model.module_, X, row), rtol=0, atol=1e-12)


def test_gradient_of_a_prediction():
    model = fit(TorchRegressor, y=X[:, 0] ** 2)
    found = Predictor(model).gradient(X)
    assert_allclose(found, net_slopes(model.module_, X), rtol=0, atol=1e-12)


def test_several_predictions_have_no_gradient():
    model = fit(TorchRegressor, y=X[:, :2])
    assert Predictor(model).gradient(X) is None


def test_gradient_through_scalers():
    model = make_pipeline(StandardScaler(), MinMaxScaler(), TorchClassifier(Net))
    model = model.set_params(torchclassifier__random_state=0).fit(X, Y)
    scaled = model[:-1].transform(X)
    expected = net_slopes(model[-1].module_, scaled) * model[1].scale_ / model[0].scale_
    assert_allclose(Predictor(model).gradient(X), expected, rtol=1e-12, atol=1e-12)


class Cubed(TorchClassifier):
    def decision_function(self, X):
        return super().decision_function(X) ** 3


class Timed(TorchClassifier):
    def fit(self, X, y):
        return super().fit(X, y)


def test_a_subclass_that_scores_in_another_way():
    assert Predictor(fit(Cubed)).gradient(X) is None
    expected = fit().__skperf_gradient__(X)
    assert_array_equal(Predictor(fit(Timed)).gradient(X), expected)


class InPlace(Net):
    def forward(self, rows):
        rows -= 1
        return super().forward(rows)


class Hidden(Net):
    """Autograd cannot follow."""

    def forward(self, rows):
        return super().forward(torch.from_numpy(np.tanh(rows.detach().numpy())))


def test_a_module_that_changes_its_input():
    model, table = fit(module=InPlace), X.copy()
    found = Predictor(model).gradient(table)
    assert_allclose(found, net_slopes(model.module_, X - 1), rtol=0, atol=1e-12)
    assert_array_equal(table, X)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_module_that_hides_its_input(frozen):
    """People move by differences then."""
    model = fit(module=Hidden)
    model.module_.requires_grad_(not frozen)
    predictor = Predictor(model)
    assert predictor.gradient(X) is None
    moved = StrategicResponse(1.0).sample(X, Y, None, predictor=predictor).X
    slopes = net_slopes(model.module_, np.tanh(X)) * (1 - np.tanh(X) ** 2)
    atol = 1e-7 * max(1, np.abs(slopes).max())  # the net may be steep
    assert_allclose(moved, X - slopes, rtol=0, atol=atol)


def test_nothing_is_left_behind():
    """Neither gradients of weights, nor a module that trains."""
    model = fit()
    with torch.no_grad():
        found = model.__skperf_gradient__(X)
    with torch.inference_mode():
        assert_array_equal(model.__skperf_gradient__(X), found)
    assert all(weight.grad is None for weight in model.module_.parameters())
    assert not model.module_.training


class Dates(nn.Module):
    """A net that scales years and seconds since 1970, as one should."""

    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.net = Net(n_inputs, n_outputs)
        self.register_buffer("center", torch.tensor([2005, 1.65e9, 0]))
        self.register_buffer("spread", torch.tensor([3, 9e7, 1]))

    def forward(self, rows):
        return self.net((rows - self.center) / self.spread)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("face", ["gradient", "differences"])
def test_columns_far_from_zero_move_everybody(dtype, face):
    year = 2000 + 10 * RNG.random(300)
    seconds = 1e9 * RNG.uniform(1.5, 1.8, 300)
    table = np.column_stack([year, seconds, RNG.normal(size=300)])
    y = ((year - 2005) / 3 + (seconds - 1.65e9) / 9e7 + table[:, 2] > 0).astype(int)
    model = fit(module=Dates, y=y, table=table, dtype=dtype, l2_penalty=0.01)
    center, spread = model.module_.center.numpy(), model.module_.spread.numpy()
    expected = net_slopes(model.module_.net, (table - center) / spread) / spread
    predictor = Predictor(model) if face == "gradient" else model.decision_function
    for column, epsilon in ((0, 1.0), (1, 1e16)):
        shift = StrategicResponse(epsilon, strategic_features=column)
        moved = shift.sample(table, y, None, predictor=predictor).X - table
        move = -epsilon * expected[:, column]
        error = moved[:, column] - move
        # by differences with rounding of eps^(2/3), and years of float32 to 1e-4
        assert np.abs(error).max() < 1e-3 * np.abs(move).max()
        assert np.all(moved[:, column] != 0)


class Cube(nn.Linear):
    def forward(self, rows):
        return super().forward(rows) ** 3


class Unbiased(nn.Linear):
    def __init__(self, n_inputs, n_outputs):
        super().__init__(n_inputs, n_outputs, bias=False)


@pytest.mark.parametrize("module", [nn.Linear, Unbiased])
def test_a_linear_layer_has_one_gradient(module):
    model = fit(module=module)
    weight = model.module_.weight.detach().numpy()
    gradient = Predictor(model).gradient(X)
    assert gradient.strides[0] == 0
    assert_array_equal(gradient, np.tile(weight, (101, 1)))


@pytest.mark.parametrize("how", ["subclass", "instance", "hook", "hook before"])
def test_more_than_a_linear_layer(how):
    model = fit(module=Cube if how == "subclass" else nn.Linear)
    module = model.module_
    if how == "instance":
        module.forward = lambda rows: nn.functional.linear(rows, module.weight) ** 3
    elif how == "hook":
        module.register_forward_hook(lambda module, rows, output: output**3)
    elif how == "hook before":
        module.register_forward_pre_hook(lambda module, rows: (rows[0] ** 3,))
    predictor = Predictor(model)
    step = np.array([1e-5, 0, 0])
    up, down = predictor.score(X + step), predictor.score(X - step)
    # differences with a step of 1e-5 of scores up to 1000
    expected = (up - down) / 2e-5
    atol = 1e-7 * np.abs(expected).max()
    assert_allclose(predictor.gradient(X, [0])[:, 0], expected, rtol=0, atol=atol)


@pytest.mark.exact
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(tol=1e-10),
        make_pipeline(StandardScaler(), LogisticRegression()),
        TorchClassifier(Net, l2_penalty=0.1, max_iter=20, random_state=0),
        make_pipeline(StandardScaler(), TorchClassifier(random_state=0)),
        TorchClassifier(Net, dtype="float32", max_iter=5, random_state=0),
        SVC(),
        GaussianNB(),
    ],
    ids=["linear", "scaled", "torch", "scaled torch", "float32", "opaque", "proba"],
)
@pytest.mark.parametrize("pos_label", ["bad", "good"])
def test_a_loop_by_hand_moves_people_as_fit_does(model, pos_label):
    """The same people, at the same places, in each of three rounds."""
    y, shift = np.where(Y, "good", "bad"), StrategicResponse(0.3)
    seen = []

    def watch(X, y, y_pred, predictor):
        seen.append(X)
        return X, y

    watched = ShiftPipeline([("move", shift), ("watch", FunctionShift(watch))])
    loop = RepeatedRiskMinimizer(
        model, watched, max_iter=3, tol=0, pos_label=pos_label
    ).fit(X, y)
    world = shift.bind(X, y)
    deployed, state, by_hand = clone(model).fit(X, y), world.start(), []
    for _ in range(3):
        sample, state = world.react(state, Predictor(deployed, pos_label=pos_label))
        by_hand.append(sample.X)
        deployed = clone(model).fit(sample.X, sample.y)
    assert seen  # fewer, if nothing moves any more
    for found, expected in zip(by_hand, seen, strict=False):
        assert_array_equal(found, expected)
        assert np.abs(found - X).max() > 1e-3
    assert_array_equal(deployed.predict(X), loop.predict(X))


def test_values_too_large_to_be_summed():
    """A sum that overflows is no missing value."""
    model = fit()
    huge = np.full((2, 3), 1e308)
    assert model.predict(huge).shape == (2,)
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="contains"):
            model.decision_function(np.full((2, 3), wrong))
    with pytest.raises(ValueError, match="X has 2 features"):
        model.decision_function(X[:, :2])
    with pytest.raises(ValueError, match="0 sample"):
        model.decision_function(X[:0])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y[:-1], "inconsistent numbers of samples"),
        (np.column_stack([Y, Y]), "1d array"),
        (Y + 0.5, r"labels \[0.5, 1.5\]"),
        (np.where(Y, np.nan, 0.0), "nan"),
        (np.where(Y, "1", "0"), "labels|dtype|type"),
    ],
)
def test_labels_of_a_later_fit_are_looked_at(y, message):
    model = fit(warm_start=True)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, y)
