# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

torch = pytest.importorskip("torch")

from skperf.neural_network import TorchClassifier


def make_net(n_inputs, n_outputs, hidden=4):
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        torch.nn.Tanh(),
        torch.nn.Linear(hidden, n_outputs),
    )


def test_entries_are_parameters():
    clf = TorchClassifier(make_net, module_params={"hidden": 3})
    clf.set_params(optimizer__lr=0.1, optimizer="adam")
    params = clf.get_params()
    assert params["module__hidden"] == 3
    assert params["optimizer__lr"] == 0.1
    assert "module__hidden" not in clf.get_params(deep=False)


def test_set_params_changes_no_shared_dict():
    shared = {"hidden": 3}
    clf = TorchClassifier(make_net, module_params=shared)
    clf.set_params(module__hidden=5)
    assert shared == {"hidden": 3}
    assert clf.module_params == {"hidden": 5}


def test_set_params_takes_the_dict_first():
    clf = TorchClassifier(make_net, module_params={"hidden": 3, "depth": 1})
    clf.set_params(module__hidden=7, module_params={"hidden": 1})
    assert clf.module_params == {"hidden": 7}


def test_unknown_parameters_are_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'modules'"):
        TorchClassifier().set_params(modules__hidden=3)


def test_clone_copies_entries():
    clf = TorchClassifier(make_net, module_params={"hidden": 3})
    copied = clone(clf).set_params(module__hidden=4)
    assert clf.get_params()["module__hidden"] == 3
    assert copied.get_params()["module__hidden"] == 4


@pytest.mark.parametrize("module", [make_net, torch.nn.Linear, torch.nn.Linear(4, 1)])
def test_repr(module):
    clf = TorchClassifier(module, optimizer_params={"lr": 0.5})
    assert "'lr': 0.5" in repr(clf)
    assert "TorchClassifier" in estimator_html_repr(clf)


def test_grid_search(labeled):
    pipeline = make_pipeline(
        StandardScaler(),
        TorchClassifier(make_net, optimizer="adam", tol=1e-2, random_state=0),
    )
    grid = {
        "torchclassifier__module__hidden": [2, 3],
        "torchclassifier__optimizer__lr": [0.01, 0.1],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(*labeled)
    module = search.best_estimator_[-1].module_
    best = search.best_params_["torchclassifier__module__hidden"]
    assert module[0].out_features == best
    assert search.cv_results_["mean_test_score"].shape == (4,)
    assert search.best_score_ > 0.6
