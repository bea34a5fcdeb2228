# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.metrics import (
    brier_score_loss,
    log_loss,
    mean_squared_error,
    zero_one_loss,
)
from sklearn.tree import DecisionTreeClassifier

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.retraining._advice import advise
from skperf.retraining._history import COLUMNS
from skperf.risk_minimization._coefficients import uniform
from skperf.shift import (
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    StrategicResponse,
    TransformedPredictionShift,
)

unstable = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # stopped early on purpose
)


@pytest.fixture(scope="module")
def classification():
    return make_classification(200, 5, random_state=0)


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(0).uniform(0.1, 2, size=200)


def feedback(k, **params):
    """Retrain f -> 1 + k f on two equal rows."""
    model = RepeatedRiskMinimizer(
        LinearRegression(fit_intercept=False), OutcomeShift(k), **params
    )
    return model.fit(np.ones((2, 1)), np.ones(2))


def assert_same_history(first, second):
    for name in set(COLUMNS) - {"fit_time"}:
        assert_array_equal(first[name], second[name], err_msg=name)


# The record


@unstable
def test_history_counts(classification):
    X, y = classification
    shift = ResampleIfRejected(0.3, strategic_features=[0], n_donors=2)
    model = RepeatedRiskMinimizer(LogisticRegression(), shift, max_iter=3, tol=0)
    history = model.fit(X, y).history_
    assert tuple(history) == COLUMNS
    assert {len(column) for column in history.values()} == {model.n_iter_} == {3}
    assert_array_equal(history["n_deployments"], [1, 2, 3])
    assert_array_equal(history["n_fits"], [2, 3, 4])
    assert_array_equal(history["n_rows"], [600, 600, 600])  # each row and two donors
    assert_array_equal(history["n_rows_seen"], [600, 1200, 1800])
    assert (history["fit_time"] > 0).all()


@unstable
def test_history_counts_of_pooled_rows(classification):
    X, y = classification
    shift = ResampleIfRejected(0.3, resampling="drawn")
    model = AffineRiskMinimizer(
        LogisticRegression(), shift, window=2, max_iter=3, random_state=0
    )
    history = model.fit(X, y).history_
    assert_array_equal(history["n_rows"], [200, 400, 400])
    assert_array_equal(history["n_rows_seen"], [200, 400, 600])


CASES = {
    "log loss": (
        LogisticRegression(C=0.1),
        None,
        lambda m, s: log_loss(s.y, m.predict_proba(s.X), sample_weight=s.sample_weight),
    ),
    "error rate": (
        RidgeClassifier(),
        None,
        lambda m, s: zero_one_loss(s.y, m.predict(s.X), sample_weight=s.sample_weight),
    ),
    "squared error": (
        Ridge(),
        None,
        lambda m, s: mean_squared_error(
            s.y, m.predict(s.X), sample_weight=s.sample_weight
        ),
    ),
    "scoring": (
        LogisticRegression(C=0.1),
        "neg_brier_score",
        lambda m, s: brier_score_loss(
            s.y, m.predict_proba(s.X)[:, 1], sample_weight=s.sample_weight
        ),
    ),
}


def respond(model, X):
    """Return what people react to, written out."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)[:, 1]
    if hasattr(model, "decision_function"):
        return expit(model.decision_function(X))
    return expit(model.predict(X))


@unstable
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_history_equals_a_loop_by_hand(case, weighted, classification, weights):
    estimator, scoring, risk = CASES[case]
    X, y = classification
    weights = weights if weighted else None
    shift = ResampleIfRejected(0.2)
    proba = case in ("log loss", "scoring")
    minimizer = RepeatedRiskMinimizer(
        estimator,
        shift if proba else TransformedPredictionShift(shift, expit),
        scoring=scoring,
        max_iter=3,
        tol=0,
    ).fit(X, y, sample_weight=weights)

    model = clone(estimator).fit(X, y, sample_weight=weights)
    risk_after = risk(model, Sample(X, y, weights))
    for t in range(3):
        y_pred = respond(model, X)
        sample = shift.sample(X, y, y_pred, sample_weight=weights)
        risk_before = risk(model, sample)
        loss_shift = abs(risk_before - risk_after)
        model = clone(estimator).fit(*sample[:3])
        risk_after = risk(model, sample)
        # people react to the bounded prediction, the gap is of the model's own
        inverse = (lambda p: p) if proba else (lambda p: np.log(p / (1 - p)))
        moved = inverse(respond(model, X)) - inverse(y_pred)
        expected = {
            "risk_before": risk_before,
            "risk_after": risk_after,
            "loss_shift": loss_shift,
            "prediction_gap": np.sqrt(np.average(moved**2, weights=weights)),
        }
        for name, value in expected.items():
            # two runs of the same arithmetic, and a logit and back
            assert minimizer.history_[name][t] == pytest.approx(
                value, rel=1e-9, abs=1e-12
            ), name


def test_two_back_gap():
    history = feedback(-0.5, tol=1e-8, max_iter=40).history_
    assert np.isnan(history["two_back_gap"][0])
    # errors e, -e/2, e/4: the gaps are 3/2 e and 3/4 e, and 3/4 e two rounds back
    assert_allclose(history["two_back_gap"][1:5], history["prediction_gap"][1:5])
    assert_allclose(history["prediction_gap"][1:5] / history["prediction_gap"][:4], 0.5)


# When it stops


def test_stops_at_tol():
    model = feedback(0.5, tol=1e-3)
    assert model.converged_
    assert model.diagnosis_ == "converged"
    # the model that is left is measured too: it moves half as far as the last one
    gaps = model.history_["prediction_gap"]
    assert model.stability_residual_ == pytest.approx(gaps[-1] / 2)
    assert gaps[-1] <= 1e-3 < gaps[-2]
    # the gap of round t is 2^-t
    assert model.n_iter_ == 10


@pytest.mark.parametrize("max_iter", [1, 6])
def test_stops_at_max_iter(max_iter):
    with pytest.warns(ConvergenceWarning, match=f"not stable after {max_iter} rounds"):
        model = feedback(0.5, tol=1e-3, max_iter=max_iter)
    assert model.n_iter_ == max_iter
    assert not model.converged_
    assert model.stability_residual_ == pytest.approx(0.5 ** (max_iter + 1))


def test_fit_starts_anew(classification):
    X, y = classification
    model = RepeatedRiskMinimizer(LogisticRegression(), ResampleIfRejected(0.5))
    first = model.fit(X, y).history_
    assert_same_history(model.fit(X, y).history_, first)


def diagnosis_of(model, X, y):
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    (warning,) = [w for w in caught if w.category is ConvergenceWarning]
    message = str(warning.message)
    assert f"Diagnosis: {model.diagnosis_}. " in message
    assert message.endswith(advise(model.diagnosis_, "last"))
    assert f"is {model.stability_residual_:.2g} with tol={model.tol:g}" in message
    assert warning.filename == __file__  # it points at the user's call of fit
    return model.diagnosis_


@pytest.mark.parametrize(
    ("k", "max_iter", "diagnosis", "try_this"),
    [
        (-1.0, 20, "cycle", "AffineRiskMinimizer"),
        (-1.3, 20, "diverging", "anderson"),
        (1.1, 20, "diverging", "anderson"),
        (0.9, 20, "slow", "max_iter"),
        (-0.9, 20, "slow", "max_iter"),
        (-1.0, 3, "slow", "max_iter"),  # too short to tell
    ],
)
def test_diagnosis_of_linear_feedback(k, max_iter, diagnosis, try_this):
    model = RepeatedRiskMinimizer(
        LinearRegression(fit_intercept=False), OutcomeShift(k), max_iter=max_iter
    )
    assert diagnosis_of(model, np.ones((2, 1)), np.ones(2)) == diagnosis
    assert try_this in advise(diagnosis, "last")


@pytest.mark.parametrize("seed", range(5))
def test_diagnosis_of_fresh_draws(seed, classification):
    shift = ResampleIfRejected(0.3, resampling="drawn")
    model = RepeatedRiskMinimizer(LogisticRegression(), shift, random_state=seed)
    assert diagnosis_of(model, *classification) == "noise floor"
    assert "resampling='expected'" in advise("noise floor", "last")


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_diagnosis_of_trees(seed):
    """Splits jump to and fro although the weights are deterministic."""
    X, y = make_classification(200, 5, random_state=seed)
    model = RepeatedRiskMinimizer(
        HistGradientBoostingClassifier(max_bins=15, max_iter=20),
        ResampleIfRejected(0.1, strategic_features=[0, 1]),
        tol=1e-6,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match="Diagnosis: (plateau|settled in risk)"):
        model.fit(X, y)


def test_diagnosis_of_overflow():
    """A model that can no longer be written down has diverged."""

    def explode(X, y, y_pred):
        return X, 1e80 * y_pred

    model = RepeatedRiskMinimizer(
        LinearRegression(fit_intercept=False), FunctionShift(explode), max_iter=2
    )
    with np.errstate(over="ignore"):
        assert diagnosis_of(model, np.ones((2, 1)), np.ones(2)) == "diverging"


# Fits that prove nothing


@pytest.mark.parametrize("action", ["ignore", "always"])
@pytest.mark.parametrize("face", ["fit", "partial_fit"])
def test_unfinished_fits_are_small_steps(face, action):
    """Whatever is done with the warnings, that of the last round is heard."""
    X, y = make_classification(200, 5, random_state=0)
    model = RepeatedRiskMinimizer(
        LogisticRegression(max_iter=1), ResampleIfRejected(0.001), tol=0.1
    )
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        if face == "fit":
            model.fit(X, y)
        else:
            model.partial_fit(X, y).partial_fit(X, y)
    assert model.stability_residual_ <= model.tol
    assert model.diagnosis_ == "small steps"
    assert not model.converged_


def test_warnings_of_the_estimator_reach_the_user():
    X, y = make_classification(200, 5, random_state=0)
    model = RepeatedRiskMinimizer(LogisticRegression(max_iter=1))
    with pytest.warns(ConvergenceWarning, match="lbfgs failed") as caught:
        model.partial_fit(X, y)
    assert caught[0].filename.endswith("_logistic.py")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module=r"sklearn\.linear_model")
        model.partial_fit(X, y)
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning):
            model.partial_fit(X, y)


@pytest.mark.parametrize("way", ["repeated", "average"])
@pytest.mark.parametrize("face", ["fit", "partial_fit"])
def test_a_warm_start_that_trains_nothing(face, way, classification):
    X, y = classification
    estimator = GradientBoostingClassifier(
        n_estimators=5, warm_start=True, random_state=0
    )
    minimizer = {"repeated": RepeatedRiskMinimizer, "average": AffineRiskMinimizer}
    model = minimizer[way](estimator, ResampleIfRejected(0.3))
    first = clone(estimator).fit(X, y)
    seen = model.shift.sample(X, y, first.predict_proba(X)[:, 1])
    if face == "fit":
        with pytest.warns(ConvergenceWarning, match="untrained.*warm_start=False"):
            model.fit(X, y)
    else:
        model.partial_fit(X, y)
        for _ in range(2):
            model.partial_fit(seen.X, seen.y, sample_weight=seen.sample_weight)
    again = clone(estimator).fit(seen.X, seen.y, sample_weight=seen.sample_weight)
    move = again.predict_proba(X)[:, 1] - first.predict_proba(X)[:, 1]
    assert model.diagnosis_ == "untrained"
    assert not model.converged_
    assert model.stability_residual_ == pytest.approx(np.sqrt(np.mean(move**2)))
    assert model.history_["stability_residual"][-1] > 0.01


def test_a_move_of_zero_is_stable_where_a_clone_stays_too():
    X, y = make_classification(200, 5, random_state=0)
    model = RepeatedRiskMinimizer(
        DecisionTreeClassifier(max_depth=1), ResampleIfRejected(1e-6)
    ).fit(X, y)
    assert model.diagnosis_ == "converged"
    assert model.stability_residual_ <= model.tol


# Risks and solvers


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_boosted_trees_settle_in_risk():
    X, y = make_classification(
        1000, 8, n_informative=5, weights=[0.9], flip_y=0.02, random_state=0
    )
    shift = ResampleIfRejected(0.3, strategic_features=[0, 3])
    trees = HistGradientBoostingClassifier(max_bins=15, max_iter=20, random_state=0)
    model = RepeatedRiskMinimizer(trees, shift, max_iter=8, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"settled in risk.*from round \d on"):
        model.fit(X, y)
    assert not model.converged_
    settled = model.settled_risk_
    low, high = settled["interval"]
    assert low < settled["risk"] < high
    risks = model.history_["risk_before"][settled["round"] - 1 :]
    assert len(risks) >= 4
    assert settled["risk"] == pytest.approx(risks.mean())
    assert ((low < risks) & (risks < high)).all()


def test_what_runs_away_has_not_settled():
    """With y' = y + f the data move with the model, so that its risk never changes."""
    rng = np.random.default_rng(0)
    model = RepeatedRiskMinimizer(
        LinearRegression(fit_intercept=False), OutcomeShift(1.0), max_iter=12
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(np.ones((50, 1)), 1 + rng.normal(size=50))
    assert np.ptp(model.history_["risk_before"][1:]) < 1e-9
    assert model.diagnosis_ != "settled in risk"
    assert model.settled_risk_ is None


def test_a_solver_that_stops_too_early_is_named():
    X, y = make_classification(2000, 11, n_informative=6, flip_y=0.1, random_state=0)
    shift = StrategicResponse(10, strategic_features=[0, 3, 5])
    model = RepeatedRiskMinimizer(LogisticRegression(), shift, max_iter=16)
    with pytest.warns(ConvergenceWarning, match=r"own solver.*tol=0.0001.*newton-ch"):
        model.fit(X, y)
    assert model.diagnosis_ == "plateau"
    model.set_params(estimator__solver="newton-cholesky")
    assert model.fit(X, y).diagnosis_ == "converged"


@pytest.mark.parametrize(
    ("params", "way"),
    [
        ({"window": 1}, "last"),
        ({"window": 3}, "window"),
        ({}, "all"),
        ({"coefficients": "anderson"}, "anderson"),
        ({"coefficients": uniform}, "other"),
    ],
)
@pytest.mark.parametrize("diagnosis", ["cycle", "diverging", "slow", "plateau"])
def test_advice_leads_one_way(params, way, diagnosis):
    model = AffineRiskMinimizer(LinearRegression(), **params)
    assert model.__skperf_way__() == way
    advice = advise(diagnosis, way)
    if way not in ("last", "window", "all"):
        assert "anderson" not in advice
    if way != "last":
        assert "AffineRiskMinimizer" not in advice


# Errors and interruptions


class Fragile(RegressorMixin, BaseEstimator):
    """Predicts the mean of y; raises in its fit number `fail_at`."""

    def __init__(self, fail_at=None, error=ValueError):
        self.fail_at = fail_at
        self.error = error

    def fit(self, X, y):
        self.n_fits_ = getattr(self, "n_fits_", 0) + 1
        self.mean_ = np.nan  # half a fit is worse than none
        if self.n_fits_ == self.fail_at:
            raise self.error("out of paper")
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


def test_fit_needs_a_shift():
    with pytest.raises(ValueError, match=r"needs a shift.*call partial_fit"):
        RepeatedRiskMinimizer(LinearRegression()).fit(np.ones((2, 1)), np.ones(2))


@unstable
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_fit_keeps_the_finished_rounds(error):
    X, y = np.ones((3, 1)), np.ones(3)
    shift = OutcomeShift(0.5)
    # the first model is fit 1, so that round 3 has fit 4
    model = RepeatedRiskMinimizer(Fragile(fail_at=4, error=error), shift)
    with pytest.raises(error, match="out of paper") as raised:
        model.fit(X, y)
    whole = RepeatedRiskMinimizer(Fragile(), shift, max_iter=2).fit(X, y)
    assert_array_equal(model.predict(X), whole.predict(X))
    assert_same_history(model.history_, whole.history_)
    assert model.n_iter_ == 2
    assert not model.converged_
    assert model.diagnosis_ == "interrupted"
    if error is ValueError:
        (note,) = raised.value.__notes__
        assert "round 3" in note
        assert "history_" in note


def test_interrupted_model_can_go_on():
    X, y = np.ones((3, 1)), np.ones(3)
    model = RepeatedRiskMinimizer(Fragile(4, KeyboardInterrupt), OutcomeShift(0.5))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    model.set_params(estimator__fail_at=None)
    model.partial_fit(X, y + 0.5 * model.predict(X))
    assert_allclose(model.predict(X), 1 + 1 / 2 + 1 / 4 + 1 / 8, rtol=1e-12)


def test_failing_first_fit_leaves_nothing():
    model = RepeatedRiskMinimizer(Fragile(fail_at=1), OutcomeShift(0.5))
    with pytest.raises(ValueError, match="out of paper"):
        model.fit(np.ones((3, 1)), np.ones(3))
    with pytest.raises(NotFittedError):
        model.predict(np.ones((3, 1)))


def test_failing_shift_names_the_round():
    shift = FunctionShift(
        lambda X, y, y_pred: None if y_pred[0] > 1.4 else (X, y + 0.5 * y_pred)
    )
    model = RepeatedRiskMinimizer(Fragile(), shift)
    with pytest.raises(TypeError, match="FunctionShift returned NoneType") as raised:
        model.fit(np.ones((2, 1)), np.ones(2))
    assert "round 2" in raised.value.__notes__[0]
    assert model.n_iter_ == 1


# The wrapped estimator


def test_wrapped_estimator_is_never_fitted(classification):
    estimator = LogisticRegression()
    model = RepeatedRiskMinimizer(estimator, ResampleIfRejected(0.5))
    model.fit(*classification).partial_fit(*classification)
    assert not hasattr(estimator, "coef_")
    assert hasattr(model.estimator_, "coef_")
    assert model.estimator is estimator


@unstable
def test_warm_start_of_the_wrapped_estimator(classification):
    """lbfgs begins each round at the last solution."""
    iterations = {}
    for warm_start in (False, True):
        model = RepeatedRiskMinimizer(
            LogisticRegression(warm_start=warm_start, tol=1e-8),
            ResampleIfRejected(0.6),
            max_iter=4,
            tol=0,
        ).fit(*classification)
        iterations[warm_start] = model.estimator_.n_iter_[0]
    assert 1 <= iterations[True] < iterations[False] / 2


@pytest.mark.parametrize("minimizer", [RepeatedRiskMinimizer, AffineRiskMinimizer])
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"tol": -1.0}, "'tol' parameter"),
        ({"response_method": "transform"}, "'response_method' parameter"),
        ({"shift": 0.5}, "'shift' parameter"),
        ({"estimator": "tree"}, "'estimator' parameter"),
        ({"random_state": "dice"}, "'random_state' parameter"),
    ],
)
def test_parameters_are_checked(minimizer, params, message, classification):
    model = minimizer(LogisticRegression(), ResampleIfRejected(0.5))
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(*classification)


def test_random_state_makes_draws_repeatable(classification):
    shift = ResampleIfRejected(0.5, resampling="common")
    predictions = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for seed in (0, 0, 1):
            model = RepeatedRiskMinimizer(
                LogisticRegression(), shift, random_state=seed
            ).fit(*classification)
            predictions.append(model.predict_proba(classification[0]))
    assert_array_equal(predictions[0], predictions[1])
    assert np.abs(predictions[0] - predictions[2]).max() > 1e-3


def test_a_scorer_is_asked_before_and_after():
    """In this order, for scorers that keep a record of their own."""

    def scoring(estimator, X, y, sample_weight=None):
        asked.append(estimator.predict([[1.0]])[0])
        return 0.0

    asked = []
    model = RepeatedRiskMinimizer(
        LinearRegression(fit_intercept=False),
        OutcomeShift(0.5),
        scoring=scoring,
        max_iter=2,
        tol=0,
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(np.ones((2, 1)), np.ones(2))
    # the first model on the base; then each before and after a retraining
    assert_allclose(asked, [1, 1, 1.5, 1.5, 1.75])


@pytest.mark.parametrize("ask", ["predict", "score"])
def test_nothing_is_known_before_fit(ask):
    X, y = np.ones((3, 1)), np.ones(3)
    model = RepeatedRiskMinimizer(LinearRegression(), OutcomeShift(0.5))
    with pytest.raises(NotFittedError):
        getattr(model, ask)(*([X] if ask == "predict" else [X, y]))
