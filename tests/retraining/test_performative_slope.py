# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The gradient of the performative risk, held against differences of the risk."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperf.metrics import performative_risk
from skperf.retraining._descents import find_slope
from skperf.retraining._model import DeployedModel
from skperf.shift import (
    OutcomeShift,
    ResampleIfRejected,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    TransformedPredictionShift,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = (X[:, 0] + RNG.normal(size=40) > 0).astype(int)
THREE = RNG.integers(0, 3, 40)
TARGETS = X @ [1.0, 2.0, 0.5] + RNG.normal(size=40)
WEIGHTS = RNG.uniform(0.2, 2, 40)

MOVE = StrategicResponse(0.3, strategic_features=[0, 1])
REJECT = ResampleIfRejected(0.2, strategic_features=[0])
LABEL_SHIFTS = [
    ResampleIfRejected(0.2),
    REJECT,
    StrategicResponse(0.3, responds=[1]),
    ShiftPipeline([("move", MOVE), ("reject", REJECT)]),
]
BINARY_SHIFTS = [*LABEL_SHIFTS, SelfFulfillingShift(0.6)]


def check(model, y, shift, response_method="auto", pos_label=None):
    """Compare the gradient with differences; return the risk."""
    world = shift.bind(X, y, sample_weight=WEIGHTS, random_state=0)
    slope_at = find_slope(
        shift, world, DeployedModel(model, response_method, pos_label)
    )
    values = slope_at.parameters.get()
    moves = 1e-5 * np.eye(len(values))
    rises = [slope_at(values + m).risk - slope_at(values - m).risk for m in moves]
    slope = slope_at(values)
    assert np.abs(slope.gradient).max() > 1e-4
    assert_allclose(slope.gradient, np.array(rises) / 2e-5, atol=1e-8)
    return slope.risk


def named(shift):
    return type(shift).__name__


@pytest.mark.parametrize("pos_label", [0, 1])
@pytest.mark.parametrize("shift", BINARY_SHIFTS, ids=named)
def test_two_classes(shift, pos_label):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    how = {"sample_weight": WEIGHTS, "pos_label": pos_label, "random_state": 0}
    risk = check(model, Y, shift, pos_label=pos_label)
    assert_allclose(risk, performative_risk(model, shift, X, Y, **how), rtol=1e-12)


@pytest.mark.parametrize("pos_label", [0, 1])
def test_people_who_react_to_the_decision_function(pos_label):
    model = LogisticRegression(C=0.01).fit(X, Y)
    shift = TransformedPredictionShift(SelfFulfillingShift(0.5), expit)
    check(model, Y, shift, "decision_function", pos_label)


@pytest.mark.parametrize("shift", LABEL_SHIFTS, ids=named)
def test_three_classes(shift):
    model = LogisticRegression().fit(X, THREE)
    how = {"sample_weight": WEIGHTS, "pos_label": 1, "random_state": 0}
    risk = check(model, THREE, shift, pos_label=1)
    assert_allclose(risk, performative_risk(model, shift, X, THREE, **how), rtol=1e-12)


@pytest.mark.parametrize("shift", [OutcomeShift(0.4), StrategicResponse(0.3)])
def test_regressors(shift):
    check(LinearRegression().fit(X, TARGETS), TARGETS, shift)


def test_several_outputs():
    y = np.stack([TARGETS, X[:, 1]], axis=1)
    check(LinearRegression().fit(X, y), y, OutcomeShift(0.4))


@pytest.mark.filterwarnings("ignore:Training did not converge")
@pytest.mark.parametrize(
    "loss", ["log_loss", pytest.param("squared_error", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("shift", BINARY_SHIFTS, ids=named)
def test_torch_classifiers(shift, loss):
    """By autograd through weights and moves, whose gradients it differentiates."""
    nn = pytest.importorskip("torch.nn")
    from skperf.neural_network import TorchClassifier

    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    model = TorchClassifier(net, loss=loss, max_iter=3, random_state=0).fit(X, Y)
    check(model, Y, shift)


@pytest.mark.filterwarnings("ignore:Training did not converge")
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("shift", [OutcomeShift(0.4), StrategicResponse(0.3)])
def test_torch_regressors(shift, loss):
    nn = pytest.importorskip("torch.nn")
    from skperf.neural_network import TorchRegressor

    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    model = TorchRegressor(net, loss=loss, max_iter=3, random_state=0).fit(X, TARGETS)
    check(model, TARGETS, shift)
