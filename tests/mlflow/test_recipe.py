# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The recipe of the guide, in an environment that has MLflow: ``make mlflow``."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from skperf import AffineRiskMinimizer
from skperf.retraining import SnapshotStore

mlflow = pytest.importorskip("mlflow", reason="make mlflow has it")
skops_io = pytest.importorskip("skops.io", reason="make mlflow has it")
pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own

RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "track_with_mlflow.py"
X, Y = make_classification(200, 5, random_state=0)


def live(model, n_periods):
    for period in range(n_periods):
        weights = np.linspace(0.5, 1 + period, len(X))
        model.partial_fit(X, Y, sample_weight=weights, period=period)
    return model


@pytest.fixture
def recipe():
    spec = importlib.util.spec_from_file_location("recipe", RECIPE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    return mlflow.MlflowClient()


TREES = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


@pytest.mark.parametrize(
    ("estimator", "others"),
    [
        (LogisticRegression(), []),
        (HistGradientBoostingClassifier(max_iter=5, random_state=0), [TREES]),
    ],
    ids=["linear", "trees"],
)
def test_what_is_tracked(recipe, client, estimator, others):
    model = live(AffineRiskMinimizer(estimator, window=2), 4)
    with mlflow.start_run() as run:
        tracked = recipe.track(model, others=others)
    data = client.get_run(run.info.run_id).data
    assert data.params["window"] == "2"
    assert data.params["estimator"].startswith(type(estimator).__name__)
    assert data.tags["diagnosis"] == model.diagnosis_
    steps = client.get_metric_history(run.info.run_id, "risk_before")
    assert [entry.step for entry in steps] == [1, 2, 3]
    assert_array_equal([e.value for e in steps], model.history_["risk_before"])
    loaded = mlflow.sklearn.load_model(tracked.model_uri)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    loaded.partial_fit(X, 1 - Y, period="next")
    model.partial_fit(X, 1 - Y, period="next")
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_minimizer_with_a_store(recipe, client, tmp_path):
    """Where MLflow has the model and the store the rows."""
    store = SnapshotStore(str(tmp_path / "store"))
    model = live(AffineRiskMinimizer(LogisticRegression(), store=store), 3)
    with mlflow.start_run():
        tracked = recipe.track(model)
    loaded = mlflow.sklearn.load_model(tracked.model_uri)
    loaded.partial_fit(X, 1 - Y, period="next")
    assert store.periods() == [0, 1, 2, "next"]


def test_inner_trainings_are_no_runs(recipe, client):
    with mlflow.start_run() as run:
        recipe.track(live(AffineRiskMinimizer(LogisticRegression()), 2))
        live(AffineRiskMinimizer(LogisticRegression()), 2)
    runs = client.search_runs([run.info.experiment_id])
    assert len(runs) == 1


class Others(LogisticRegression):
    """A type that is not skperf's."""


def test_what_others_made_is_not_trusted(recipe):
    model = live(AffineRiskMinimizer(Others()), 2)
    file = skops_io.dumps(model)
    kind = f"{Others.__module__}.Others"
    assert kind not in recipe.trusted_types(model)
    with pytest.raises(Exception, match="Others"):
        skops_io.loads(file, trusted=recipe.trusted_types(model))
    assert kind in recipe.trusted_types(model, others=[kind])
