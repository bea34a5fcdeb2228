# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What users put into a minimizer, and what they put a minimizer into."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import (
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    StrategicResponse,
    TransformedPredictionShift,
)

X, Y = make_classification(200, 5, random_state=0)
SHIFT = ResampleIfRejected(0.3)
STRATEGIC = ResampleIfRejected(0.3, strategic_features=[0, 2], n_donors=2)


def simulate(estimator, shift=SHIFT, X=X, y=Y, **params):
    minimizer = params.pop("minimizer", RepeatedRiskMinimizer)
    return minimizer(estimator, shift, random_state=0, **params).fit(X, y)


def proba(model, X=X):
    return model.predict_proba(X)[:, 1]


@pytest.fixture(params=[RepeatedRiskMinimizer, AffineRiskMinimizer])
def minimizer(request):
    return request.param(LogisticRegression(), SHIFT, tol=1e-3)


# Estimators inside


@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_ridge_with_a_price_as_prediction(alpha):
    """The stable model solves the weighted normal equations of its own weights."""
    X, y = make_regression(100, 3, noise=5.0, random_state=0)
    y = y / np.std(y)
    shift = TransformedPredictionShift(SHIFT, expit)
    model = simulate(
        Ridge(alpha=alpha, fit_intercept=False), shift, X, y, tol=1e-10, max_iter=50
    )
    assert model.converged_
    weights = SHIFT.sample(X, y, expit(model.predict(X))).sample_weight
    normal = X.T @ (weights[:, None] * X) + alpha * np.eye(3)
    expected = np.linalg.solve(normal, X.T @ (weights * y))
    # within tol of the fixed point
    assert_allclose(model.estimator_.coef_, expected, atol=1e-9)


def test_logistic_regression_is_stable():
    """The gradient of the loss vanishes on the data that the model induces."""
    model = simulate(LogisticRegression(tol=1e-10, max_iter=1000), tol=1e-9)
    p = proba(model)
    weights = SHIFT.sample(X, Y, p).sample_weight
    coef = model.estimator_.coef_[0]
    gradient = X.T @ (weights * (p - Y)) + coef
    # a gradient of 1e-10 n from lbfgs and tol from the loop
    assert np.abs(gradient).max() < 1e-6
    base = LogisticRegression().fit(X, Y)
    assert np.abs(proba(base) - p).max() > 1e-3


@pytest.mark.exact
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sgd_classifier():
    """A stochastic solver with a seed is as repeatable as any other."""
    sgd = SGDClassifier(loss="log_loss", random_state=0)
    model = simulate(sgd, max_iter=3, tol=0)
    alone = clone(sgd).fit(X, Y)
    for _ in range(3):
        weights = SHIFT.sample(X, Y, proba(alone)).sample_weight
        alone.fit(X, Y, sample_weight=weights)
    assert_array_equal(proba(model), proba(alone))


@pytest.mark.exact
@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_missing_values_with_gradient_boosting():
    missing = X.copy()
    missing[::3, 2] = np.nan
    boosting = HistGradientBoostingClassifier(max_bins=15, max_iter=5)
    model = simulate(boosting, STRATEGIC, missing, tol=0.5, max_iter=1)
    support, y, weights, *_ = STRATEGIC.sample(
        missing, Y, proba(boosting.fit(missing, Y), missing), random_state=0
    )
    assert np.isnan(support[:, 2]).mean() == pytest.approx(1 / 3, abs=0.05)
    boosting.fit(support, y, sample_weight=weights)
    assert_allclose(proba(model, missing), proba(boosting, missing), atol=1e-12)


@pytest.mark.exact
def test_random_forest():
    """Probabilities of 0 and 1 are fine, and drawn bootstrap rows keep weights."""
    forest = RandomForestClassifier(10, random_state=0)
    model = simulate(forest, tol=0.5)
    weights = SHIFT.sample(X, Y, proba(forest.fit(X, Y))).sample_weight
    forest.fit(X, Y, sample_weight=weights)
    assert model.n_iter_ == 1
    assert_array_equal(proba(model), proba(forest))


def test_search_as_wrapped_estimator():
    """Hyperparameters are chosen anew on the data of each round."""
    grid = {"C": [0.001, 1.0]}
    search = GridSearchCV(LogisticRegression(), grid, cv=2, scoring="neg_log_loss")
    model = simulate(search, tol=1e-3)
    best = simulate(LogisticRegression(**model.estimator_.best_params_), tol=1e-3)
    assert model.estimator_.best_params_["C"] == 1.0
    assert_array_equal(proba(model), proba(best))


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_multi_output_regression(n_outputs):
    """Two outputs that move by different shares of their predictions."""
    feedback = np.array([0.5, -0.4])[:n_outputs]
    y = np.arange(4.0 * n_outputs).reshape(4, n_outputs)

    def move(X, y, y_pred):
        return X, y + feedback * y_pred.reshape(y.shape)

    regression = LinearRegression(fit_intercept=False)
    shift = FunctionShift(move)
    model = simulate(regression, shift, np.eye(4), y, tol=1e-10, max_iter=60)
    assert model.converged_
    assert_allclose(model.predict(np.eye(4)), y / (1 - feedback), atol=1e-9)
    # the last move of the first output is half an error of 2e-10 or less
    assert 0 <= model.history_["risk_before"][-1] < 1e-18
    assert model.history_["risk_before"][0] > 0.1


def test_multi_output_predictions_are_too_many_for_a_rejection():
    y = np.stack([Y, 1.0 - Y], axis=1)
    with pytest.raises(ValueError, match=r"one prediction a row.*\(200, 2\)"):
        simulate(Ridge(), SHIFT, y=y)
    shift = TransformedPredictionShift(SHIFT, lambda y_pred: expit(y_pred[:, 0]))
    both = simulate(Ridge(), shift, y=y).predict(X)
    alone = simulate(Ridge(), TransformedPredictionShift(SHIFT, expit)).predict(X)
    assert_allclose(both[:, 0], alone, atol=1e-6)


# Tables


NAMES = ["income", "debt", "lines", "age", "late"]


@pytest.mark.parametrize("resampling", ["expected", "common", "drawn"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_names_equal_positions(df_module, resampling):
    frame = df_module.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    results = []
    for columns, table in [(["income", "lines"], frame), ([0, 2], X)]:
        shift = ResampleIfRejected(
            0.3, strategic_features=columns, resampling=resampling
        )
        results.append(simulate(LogisticRegression(), shift, table, max_iter=3))
    by_name, by_position = results
    assert_allclose(proba(by_name, frame), proba(by_position), rtol=0, atol=1e-12)
    assert by_name.feature_names_in_.tolist() == NAMES
    assert by_name.n_features_in_ == by_position.n_features_in_ == 5


def test_strategic_response_of_named_columns(df_module):
    frame = df_module.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    results = []
    for columns, table in [(["income", "lines"], frame), ([0, 2], X)]:
        shift = StrategicResponse(0.1, strategic_features=columns)
        results.append(simulate(LogisticRegression(), shift, table))
    by_name, by_position = results
    assert_allclose(proba(by_name, frame), proba(by_position), rtol=0, atol=1e-12)


@pytest.mark.exact
def test_column_transformer_on_a_data_frame(df_module):
    """Mixed columns; the strategic one is text."""
    job = np.array(["cook", "nurse", "pilot"])[(X[:, 0] > 0).astype(int) + (Y == 1)]
    frame = df_module.DataFrame({"job": job.tolist(), "age": X[:, 1], "debt": X[:, 2]})
    pipeline = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(), ["job"]), (StandardScaler(), ["age", "debt"])
        ),
        LogisticRegression(),
    )
    shift = ResampleIfRejected(0.3, strategic_features=["job"])
    model = simulate(pipeline, shift, frame)

    codes = np.searchsorted(["cook", "nurse", "pilot"], job)
    numbers = np.column_stack([codes, X[:, 1], X[:, 2]])
    same = make_pipeline(
        make_column_transformer((OneHotEncoder(), [0]), (StandardScaler(), [1, 2])),
        LogisticRegression(),
    )
    by_position = simulate(same, ResampleIfRejected(0.3, strategic_features=0), numbers)
    assert model.converged_
    assert_allclose(proba(model, frame), proba(by_position, numbers), atol=1e-12)


TEXTS = [
    f"{'refund please' if label else 'thank you'} {'now' if i % 3 else 'again'} {i % 7}"
    for i, label in enumerate(Y)
]


@pytest.mark.parametrize("resampling", ["expected", "common"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_texts(resampling, df_module):
    """Whole texts are redrawn, whatever holds them."""
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    shift = ResampleIfRejected(0.3, resampling=resampling)
    containers = [list, np.array, df_module.Series]
    found = [
        proba(simulate(model, shift, container(TEXTS)), container(TEXTS))
        for container in containers
    ]
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])
    vectors = TfidfVectorizer().fit_transform(TEXTS)
    if resampling == "expected":
        direct = simulate(LogisticRegression(), shift, vectors)
        assert_allclose(found[0], proba(direct, vectors), atol=1e-12)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("columns", [[0, 2], [True, False, True, False, False]])
@pytest.mark.parametrize("resampling", ["expected", "common"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_sparse_equals_dense(container, columns, resampling):
    dense = np.where(np.abs(X) > 0.5, X, 0)
    shift = ResampleIfRejected(0.3, strategic_features=columns, resampling=resampling)
    first = simulate(LogisticRegression(), shift, container(dense))
    second = simulate(LogisticRegression(), shift, dense)
    assert_allclose(proba(first, dense), proba(second, dense), atol=1e-10)


# Labels


LABELS = np.array(["bad", "good"])


def test_string_labels():
    named = simulate(LogisticRegression(), y=LABELS[Y], pos_label="good")
    assert named.classes_.tolist() == ["bad", "good"]
    assert_array_equal(proba(named), proba(simulate(LogisticRegression())))
    assert set(named.predict(X)) == {"bad", "good"}


@pytest.mark.parametrize("response_method", ["predict_proba", "predict"])
def test_pos_label_is_the_rejected_class(response_method):
    """Reacting to the first class is reacting to the last with labels swapped."""
    shift = ResampleIfRejected(0.1)
    settings = {"response_method": response_method, "tol": 0.02}
    first = simulate(LogisticRegression(), shift, pos_label=0, **settings)
    last = simulate(LogisticRegression(), shift, y=1 - Y, **settings)
    assert_allclose(proba(first), 1 - proba(last), atol=1e-6)
    other = simulate(LogisticRegression(), shift, **settings)
    assert np.abs(proba(first) - proba(other)).max() > 1e-3


@pytest.mark.filterwarnings("ignore::skperf.exceptions.PositiveClassWarning")
@pytest.mark.parametrize("pos_label", ["bad", "fair", "good", None])
def test_multi_class(pos_label):
    Z, y = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)
    y = np.array(["bad", "fair", "good"])[y]
    model = simulate(LogisticRegression(), SHIFT, Z, y, pos_label=pos_label, tol=1e-6)
    column = 2 if pos_label is None else ["bad", "fair", "good"].index(pos_label)
    alone = LogisticRegression().fit(Z, y)
    for _ in range(model.n_iter_):
        y_pred = alone.predict_proba(Z)[:, column]
        alone.fit(*SHIFT.sample(Z, y, y_pred)[:3])
    assert_allclose(model.predict_proba(Z), alone.predict_proba(Z), atol=1e-12)


def test_unknown_pos_label():
    with pytest.raises(ValueError, match=r"pos_label='fair'.*\['bad', 'good'\]"):
        simulate(LogisticRegression(), y=LABELS[Y], pos_label="fair")


@pytest.mark.parametrize("pos_label", [None, 0])
def test_decision_function_as_response(pos_label):
    """expit of a logistic regression's score is its probability."""
    shift = TransformedPredictionShift(SHIFT, expit)
    scored = simulate(
        LogisticRegression(),
        shift,
        response_method="decision_function",
        pos_label=pos_label,
        tol=1e-6,
    )
    likely = simulate(LogisticRegression(), pos_label=pos_label, tol=1e-6)
    assert_allclose(proba(scored), proba(likely), rtol=0, atol=1e-5)


def test_scores_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"needs predictions in \[0, 1\]"):
        simulate(RidgeClassifier())


def test_missing_response_method():
    words = "response_method='predict_proba', and RidgeClassifier has no such method"
    with pytest.raises(ValueError, match=words):
        simulate(RidgeClassifier(), response_method="predict_proba")


# Minimizers inside others


def test_search_over_estimator_and_shift(minimizer):
    other = ResampleIfRejected(0.9, strategic_features=0)
    grid = [
        {"shift__delta": [0.1, 0.5], "estimator__C": [0.01, 1.0]},
        {"shift": [other], "max_iter": [3]},
    ]
    search = GridSearchCV(
        minimizer.set_params(tol=0.1), grid, cv=2, scoring="neg_log_loss"
    ).fit(X, Y)
    results = search.cv_results_
    assert len(results["params"]) == 5
    train, test = next(StratifiedKFold(2).split(X, Y))
    for params, score in zip(
        results["params"], results["split0_test_score"], strict=True
    ):
        model = clone(minimizer).set_params(**clone(params, safe=False))
        p = model.fit(X[train], Y[train]).predict_proba(X[test])
        expected = np.mean(np.log(p[np.arange(len(test)), Y[test]]))
        assert score == pytest.approx(expected)
    assert search.best_estimator_.converged_
    assert len(np.unique(results["split0_test_score"])) > 3


def test_cross_validate(minimizer):
    scores = cross_validate(minimizer, X, Y, cv=2, return_estimator=True)
    for fitted, score, (train, test) in zip(
        scores["estimator"],
        scores["test_score"],
        StratifiedKFold(2).split(X, Y),
        strict=True,
    ):
        alone = clone(minimizer).fit(X[train], Y[train])
        assert_array_equal(fitted.predict(X), alone.predict(X))
        assert score == pytest.approx(np.mean(alone.predict(X[test]) == Y[test]))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(minimizer, method):
    minimizer.fit(X, Y)
    calibrated = CalibratedClassifierCV(FrozenEstimator(minimizer), method=method)
    plain = CalibratedClassifierCV(FrozenEstimator(minimizer.estimator_), method=method)
    assert_array_equal(proba(calibrated.fit(X, Y)), proba(plain.fit(X, Y)))
    assert np.abs(proba(calibrated) - proba(minimizer)).max() > 1e-3


def test_calibration_retrains_in_each_fold(minimizer):
    calibrated = CalibratedClassifierCV(minimizer, cv=2, ensemble=True).fit(X, Y)
    train, _ = next(StratifiedKFold(2).split(X, Y))
    first = calibrated.calibrated_classifiers_[0].estimator
    alone = clone(minimizer).fit(X[train], Y[train])
    assert_array_equal(proba(first), proba(alone))


def test_threshold_tuning(minimizer):
    tuned = TunedThresholdClassifierCV(minimizer, scoring="recall", cv=3).fit(X, Y)
    assert_array_equal(proba(tuned), proba(clone(minimizer).fit(X, Y)))
    # recall is best where everyone is positive
    assert tuned.predict(X).mean() > minimizer.fit(X, Y).predict(X).mean()


def test_frozen_minimizer_is_not_retrained(minimizer):
    minimizer.fit(X, Y)
    frozen = FrozenEstimator(minimizer).fit(-X, 1 - Y)
    assert_array_equal(frozen.predict(X), minimizer.predict(X))


def test_clone_forgets_and_pickle_remembers(minimizer):
    minimizer.set_params(shift__delta=0.4).fit(X, Y)
    copy = clone(minimizer)
    assert not hasattr(copy, "estimator_")
    assert copy.shift.delta == 0.4
    assert copy.shift is not minimizer.shift
    restored = pickle.loads(pickle.dumps(minimizer))
    assert_array_equal(proba(restored), proba(minimizer))
    assert restored.diagnosis_ == minimizer.diagnosis_
    assert_array_equal(
        restored.history_["prediction_gap"], minimizer.history_["prediction_gap"]
    )


def test_set_output_in_a_wrapped_pipeline(df_module):
    frame = df_module.DataFrame(dict(zip(NAMES, X.T, strict=True)))
    scaler = StandardScaler().set_output(transform=df_module.__name__)
    shift = ResampleIfRejected(0.3, strategic_features=["income"])
    model = simulate(make_pipeline(scaler, LogisticRegression()), shift, frame)
    inner = model.estimator_[-1]
    assert inner.feature_names_in_.tolist() == NAMES
    plain = simulate(
        make_pipeline(StandardScaler(), LogisticRegression()), shift, frame
    )
    assert_array_equal(proba(model, frame), proba(plain, frame))


@pytest.mark.parametrize(
    ("estimator", "methods"),
    [
        (LogisticRegression(), {"predict_proba", "predict_log_proba"}),
        (RidgeClassifier(), {"decision_function"}),
        (Ridge(), set()),
    ],
)
def test_methods_of_the_wrapped_estimator(estimator, methods):
    model = RepeatedRiskMinimizer(estimator, SHIFT)
    possible = {"predict_proba", "predict_log_proba", "decision_function"}
    if isinstance(estimator, LogisticRegression):
        methods = possible
    assert {name for name in possible if hasattr(model, name)} == methods
    assert hasattr(model, "predict")


def test_delegated_predictions():
    model = simulate(LogisticRegression())
    inner = model.estimator_
    for method in (
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
    ):
        assert_array_equal(getattr(model, method)(X), getattr(inner, method)(X))
    assert model.score(X, Y) == inner.score(X, Y)


def test_sample_of_a_custom_shift_may_be_weighted():
    """Weights that a user's function returns reach the estimator."""

    def forget(X, y, y_pred):
        return Sample(X, y, np.where(np.arange(len(y)) < 100, 1.0, 0.0))

    model = simulate(LogisticRegression(tol=1e-10), FunctionShift(forget))
    half = LogisticRegression(tol=1e-10).fit(X[:100], Y[:100])
    assert_allclose(proba(model), proba(half), atol=1e-6)


def test_outcome_shift_on_a_data_frame(df_module):
    frame = df_module.DataFrame({"one": [1.0, 0.0], "two": [0.0, 1.0]})
    y = df_module.Series([1.0, 3.0])
    regression = LinearRegression(fit_intercept=False)
    model = simulate(regression, OutcomeShift(0.5), frame, y, tol=1e-10, max_iter=60)
    assert_allclose(model.predict(frame), [2.0, 6.0], atol=1e-9)
