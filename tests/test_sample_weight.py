# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Sample weights and other fit parameters, with and without metadata routing."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import FunctionShift, OutcomeShift, ResampleIfRejected, Sample

X, Y = make_classification(200, 5, random_state=0)
X = X * [1, 10, 0.1, 5, 1] + 3
WEIGHTS = np.random.default_rng(0).uniform(0.1, 2, size=200)
SHIFT = ResampleIfRejected(0.3)


@pytest.fixture
def routing():
    sklearn.set_config(enable_metadata_routing=True)


def proba(model, **fit_params):
    return model.fit(X, Y, **fit_params).predict_proba(X)


def by_hand(model, weights, n_rounds):
    """Retrain a scaler and a classifier, the scaler without weights."""
    Z = StandardScaler().fit_transform(X)
    model.fit(Z, Y, sample_weight=weights)
    for _ in range(n_rounds):
        y_pred = model.predict_proba(Z)[:, 1]
        sample = SHIFT.sample(X, Y, y_pred, sample_weight=weights)
        model.fit(Z, Y, sample_weight=sample.sample_weight)
    return model.predict_proba(Z)


@pytest.mark.parametrize("minimizer", [RepeatedRiskMinimizer, AffineRiskMinimizer])
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(200), "Negative values in data passed to `sample_weight`"),
        (np.ones(199), r"sample_weight.shape == \(199,\), expected \(200,\)"),
        (np.full(200, np.nan), "sample_weight contains NaN"),
        (np.zeros(200), "zero"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_invalid_weights(minimizer, weights, message, method):
    model = minimizer(LogisticRegression(), SHIFT)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, Y, sample_weight=weights)
    assert not hasattr(model, "estimator_")


def test_weights_count_as_copies():
    copies = np.random.default_rng(0).integers(0, 4, size=200)
    repeated = np.repeat(X, copies, axis=0), np.repeat(Y, copies)
    estimator = LogisticRegression(tol=1e-10, max_iter=10_000)
    weighted = RepeatedRiskMinimizer(estimator, SHIFT).fit(X, Y, sample_weight=copies)
    copied = RepeatedRiskMinimizer(estimator, SHIFT).fit(*repeated)
    assert weighted.n_iter_ == copied.n_iter_
    # two runs of lbfgs, each at its optimum to about 1e-8
    assert_allclose(weighted.predict_proba(X), copied.predict_proba(X), atol=1e-6)
    for name in ("risk_before", "loss_shift", "prediction_gap"):
        assert_allclose(weighted.history_[name], copied.history_[name], atol=1e-6)


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_estimator_without_weights():
    """Said in the first retraining; the message names the ways out."""
    model = RepeatedRiskMinimizer(KNeighborsClassifier(20), SHIFT)
    with pytest.raises(
        ValueError,
        match=r"KNeighborsClassifier takes no sample_weight.*resampling='common'",
    ):
        model.fit(X, Y)
    assert_array_equal(model.predict(X), KNeighborsClassifier(20).fit(X, Y).predict(X))
    shift = ResampleIfRejected(0.3, resampling="common")
    way_out = RepeatedRiskMinimizer(
        KNeighborsClassifier(20), shift, tol=0.1, random_state=0
    ).fit(X, Y)
    assert way_out.converged_
    with pytest.raises(ValueError, match="takes no sample_weight"):
        way_out.fit(X, Y, sample_weight=WEIGHTS)


def test_equal_weights_need_no_support():
    shift = FunctionShift(lambda X, y, y_pred: Sample(X, y, np.full(len(X), 3.0)))
    model = RepeatedRiskMinimizer(KNeighborsClassifier(20), shift).fit(X, Y)
    assert model.converged_


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_pooling_without_weights():
    """Rows are drawn from the snapshots where the estimator takes no weights."""
    shift = ResampleIfRejected(0.3, resampling="drawn")
    model = AffineRiskMinimizer(
        KNeighborsClassifier(20), shift, window=2, max_iter=3, random_state=0
    )
    with pytest.warns(UserWarning, match="not stable"):
        model.fit(X, Y)
    assert_array_equal(model.history_["n_rows"], [200, 400, 400])


# Without metadata routing


def test_pipeline_hands_weights_to_its_last_step():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    with pytest.warns(UserWarning, match="not stable"):
        found = proba(
            RepeatedRiskMinimizer(pipeline, SHIFT, max_iter=3, tol=0),
            sample_weight=WEIGHTS,
        )
    expected = by_hand(LogisticRegression(), WEIGHTS, 3)
    assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_search_over_a_pipeline_hands_weights_on():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(
        make_pipeline(pipeline), {"pipeline__logisticregression__C": [1.0]}, cv=2
    )
    expected = proba(RepeatedRiskMinimizer(pipeline, SHIFT))
    assert_allclose(proba(RepeatedRiskMinimizer(search, SHIFT)), expected)


def test_transformed_target_hands_weights_on():
    shift = OutcomeShift(-0.5, spread=20.0)
    double = {"func": double_it, "inverse_func": halve_it}
    transformed = TransformedTargetRegressor(Ridge(), **double)
    default = TransformedTargetRegressor(**double)
    for regressor, plain in [(transformed, Ridge()), (default, LinearRegression())]:
        found = RepeatedRiskMinimizer(regressor, shift).fit(X, Y).predict(X)
        expected = RepeatedRiskMinimizer(plain, shift).fit(X, Y).predict(X)
        assert_allclose(found, expected, rtol=0, atol=1e-9)


def double_it(y):
    return 2 * y


def halve_it(y):
    return y / 2


class Demanding(ClassifierMixin, BaseEstimator):
    """Logistic regression whose penalty is a parameter of fit."""

    def fit(self, X, y, sample_weight=None, penalty=1.0, costs=None):
        model = LogisticRegression(C=1 / penalty).fit(X, y, sample_weight)
        self.model_, self.classes_ = model, model.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(X)


@pytest.mark.exact
def test_single_values_are_passed_on_in_every_round():
    found = proba(RepeatedRiskMinimizer(Demanding(), SHIFT), penalty=50.0)
    expected = proba(RepeatedRiskMinimizer(LogisticRegression(C=1 / 50), SHIFT))
    assert_array_equal(found, expected)
    live = RepeatedRiskMinimizer(Demanding()).partial_fit(X, Y, penalty=50.0)
    alone = LogisticRegression(C=1 / 50).fit(X, Y)
    assert_array_equal(live.predict_proba(X), alone.predict_proba(X))


@pytest.mark.parametrize("costs", [np.arange(200), list(range(200))])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_entries_for_each_row_are_refused(costs, method):
    model = RepeatedRiskMinimizer(Demanding(), SHIFT)
    with pytest.raises(ValueError, match="'costs' has one entry a row"):
        getattr(model, method)(X, Y, costs=costs)
    assert not hasattr(model, "estimator_")


# With metadata routing


@pytest.mark.usefixtures("routing")
def test_routing_to_a_step_inside():
    pipeline = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False),
        LogisticRegression().set_fit_request(sample_weight=True),
    )
    model = RepeatedRiskMinimizer(pipeline, SHIFT, max_iter=3, tol=0)
    with pytest.warns(UserWarning, match="not stable"):
        found = proba(model, sample_weight=WEIGHTS)
    expected = by_hand(LogisticRegression(), WEIGHTS, 3)
    assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("routing")
def test_routing_from_a_pipeline_outside():
    inner = RepeatedRiskMinimizer(LogisticRegression(), SHIFT, max_iter=3, tol=0)
    outer = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False),
        inner.set_fit_request(sample_weight=True),
    )
    with pytest.warns(UserWarning, match="not stable"):
        found = proba(outer, sample_weight=WEIGHTS)
    expected = by_hand(LogisticRegression(), WEIGHTS, 3)
    assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("routing")
def test_routing_of_an_unrequested_weight():
    scaler = StandardScaler()
    outer = make_pipeline(scaler, RepeatedRiskMinimizer(LogisticRegression(), SHIFT))
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        outer.fit(X, Y, sample_weight=WEIGHTS)


@pytest.mark.usefixtures("routing")
def test_routing_of_other_parameters():
    estimator = Demanding().set_fit_request(penalty=True)
    found = proba(RepeatedRiskMinimizer(estimator, SHIFT), penalty=50.0)
    expected = proba(RepeatedRiskMinimizer(LogisticRegression(C=1 / 50), SHIFT))
    assert_array_equal(found, expected)
    with pytest.raises(UnsetMetadataPassedError, match="penalty"):
        RepeatedRiskMinimizer(Demanding(), SHIFT).fit(X, Y, penalty=50.0)


@pytest.mark.usefixtures("routing")
def test_routing_of_scores():
    """Weights of the score are the wrapped estimator's to ask for."""
    estimator = LogisticRegression().set_score_request(sample_weight=True)
    model = RepeatedRiskMinimizer(estimator, SHIFT).set_fit_request(sample_weight=True)
    params = {"sample_weight": WEIGHTS}
    (score, _) = cross_validate(model, X, Y, cv=2, params=params)["test_score"]
    train, test = next(StratifiedKFold(2).split(X, Y))
    model.fit(X[train], Y[train], sample_weight=WEIGHTS[train])
    correct = model.predict(X[test]) == Y[test]
    assert score == pytest.approx(np.average(correct, weights=WEIGHTS[test]))
    assert score != pytest.approx(np.mean(correct))


@pytest.mark.usefixtures("routing")
def test_routing_of_unrequested_scores():
    estimator = LogisticRegression().set_score_request(sample_weight=False)
    model = RepeatedRiskMinimizer(estimator, SHIFT).fit(X, Y)
    with pytest.raises(TypeError, match="sample_weight"):
        model.score(X, Y, sample_weight=WEIGHTS)
    estimator = LogisticRegression()
    model = RepeatedRiskMinimizer(estimator, SHIFT).fit(X, Y)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        model.score(X, Y, sample_weight=WEIGHTS)


def test_score_without_routing():
    model = RepeatedRiskMinimizer(LogisticRegression(), SHIFT).fit(X, Y)
    correct = model.predict(X) == Y
    score = model.score(X, Y, sample_weight=WEIGHTS)
    assert score == pytest.approx(np.average(correct, weights=WEIGHTS))
