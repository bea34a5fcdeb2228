# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the performative risk minimizer records, keeps, refuses and says."""

import pickle
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.exceptions import RepeatedPersonsWarning
from skperf.metrics import performative_risk
from skperf.risk_minimization import _descending
from skperf.risk_minimization._descent import descend
from skperf.shift import (
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
)

X, Y = make_classification(
    200, 4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
)
FULFIL = SelfFulfillingShift(0.4)
LOGISTIC = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
METHODS = pytest.mark.parametrize("method", ["retrain", "gradient"])


def reweigh(X, y, y_pred):
    return X, y, 1 - y_pred / 2


@METHODS
def test_record(method):
    """The risk before a round is that of the model of the round before."""
    model = PerformativeRiskMinimizer(LOGISTIC, FULFIL, method=method).fit(X, Y)
    history, n_iter = model.history_, model.n_iter_
    assert n_iter > 1
    assert {len(column) for column in history.values()} == {n_iter}
    assert model.method_ == method
    assert_allclose(history["risk_before"][1:], history["performative_risk"][:-1])
    ordinary = clone(LOGISTIC).fit(X, Y)
    first = performative_risk(ordinary, FULFIL, X, Y)
    assert_allclose(history["risk_before"][0], first)
    assert (history["correction"] > 0.1).all()
    assert (history["damping"] == 0).all()
    kept = performative_risk(model, FULFIL, X, Y)
    assert_allclose(model.performative_risk_, kept, rtol=1e-9)
    assert model.performative_risk_ <= history["performative_risk"].min() + 1e-8


def test_correction_is_that_of_the_reaction():
    """v = a (1 - y) (l_1 - l_0) of each person, l_1 the loss of the label 1."""
    model = PerformativeRiskMinimizer(
        LOGISTIC, FULFIL, method="retrain", max_iter=1, tol=0
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y)
    f = clone(LOGISTIC).fit(X, Y).predict_proba(X)[:, 1]
    v = -0.4 * (1 - Y) * np.log(f / (1 - f))
    assert_allclose(model.history_["correction"], np.sqrt(np.mean(v**2)), rtol=1e-6)


def test_best_round_is_kept():
    """Trees jump: the last model need not be the best."""
    tree = DecisionTreeClassifier(max_depth=6, min_samples_leaf=5, random_state=0)
    model = PerformativeRiskMinimizer(tree, SelfFulfillingShift(0.9), max_iter=6)
    with (
        pytest.warns(RepeatedPersonsWarning),
        pytest.warns(ConvergenceWarning, match="round .* has the lowest"),
    ):
        model.fit(X, Y)
    risks = np.append(
        model.history_["risk_before"][0], model.history_["performative_risk"]
    )
    assert model.best_iter_ == np.argmin(risks) < model.n_iter_
    assert_allclose(model.performative_risk_, risks.min())
    found = performative_risk(model, model.shift, X, Y)
    assert_allclose(found, risks.min())


def test_interrupted_fit_keeps_the_best_model():
    calls = []

    class Failing(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            calls.append(len(y))
            if len(calls) > 8:  # some are a look at how it counts rows
                raise RuntimeError("no more")
            return super().fit(X, y, sample_weight)

    model = PerformativeRiskMinimizer(Failing(), FULFIL, method="retrain", tol=0)
    with pytest.raises(RuntimeError, match="no more"):
        model.fit(X, Y)
    assert model.diagnosis_ == "interrupted"
    assert len(model.history_["damping"]) == model.n_iter_ > 1
    assert_allclose(performative_risk(model, FULFIL, X, Y), model.performative_risk_)


@METHODS
def test_stored(method):
    model = PerformativeRiskMinimizer(LOGISTIC, FULFIL, method=method).fit(X, Y)
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict_proba(X), model.predict_proba(X))
    for name in ("best_iter_", "performative_risk_", "method_", "diagnosis_"):
        assert getattr(copy, name) == getattr(model, name)
    assert_array_equal(copy.history_["damping"], model.history_["damping"])


class Recorder:
    """Notes the tasks that begin."""

    def __init__(self):
        self.begun = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        return False


@METHODS
def test_callbacks_hear_of_trainings(method):
    """A descent trains the first model only."""
    recorder = Recorder()
    model = PerformativeRiskMinimizer(LOGISTIC, FULFIL, method=method)
    model.set_callbacks(recorder).fit(X, Y)
    n_rounds = model.n_iter_ if method == "retrain" else 0
    assert recorder.begun == ["fit", "fit", *["retrain"] * n_rounds]


def test_no_partial_fit():
    model = PerformativeRiskMinimizer(LOGISTIC, FULFIL)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="RepeatedRiskMinimizer"):
        model.partial_fit(X, Y)


def test_stationary_is_proved_by_an_undamped_round():
    """A strong damping makes small steps; they are no proof."""
    model = PerformativeRiskMinimizer(
        LOGISTIC, FULFIL, method="retrain", damping=300.0, tol=1e-3, max_iter=4
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y)
    assert model.history_["prediction_gap"][-1] < 1e-3
    assert model.stability_residual_ > 1e-2
    assert model.diagnosis_ != "stationary"


@pytest.mark.parametrize(
    "damping", [0.8, *(pytest.param(d, marks=pytest.mark.slow) for d in (0.0, "auto"))]
)
def test_damping_moves_no_solution(damping):
    model = PerformativeRiskMinimizer(
        LOGISTIC, FULFIL, method="retrain", damping=damping, tol=1e-7, max_iter=200
    ).fit(X, Y)
    exact = PerformativeRiskMinimizer(LOGISTIC, FULFIL, method="gradient").fit(X, Y)
    assert_allclose(model.estimator_.coef_, exact.estimator_.coef_, atol=1e-4)
    gap = performative_risk(model, FULFIL, X, Y) - exact.performative_risk_
    assert abs(gap) < 1e-9


@pytest.mark.parametrize(
    "shift",
    [
        ResampleIfRejected(0.1),
        ResampleIfRejected(0.1, strategic_features=[0, 1]),
        pytest.param(
            ShiftPipeline([("say", FULFIL), ("reject", ResampleIfRejected(0.2))]),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["whole rows", "columns", "pipeline"],
)
def test_both_methods_agree(shift):
    found = [
        PerformativeRiskMinimizer(
            LOGISTIC, shift, method=method, tol=1e-7, max_iter=100, random_state=0
        ).fit(X, Y)
        for method in ("retrain", "gradient")
    ]
    assert all(one.converged_ for one in found)
    assert_allclose(found[0].predict_proba(X), found[1].predict_proba(X), atol=1e-5)


def test_labels_of_any_kind_and_the_other_class():
    """Names of labels and the order of classes change nothing."""
    names = np.where(Y == 1, "a", "b")  # the positive class comes first
    for method in ("retrain", "gradient"):
        params = {"method": method, "tol": 1e-5}
        plain = PerformativeRiskMinimizer(LOGISTIC, FULFIL, **params).fit(X, Y)
        named = PerformativeRiskMinimizer(
            LOGISTIC, FULFIL, pos_label="a", **params
        ).fit(X, names)
        assert_allclose(
            named.predict_proba(X)[:, 0], plain.predict_proba(X)[:, 1], atol=1e-3
        )


def test_three_classes():
    X, y = make_classification(
        150, 4, n_informative=4, n_redundant=0, n_classes=3, random_state=0
    )
    shift = ResampleIfRejected(0.1)
    found = [
        PerformativeRiskMinimizer(
            LOGISTIC, shift, method=method, pos_label=1, tol=1e-7
        ).fit(X, y)
        for method in ("retrain", "gradient")
    ]
    assert_allclose(found[0].predict_proba(X), found[1].predict_proba(X), atol=1e-4)


def test_scalers_and_frames(df_module):
    frame = df_module.DataFrame({f"x{i}": 3 * X[:, i] + i for i in range(4)})
    model = make_pipeline(StandardScaler(), LOGISTIC)
    for method in ("retrain", "gradient"):
        found = PerformativeRiskMinimizer(model, FULFIL, method=method, tol=1e-5)
        found.fit(frame, Y)
        plain = PerformativeRiskMinimizer(LOGISTIC, FULFIL, method=method, tol=1e-5)
        plain.fit(X, Y)
        assert_allclose(found.predict_proba(frame), plain.predict_proba(X), atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(
            RandomForestClassifier(20, min_samples_leaf=5, random_state=0),
            marks=pytest.mark.slow,
        ),
        HistGradientBoostingClassifier(
            max_bins=15, max_iter=20, early_stopping=False, random_state=0
        ),
    ],
    ids=lambda e: type(e).__name__,
)
def test_any_learner_with_weights(estimator):
    """Better than the ordinary model and than all that retraining meets."""
    shift = SelfFulfillingShift(0.8)
    model = PerformativeRiskMinimizer(estimator, shift, max_iter=8).fit(X, Y)
    assert model.method_ == "retrain"
    stable = RepeatedRiskMinimizer(estimator, shift, max_iter=8).fit(X, Y)
    assert model.performative_risk_ < stable.history_["risk_before"].min() - 1e-3


def test_early_stopping_is_told_of_rows_of_one_person():
    """It holds out rows of people whose other rows it trains on."""
    booster = HistGradientBoostingClassifier(
        max_bins=15, max_iter=5, early_stopping=True
    )
    model = PerformativeRiskMinimizer(
        booster, ResampleIfRejected(0.2), damping=1.0, max_iter=1
    )
    with (
        pytest.warns(RepeatedPersonsWarning, match="early_stopping"),
        pytest.warns(ConvergenceWarning),
    ):
        model.fit(X, Y)


@pytest.mark.filterwarnings("ignore:The last model is not stationary")
def test_regressors():
    y = X @ [1.0, 2.0, 0.0, -1.0] + np.sin(5 * X[:, 0])
    shift = OutcomeShift(np.where(X[:, 1] > 0, 0.6, -0.6))
    for tree in (
        DecisionTreeRegressor(max_depth=4),
        HistGradientBoostingRegressor(max_bins=15, max_iter=20),
    ):
        model = PerformativeRiskMinimizer(tree, shift, max_iter=8).fit(X, y)
        ordinary = performative_risk(clone(tree).fit(X, y), shift, X, y)
        assert model.performative_risk_ < 0.98 * ordinary


@pytest.mark.parametrize(
    ("estimator", "shift", "params", "message"),
    [
        (LOGISTIC, StrategicResponse(0.2), {}, "move their features"),
        (
            LOGISTIC,
            ShiftPipeline([("a", StrategicResponse(0.2)), ("b", FULFIL)]),
            {},
            "move their features",
        ),
        (LOGISTIC, ResampleIfRejected(0.2, resampling="drawn"), {}, "'expected'"),
        (LOGISTIC, ResampleIfRejected(0.2, resampling="common"), {}, "'expected'"),
        (LOGISTIC, FunctionShift(reweigh), {}, "pull_back"),
        (RidgeClassifier(), ResampleIfRejected(0.2), {}, "no predict_proba"),
        (LOGISTIC, FULFIL, {"response_method": "predict"}, "hard predictions"),
        (LOGISTIC, FULFIL, {"scoring": "accuracy"}, "scoring='accuracy'"),
        (SGDClassifier(loss="modified_huber"), FULFIL, {}, "loss='modified_huber'"),
        (
            HistGradientBoostingRegressor(loss="absolute_error"),
            OutcomeShift(0.5),
            {},
            "loss='absolute_error'",
        ),
    ],
)
def test_retraining_refuses(estimator, shift, params, message):
    model = PerformativeRiskMinimizer(estimator, shift, method="retrain", **params)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("estimator", "shift", "params", "message"),
    [
        (DecisionTreeClassifier(), FULFIL, {}, "neither a linear model"),
        (LOGISTIC, ResampleIfRejected(0.2, resampling="drawn"), {}, "are drawn"),
        (LOGISTIC, ResampleIfRejected(0.2, resampling="common"), {}, "are drawn"),
        (LOGISTIC, FULFIL, {"response_method": "predict"}, "hard predictions"),
    ],
)
def test_descent_refuses(estimator, shift, params, message):
    model = PerformativeRiskMinimizer(estimator, shift, method="gradient", **params)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)


def test_differences_are_for_a_hundred_numbers():
    wide = np.random.default_rng(0).normal(size=(20, 101))
    model = PerformativeRiskMinimizer(
        LinearRegression(), StrategicResponse(0.1), scoring="neg_mean_absolute_error"
    )
    with pytest.raises(ValueError, match=r"at most 100 numbers.*has 102"):
        model.fit(wide, wide[:, 0])


def test_auto_says_what_neither_way_has():
    model = PerformativeRiskMinimizer(
        DecisionTreeClassifier(), FunctionShift(reweigh), random_state=0
    )
    with pytest.raises(ValueError, match=r"neither by 'gradient'.*nor by 'retrain'"):
        model.fit(X, Y)


def test_auto_takes_what_there_is():
    pairs = [
        (LOGISTIC, FULFIL, "gradient"),
        (LOGISTIC, FunctionShift(reweigh), "gradient"),
        (GaussianNB(), ResampleIfRejected(0.5), "retrain"),
    ]
    for estimator, shift, method in pairs:
        model = PerformativeRiskMinimizer(estimator, shift, tol=1e-2).fit(X, Y)
        assert model.method_ == method


def test_differences_end_where_the_gradient_does():
    """A function has no pull-back: the same world without and with one."""

    def fulfil(X, y, y_pred, predictor, sample_weight):
        return FULFIL.sample(
            X, y, y_pred, predictor=predictor, sample_weight=sample_weight
        )

    exact = PerformativeRiskMinimizer(LOGISTIC, FULFIL).fit(X, Y)
    differenced = PerformativeRiskMinimizer(LOGISTIC, FunctionShift(fulfil)).fit(X, Y)
    assert_allclose(exact.predict_proba(X), differenced.predict_proba(X), atol=1e-5)
    assert np.isnan(differenced.history_["correction"]).all()


def test_restarts_leave_a_poor_optimum():
    """The risk (f^2 - 1)^2 + f / 4 by a score: two valleys, the deeper one at -1."""

    def valleys(estimator, X, y, sample_weight=None):
        f = estimator.coef_[0]
        return -((f**2 - 1) ** 2 + f / 4)

    params = {"scoring": valleys, "random_state": 0}
    mean = LinearRegression(fit_intercept=False)
    ones = np.ones((2, 1))
    near = PerformativeRiskMinimizer(mean, OutcomeShift(0.0), **params)
    near.fit(ones, np.ones(2))
    far = PerformativeRiskMinimizer(mean, OutcomeShift(0.0), n_restarts=8, **params)
    far.fit(ones, np.ones(2))
    assert near.estimator_.coef_[0] > 0.9
    assert far.estimator_.coef_[0] < -0.9
    assert far.performative_risk_ < near.performative_risk_ - 0.4
    assert far.n_iter_ > near.n_iter_
    assert (np.diff(far.history_["n_deployments"]) >= 0).all()


def test_unfinished_descent_says_so():
    """Features of very different size make the way long."""
    model = PerformativeRiskMinimizer(LOGISTIC, SelfFulfillingShift(0.6), max_iter=1)
    with pytest.warns(ConvergenceWarning, match="1e-5 of the first") as heard:
        model.fit(X * [0.01, 1, 1, 100], Y)
    assert heard[0].filename == __file__  # where fit is called
    assert model.stability_residual_ > 1e-5
    assert (model.converged_, model.diagnosis_) == (False, "slow")


@settings(max_examples=10)
@given(
    strength=st.floats(0, 0.8),
    defeating=st.booleans(),
    seed=st.integers(0, 100),
)
def test_never_worse_than_the_ordinary_model(strength, defeating, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 2))
    y = (X[:, 0] + rng.normal(size=40) > 0).astype(int)
    direction = "defeating" if defeating else "fulfilling"
    shift = SelfFulfillingShift(strength, direction=direction)
    model = LogisticRegression(solver="newton-cholesky")
    ordinary = performative_risk(clone(model).fit(X, y), shift, X, y)
    retrained, descended = (
        PerformativeRiskMinimizer(model, shift, method=method, max_iter=150, tol=1e-3)
        .fit(X, y)
        .performative_risk_
        for method in ("retrain", "gradient")
    )
    assert retrained <= ordinary + 1e-6
    assert descended <= retrained + 1e-6  # it has no penalty, so there is more to win


@pytest.mark.parametrize(("share", "flat"), [(1e-5, True), (1.01e-5, False)])
def test_a_gradient_of_1e_5_of_the_first_counts_as_none(monkeypatch, share, flat):
    """The bound that the documentation states."""

    def end_there(*args):
        return descend(*args)._replace(steepness=share)

    monkeypatch.setattr(_descending, "descend", end_there)
    model = PerformativeRiskMinimizer(LOGISTIC, FULFIL, max_iter=1)
    with nullcontext() if flat else pytest.warns(ConvergenceWarning):
        model.fit(X, Y)
    assert model.converged_ == flat
    assert model.stability_residual_ == share


def test_a_start_without_any_slope_is_stationary():
    model = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False), OutcomeShift(0.5), method="gradient"
    ).fit(X, np.zeros(len(X)))
    assert model.diagnosis_ == "stationary"
    assert not model.estimator_.coef_.any()
