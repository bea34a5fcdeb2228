# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import pickle
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import make_classification
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperf import AffineRiskMinimizer, BaseRiskMinimizer, RepeatedRiskMinimizer
from skperf.retraining import Pool
from skperf.retraining._history import COLUMNS
from skperf.shift import OutcomeShift, ResampleIfRejected

X, Y = make_classification(200, 5, random_state=0)
WEIGHTS = np.random.default_rng(0).uniform(0.1, 2, size=200)

MINIMIZERS = {
    "repeated": RepeatedRiskMinimizer(LogisticRegression()),
    "uniform": AffineRiskMinimizer(LogisticRegression(), window=2),
    "all": AffineRiskMinimizer(LogisticRegression()),
    "anderson": AffineRiskMinimizer(LogisticRegression(), coefficients="anderson"),
}


@pytest.fixture(params=MINIMIZERS)
def minimizer(request):
    return pickle.loads(pickle.dumps(MINIMIZERS[request.param]))


class World:
    """What is seen under a model: in every period new tables, or the same objects."""

    def __init__(self, sample_weight=None, *, copy=False):
        self.respond = ResampleIfRejected(0.2).bind(X, Y, sample_weight=sample_weight)
        self.copy = copy

    def __call__(self, model):
        seen = self.respond(model.predict_proba(X)[:, 1])
        return deepcopy(seen) if self.copy else seen


def live(model, world, n_periods):
    for _ in range(n_periods):
        X, y, sample_weight, *_ = world(model)
        model.partial_fit(X, y, sample_weight=sample_weight)
    return model


def assert_same(first, second):
    """Compare all that the periods have left, except seconds."""
    assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.n_iter_ == second.n_iter_
    assert first.diagnosis_ == second.diagnosis_
    assert_array_equal(first.stability_residual_, second.stability_residual_)
    for name in set(COLUMNS) - {"fit_time"}:
        first_column, second_column = first.history_[name], second.history_[name]
        assert_array_equal(first_column, second_column, err_msg=name)


@pytest.mark.exact
def test_first_call_trains_the_first_model(minimizer):
    minimizer.partial_fit(X, Y)
    alone = LogisticRegression().fit(X, Y)
    assert_array_equal(minimizer.predict_proba(X), alone.predict_proba(X))
    assert minimizer.n_iter_ == 0
    assert not minimizer.converged_
    assert {len(column) for column in minimizer.history_.values()} == {0}


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_living_with_a_shift_equals_simulating_it(minimizer, weights):
    minimizer.set_params(tol=0).partial_fit(X, Y, sample_weight=weights)
    live(minimizer, World(weights), 4)
    simulated = minimizer.__class__(**minimizer.get_params(deep=False))
    simulated.set_params(shift=ResampleIfRejected(0.2), max_iter=4, tol=0)
    with pytest.warns(UserWarning, match="not stable"):
        simulated.fit(X, Y, sample_weight=weights)
    assert_array_equal(minimizer.predict_proba(X), simulated.predict_proba(X))
    for name in set(COLUMNS) - {"fit_time"}:
        assert_array_equal(
            minimizer.history_[name], simulated.history_[name], err_msg=name
        )


def retraining_gap(model, world):
    """Return how far a retraining on D(f) alone moves the model."""
    before = model.predict_proba(X)[:, 1]
    after = clone(model.estimator).fit(*world(model)[:3]).predict_proba(X)[:, 1]
    return np.sqrt(np.mean((after - before) ** 2))


def test_convergence_is_noticed(minimizer):
    minimizer.set_params(tol=1e-5)
    world = World()
    live(minimizer.partial_fit(X, Y), world, 1)
    assert minimizer.stability_residual_ > 1e-5
    assert not minimizer.converged_
    assert minimizer.diagnosis_ == "slow"
    live(minimizer, world, 29)
    assert minimizer.stability_residual_ <= 1e-5
    assert minimizer.converged_
    assert minimizer.diagnosis_ == "converged"
    # lbfgs with its own tol of 1e-4 stops some 1e-5 away from its optimum
    assert retraining_gap(minimizer, world) < 5e-5


@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_survives_a_crash(minimizer, n_before):
    world = World(copy=True)
    live(minimizer.partial_fit(X, Y), world, n_before)
    restored = pickle.loads(pickle.dumps(minimizer))
    assert_same(live(restored, world, 3), live(minimizer, world, 3))


def test_survives_a_crash_on_shared_rows(minimizer):
    """Restored rows are no longer the same objects, so they are stacked."""
    world = World()
    live(minimizer.partial_fit(X, Y), world, 3)
    restored = pickle.loads(pickle.dumps(minimizer))
    first, second = (live(m, world, 3).predict_proba(X) for m in (restored, minimizer))
    # the same weighted sums in another order, and lbfgs stops a little elsewhere
    assert_allclose(first, second, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_before", [0, 1, 3])
def test_failure_leaves_everything_as_it_was(minimizer, n_before, monkeypatch):
    world = World()
    reference = pickle.loads(pickle.dumps(minimizer))
    live(minimizer.partial_fit(X, Y), world, n_before)
    live(reference.partial_fit(X, Y), world, n_before)

    def fail(self, X, y, sample_weight=None):
        self.coef_ = self.coef_ * np.nan
        raise RuntimeError("out of paper")

    with monkeypatch.context() as patch:
        patch.setattr(LogisticRegression, "fit", fail)
        with pytest.raises(RuntimeError, match="out of paper") as raised:
            live(minimizer, world, 1)
    assert f"round {n_before + 1}" in raised.value.__notes__[0]
    assert_same(minimizer, reference)
    assert_same(live(minimizer, world, 2), live(reference, world, 2))


def test_invalid_data_leave_everything_as_it_was(minimizer):
    live(minimizer.partial_fit(X, Y), World(), 1)
    before = pickle.loads(pickle.dumps(minimizer))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        minimizer.partial_fit(X, Y[:-1])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        minimizer.partial_fit(np.full_like(X, np.nan), Y)
    with pytest.raises(ValueError, match=r"5 features|expecting 5"):
        minimizer.partial_fit(X[:, :3], Y)
    assert_same(minimizer, before)


def test_new_record_after_fit(minimizer):
    minimizer.set_params(shift=ResampleIfRejected(0.2), tol=1e-3).fit(X, Y)
    deployed = minimizer.predict_proba(X)[:, 1]
    weights = World()(minimizer).sample_weight
    live(minimizer, World(), 1)
    assert minimizer.n_iter_ == 1
    history = minimizer.history_
    assert {len(column) for column in history.values()} == {1}
    assert history["n_deployments"][0] == 1
    # on the first population seen, with its weights
    moved = minimizer.predict_proba(X)[:, 1] - deployed
    gap = np.sqrt(np.average(moved**2, weights=weights))
    assert history["prediction_gap"][0] == pytest.approx(gap, rel=1e-12)
    # and a new fit forgets the periods
    minimizer.fit(X, Y)
    live(minimizer, World(), 1)
    assert minimizer.n_iter_ == 1


def test_models_are_compared_on_the_first_population():
    """Later data may have any number of rows."""
    model = RepeatedRiskMinimizer(LinearRegression(fit_intercept=False))
    model.partial_fit(np.ones((2, 1)), np.ones(2))
    model.partial_fit(np.array([[2.0]]), np.array([8.0]))
    # from 1 to 4 on the first two rows, not from 2 to 8 on the new one
    assert model.history_["prediction_gap"][0] == pytest.approx(3)
    # risk of the old and of the new model on the new row
    assert model.history_["risk_before"][0] == pytest.approx(36)
    assert model.history_["risk_after"][0] == pytest.approx(0, abs=1e-20)
    assert model.history_["n_rows_seen"][0] == 1


def test_pools_what_was_seen():
    model = AffineRiskMinimizer(LinearRegression(fit_intercept=False), window=2)
    model.partial_fit([[1.0]], [1.0])
    model.partial_fit([[1.0]], [2.0])
    model.partial_fit([[1.0]], [4.0])
    assert model.predict([[1.0]])[0] == pytest.approx(3)
    model.partial_fit([[1.0]], [8.0])
    assert model.predict([[1.0]])[0] == pytest.approx(6)


def test_shift_is_not_asked():
    model = RepeatedRiskMinimizer(
        LinearRegression(fit_intercept=False), OutcomeShift(100.0)
    )
    model.partial_fit([[1.0]], [1.0]).partial_fit([[1.0]], [2.0])
    assert model.predict([[1.0]])[0] == pytest.approx(2)


def test_failure_after_fit_keeps_what_fit_has_found():
    X, y = make_classification(100, random_state=0)
    model = RepeatedRiskMinimizer(LogisticRegression(), ResampleIfRejected(0.5))
    model.fit(X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.where(X > 2, np.nan, X), y)
    assert vars(model) == before


# Periods


def test_a_period_counts_once():
    model = AffineRiskMinimizer(LinearRegression(fit_intercept=False))
    model.partial_fit([[1.0]], [1.0], period="May")
    model.partial_fit([[1.0]], [2.0], period="June")
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="'June' was seen before"):
        model.partial_fit([[1.0]], [9.0], period="June")
    assert pickle.dumps(model) == before
    restored = pickle.loads(before)
    with pytest.raises(ValueError, match="'May' was seen before"):
        restored.partial_fit([[1.0]], [9.0], period="May")
    with pytest.raises(TypeError, match="period must be hashable"):
        model.partial_fit([[1.0]], [9.0], period=["July"])


def test_a_new_record_knows_no_periods():
    model = RepeatedRiskMinimizer(LogisticRegression(), ResampleIfRejected(0.9))
    model.partial_fit(X, Y, period="May").fit(X, Y).partial_fit(X, Y, period="May")
    assert model.n_iter_ == 1


def test_a_refilled_buffer_loses_nothing():
    """What is remembered is copied: rows, targets and weights."""
    months = [np.random.default_rng(seed).normal(size=(50, 3)) for seed in range(4)]
    own, refilled = (AffineRiskMinimizer(LinearRegression()) for _ in range(2))
    buffer, weights = np.empty((50, 3)), np.empty(50)
    for month in months:
        own.partial_fit(
            month[:, :2].copy(), month[:, 2].copy(), sample_weight=month[:, 0] ** 2
        )
        buffer[:], weights[:] = month, month[:, 0] ** 2
        refilled.partial_fit(buffer[:, :2], buffer[:, 2], sample_weight=weights)
    assert_array_equal(own.estimator_.coef_, refilled.estimator_.coef_)
    for name in set(COLUMNS) - {"fit_time"}:
        assert_array_equal(own.history_[name], refilled.history_[name])
    assert own.history_["n_rows"][-1] == 150


def test_persons_are_remembered():
    model = AffineRiskMinimizer(LinearRegression(), window=2)
    for start in (0, 5, 10):
        groups = np.arange(start, start + 4)
        model.partial_fit(np.eye(4) * (1 + start), np.ones(4), groups=groups)
    pool = model.__getstate__()["path"]["store"][:]
    assert [s.sample.groups[0] for s in pool] == [5, 10]
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.partial_fit(np.eye(4), np.ones(4), groups=[1, 2])


# What is known of a model


def test_stable_is_said_of_what_was_measured():
    """The average of two is where they were before, and one retraining moves it by 2.

    y' = 1 - 2 f goes round in three steps, of which one is small.
    """
    X, tol = np.ones((2, 1)), 1e-3
    model = AffineRiskMinimizer(LinearRegression(fit_intercept=False), window=2)
    model.set_params(tol=tol).partial_fit(X, np.ones(2))
    estimates = []
    for _ in range(12):
        before = model.predict(X)[0]
        model.partial_fit(X, 1 - 2 * model.predict(X))
        assert not model.converged_
        truth = abs(1 - 3 * before)
        if np.isfinite(model.stability_residual_):
            assert model.stability_residual_ == pytest.approx(truth)
        estimates.append(model.history_["stability_residual_estimate"][-1])
    assert min(estimates) < tol
    measured = np.isfinite(model.history_["stability_residual"])
    # the first retraining is on one sample; small estimates are worth a fit
    assert_array_equal(np.flatnonzero(measured), [0, 3, 6, 9])


def test_the_retraining_itself_measures_the_model_before():
    model = RepeatedRiskMinimizer(LinearRegression(fit_intercept=False))
    live = model.partial_fit([[1.0]], [1.0])
    for _ in range(3):
        live.partial_fit([[1.0]], 1 + 0.5 * live.predict([[1.0]]))
    history = live.history_
    assert_array_equal(history["stability_residual"], history["prediction_gap"])
    assert_array_equal(history["stability_residual"], [0.5, 0.25, 0.125])
    assert live.stability_residual_ == 0.125


class Remembers(BaseRiskMinimizer):
    """Trains on the sample before the newest."""

    def pool(self, store, n_rounds):
        chosen = store[-2:][:1]
        return Pool(store[-1:], np.ones(1), chosen[0].sample)


def test_a_pool_without_the_newest_sample_measures_nothing():
    model = Remembers(LinearRegression(fit_intercept=False), tol=0)
    for target in (1.0, 2.0, 4.0):
        model.partial_fit([[1.0]], [target])
    assert_array_equal(model.history_["stability_residual"], [1.0, np.nan])


def test_nothing_is_known_of_the_first_model(minimizer):
    minimizer.partial_fit(X, Y)
    assert np.isnan(minimizer.stability_residual_)
    assert minimizer.diagnosis_ == "slow"


# Labels that come late


def test_late_labels_belong_to_the_model_that_people_met():
    """Anderson's residuals and the record take them as data of the older model."""

    def newest(snapshots):
        seen.append([float(s.y_pred[0]) for s in snapshots])
        return np.eye(len(snapshots))[-1]

    seen = []
    model = AffineRiskMinimizer(LinearRegression(fit_intercept=False))
    model.set_params(coefficients=newest, window=2).partial_fit([[1.0]], [1.0])
    model.partial_fit([[1.0]], [2.0])
    model.partial_fit([[1.0]], [4.0], deployed=0)
    assert seen[-1] == [1.0, 1.0]
    assert model.predict([[1.0]])[0] == pytest.approx(4)
    history = model.history_
    assert np.isnan(history["risk_before"][-1])
    assert np.isnan(history["loss_shift"][-1])
    assert history["risk_before"][0] == pytest.approx(1)


def test_late_labels_give_no_verdict():
    """A retraining on the data of model t - 1 gives model t again: a gap of 0."""
    model = RepeatedRiskMinimizer(LinearRegression(fit_intercept=False))
    model.partial_fit([[1.0]], [1.0])
    for _ in range(6):
        before = model.predict([[1.0]])
        model.partial_fit([[1.0]], 1 - 1.1 * before)
    model.partial_fit([[1.0]], 1 - 1.1 * before, deployed=model.n_iter_ - 1)
    assert model.history_["prediction_gap"][-1] == pytest.approx(0, abs=1e-14)
    assert not model.converged_
    assert np.isnan(model.stability_residual_)
    model.partial_fit([[1.0]], 1 - 1.1 * model.predict([[1.0]]))
    assert model.stability_residual_ > 1


@pytest.mark.parametrize("deployed", [-1, 0, 2, 4, "June"])
def test_models_that_are_forgotten(deployed):
    model = RepeatedRiskMinimizer(LinearRegression())
    for _ in range(4):
        model.partial_fit(X, Y)
    before = pickle.dumps(model)
    if deployed == 2:
        assert model.partial_fit(X, Y, deployed=2).n_iter_ == 4
        return
    with pytest.raises(ValueError, match="is not a round whose model is remembered"):
        model.partial_fit(X, Y, deployed=deployed)
    assert pickle.dumps(model) == before


def test_no_model_before_the_first():
    model = RepeatedRiskMinimizer(LinearRegression())
    with pytest.raises(ValueError, match="no model has been deployed yet"):
        model.partial_fit(X, Y, deployed=0)
    assert not hasattr(model, "estimator_")


def test_what_describes_the_call_is_no_metadata():
    routing = RepeatedRiskMinimizer(LinearRegression()).get_metadata_routing()
    requests = str(routing)
    assert "groups" in requests
    assert "period" not in requests
    assert "deployed" not in requests


# What is set between two periods


def test_parameters_count_from_the_next_period(minimizer):
    minimizer.set_params(estimator__C=1e3).partial_fit(X, Y)
    minimizer.set_params(estimator__C=1e-4).partial_fit(X, Y)
    assert minimizer.estimator_.C == 1e-4
    assert minimizer.n_iter_ == 1
    expected = LogisticRegression(C=1e-4).fit(X, Y)
    assert_allclose(minimizer.estimator_.coef_, expected.coef_, atol=1e-6)


def test_parameters_of_a_step_count_too():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=1e3))
    model = pickle.loads(pickle.dumps(RepeatedRiskMinimizer(pipeline)))
    model.partial_fit(X, Y)
    model = pickle.loads(pickle.dumps(model))
    model.set_params(estimator__logisticregression__C=1e-4).partial_fit(X, Y)
    assert model.estimator_[-1].C == 1e-4
    assert model.n_iter_ == 1


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"estimator": GaussianNB()}, "estimator"),
        ({"response_method": "decision_function"}, "response_method"),
        ({"pos_label": 0}, "pos_label"),
    ],
)
def test_a_new_record_is_told(minimizer, params, name):
    minimizer.partial_fit(X, Y).partial_fit(X, Y)
    deployed = minimizer.predict_proba(X)[:, 1]
    minimizer.set_params(**params)
    with pytest.warns(UserWarning, match=f"Another {name} than before: a new record"):
        minimizer.partial_fit(X, Y)
    assert minimizer.n_iter_ == 1
    if name == "estimator":
        assert isinstance(minimizer.estimator_, GaussianNB)
        moved = minimizer.predict_proba(X)[:, 1] - deployed
        gap = minimizer.history_["prediction_gap"][0]
        assert gap == pytest.approx(np.sqrt(np.mean(moved**2)))


# Periods of different size


class Mean(RegressorMixin, BaseEstimator):
    """Knows no weights."""

    def fit(self, X, y):
        self.mean_ = np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


BIG = np.zeros((1000, 1)), np.zeros(1000)
SMALL = np.zeros((10, 1)), np.ones(10)


@pytest.mark.parametrize("estimator", [DummyRegressor(), Mean()])
@pytest.mark.parametrize(
    ("coefficients", "expected"), [("uniform", 0.5), ("size", 10 / 1010)]
)
def test_a_mixture_has_one_meaning(estimator, coefficients, expected):
    """Each period counts the same, or each row, with weights and without."""
    model = AffineRiskMinimizer(estimator, coefficients=coefficients, random_state=0)
    model.partial_fit(*BIG).partial_fit(*BIG)
    if coefficients == "uniform" and isinstance(estimator, Mean):
        with pytest.warns(UserWarning, match="has 20 of 1010 rows"):
            model.partial_fit(*SMALL)
    else:
        model.partial_fit(*SMALL)
    assert model.predict([[0.0]])[0] == pytest.approx(expected, rel=1e-12)


def test_size_counts_weights():
    model = AffineRiskMinimizer(DummyRegressor(), coefficients="size")
    model.partial_fit(*BIG).partial_fit(*BIG, sample_weight=np.full(1000, 0.1))
    model.partial_fit(*SMALL, sample_weight=np.full(10, 30.0))
    assert model.predict([[0.0]])[0] == pytest.approx(300 / 400)
