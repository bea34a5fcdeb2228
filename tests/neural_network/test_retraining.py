# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

torch = pytest.importorskip("torch")

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.neural_network import ScaledSigmoid, TorchClassifier, TorchRegressor
from skperf.shift import TransformedPredictionShift

MINIMIZERS = [RepeatedRiskMinimizer, AffineRiskMinimizer]


def make_net(n_inputs, n_outputs, hidden=4):
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        torch.nn.Tanh(),
        torch.nn.Linear(hidden, n_outputs),
    )


def make_classifier(**params):
    return TorchClassifier(make_net, l2_penalty=0.01, random_state=0, **params)


@pytest.mark.parametrize("minimizer", MINIMIZERS)
@pytest.mark.parametrize(
    "warm_start", [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_a_net_becomes_stable_in_the_expected_face(labeled, minimizer, warm_start):
    clf = make_classifier(warm_start=warm_start, tol=1e-12, max_iter=5000)
    arm = minimizer(clf, ResampleIfRejected(0.6), tol=1e-3).fit(*labeled)
    assert arm.converged_
    assert arm.stability_residual_ <= 1e-3
    assert arm.estimator_.module_[0].out_features == 4


def test_the_papers_net_and_the_classifier_are_the_same_loop(labeled):
    X, y = labeled
    delta = 0.5
    start = torch.nn.Linear(4, 1)
    shift = ResampleIfRejected(delta)
    clf = TorchClassifier(start, loss="squared_error", tol=1e-13)
    reg = TorchRegressor(
        torch.nn.Sequential(start, ScaledSigmoid(1 - delta)), tol=1e-14
    )
    scaled = TransformedPredictionShift(shift, lambda f: f / (1 - delta))
    ours = RepeatedRiskMinimizer(clf, shift, tol=1e-5).fit(X, y)
    theirs = RepeatedRiskMinimizer(reg, scaled, tol=1e-5).fit(X, (1 - delta) * y)
    assert_allclose(
        theirs.predict(X) / (1 - delta), ours.predict_proba(X)[:, 1], atol=1e-4
    )


@pytest.mark.parametrize("minimizer", MINIMIZERS[:1])
def test_nested_parameters_in_a_grid(labeled, minimizer):
    clf = make_classifier(optimizer="adam", tol=1e-3)
    grid = {
        "estimator__module__hidden": [2, 3],
        "estimator__optimizer__lr": [0.05, 0.1],
    }
    arm = minimizer(clf, ResampleIfRejected(0.9), tol=0.1)
    search = GridSearchCV(arm, grid, cv=2).fit(*labeled)
    best = search.best_estimator_.estimator_
    expected = search.best_params_["estimator__module__hidden"]
    assert best.module_[0].out_features == expected
    assert search.best_score_ > 0.6


def test_the_optimizer_lives_through_the_rounds(labeled):
    clf = make_classifier(optimizer="adam", tol=1e-5, warm_start="optimizer")
    clf.set_params(optimizer__lr=0.05)
    rrm = RepeatedRiskMinimizer(clf, ResampleIfRejected(0.6), tol=0.02).fit(*labeled)
    _, state = rrm.estimator_._training_state["optimizer"]
    assert state[0]["step"] > rrm.estimator_.n_iter_


class SoftmaxNet(torch.nn.Module):
    def __init__(self, hidden=2):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 2)
        )

    def forward(self, X):
        return self.layers(X).softmax(dim=1)


@pytest.fixture
def skorch_pipeline():
    skorch = pytest.importorskip("skorch")
    torch.manual_seed(0)
    net = skorch.NeuralNetClassifier(
        SoftmaxNet, lr=0.1, max_epochs=3, train_split=None, verbose=0
    )
    to_float32 = FunctionTransformer(np.float32)
    return Pipeline([("scale", StandardScaler()), ("cast", to_float32), ("net", net)])


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
@pytest.mark.filterwarnings("ignore:Retraining is not stable")  # drawn samples
@pytest.mark.parametrize("minimizer", MINIMIZERS)
def test_skorch_in_pipeline_and_grid(labeled, skorch_pipeline, minimizer):
    shift = ResampleIfRejected(0.6, resampling="drawn")
    model = minimizer(skorch_pipeline, shift, max_iter=2, random_state=0)
    search = GridSearchCV(model, {"estimator__net__module__hidden": [3]}, cv=2)
    best = search.fit(*labeled).best_estimator_
    assert best.estimator_["net"].module_.layers[0].out_features == 3
    assert len(best.history_["n_fits"]) == 2


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
@pytest.mark.parametrize("minimizer", MINIMIZERS)
def test_module_in_pipeline_and_grid(labeled, minimizer):
    steps = [("scale", StandardScaler()), ("net", make_classifier(tol=1e-4))]
    shift = ResampleIfRejected(0.9, resampling="common")
    model = minimizer(Pipeline(steps), shift, tol=0.1, random_state=0)
    grid = {"estimator__net__module__hidden": [3], "shift__delta": [0.8]}
    best = GridSearchCV(model, grid, cv=2).fit(*labeled).best_estimator_
    assert best.estimator_["net"].module_[0].out_features == 3
    assert best.shift.delta == 0.8
