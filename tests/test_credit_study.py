# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the retraining loop must show on the real credit data."""

import tracemalloc

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.metrics import make_performative_scorer

pytestmark = pytest.mark.download

STRATEGIC = [0, 5, 7]


@pytest.fixture(scope="module")
def credit():
    return fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)


@pytest.fixture
def exact_model():
    return LogisticRegression(solver="newton-cholesky", tol=1e-12, warm_start=True)


@pytest.mark.parametrize("strategic_features", [STRATEGIC, None])
@pytest.mark.parametrize("delta", [0.1, 0.9])
def test_expected_face_converges_to_machine_precision(
    credit, exact_model, strategic_features, delta
):
    shift = ResampleIfRejected(delta, strategic_features=strategic_features)
    model = RepeatedRiskMinimizer(exact_model, shift, tol=1e-10, random_state=0)
    model.fit(*credit)
    assert model.diagnosis_ == "converged"
    assert model.history_["prediction_gap"][-1] < 1e-10
    # geometric: after the first round each gap is under a third of the one before
    gaps = model.history_["prediction_gap"]
    assert (gaps[2:] < gaps[1:-1] / 3).all()


def test_drawn_face_ends_at_a_noise_floor(credit, exact_model):
    shift = ResampleIfRejected(0.1, strategic_features=STRATEGIC, resampling="drawn")
    model = RepeatedRiskMinimizer(exact_model, shift, max_iter=30, random_state=0)
    with pytest.warns(ConvergenceWarning, match="noise floor.*resampling='expected'"):
        model.fit(*credit)
    # the band that peers' runs of this model and delta show
    assert 2e-3 < np.median(model.history_["prediction_gap"][10:]) < 1e-2


def test_performative_choice_differs_from_the_ordinary_one(credit):
    shift = ResampleIfRejected(0.6, strategic_features=STRATEGIC)
    scoring = {
        "ordinary": "neg_log_loss",
        "induced": make_performative_scorer("neg_log_loss", shift),
    }
    pipeline = make_pipeline(QuantileTransformer(random_state=0), LogisticRegression())
    grid = {"logisticregression__C": [1e-3, 1e-2, 1.0]}
    search = GridSearchCV(pipeline, grid, scoring=scoring, refit=False, cv=3)
    results = search.fit(*credit).cv_results_
    ordinary = results["mean_test_ordinary"].argmax()
    induced = results["mean_test_induced"]
    assert grid["logisticregression__C"][ordinary] == 1.0
    assert grid["logisticregression__C"][induced.argmax()] == 1e-2
    # 0.008 nats measured; two standard errors of the fold scores are about 0.003
    assert induced.max() - induced[ordinary] > 0.005


def _peak_memory(model, credit):
    tracemalloc.start()
    model.fit(*credit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_full_history_costs_the_memory_of_one_round(credit, exact_model):
    shift = ResampleIfRejected(0.4, strategic_features=STRATEGIC)
    options = {"tol": 0, "random_state": 0, "max_iter": 30}
    repeated = RepeatedRiskMinimizer(exact_model, shift, **options)
    affine = AffineRiskMinimizer(exact_model, shift, **options)
    peaks = [_peak_memory(model, credit) for model in (repeated, affine)]
    assert set(affine.history_["n_rows"]) == {5 * 18357}
    # thirty stored weight vectors alone would add half of the peak
    assert peaks[1] < 1.1 * peaks[0]
