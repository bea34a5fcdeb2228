# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Minimizers on tables that are read in batches, beside the same in memory."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.batches import Batches, IncrementalEstimator
from skperf.exceptions import SchemaError
from skperf.shift import (
    BaseShift,
    BudgetedResponse,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    QuantilePolicy,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    StrategicResponse,
    ThresholdPolicy,
    _rejection_blocks,
)

FACES = ["expected", "common", "drawn"]
KINDS = {
    "last": (RepeatedRiskMinimizer, {}),
    "window": (AffineRiskMinimizer, {"window": 3}),
    "all": (AffineRiskMinimizer, {}),
}
SHIFTS = {
    **{f"whole rows, {f}": ResampleIfRejected(0.4, resampling=f) for f in FACES},
    **{
        f"columns, {f}": ResampleIfRejected(
            0.4, strategic_features=[3, 1], resampling=f
        )
        for f in FACES
    },
    "memory": MemoryShift(ResampleIfRejected(0.4), decay=0.5),
    "lagged": LaggedShift(ResampleIfRejected(0.4), n_groups=2),
    "worst": QuantilePolicy(ResampleIfRejected(0.4, strategic_features=[3]), 0.2),
    "above": ThresholdPolicy(ResampleIfRejected(0.4), 0.6),
    "can pay": QuantilePolicy(BudgetedResponse(0.5, strategic_features=[1]), 0.2),
}

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # stopped early on purpose
)


@pytest.fixture(scope="module")
def population():
    X, y = make_classification(1000, 5, n_redundant=0, random_state=0)
    return X, y.astype(float), np.random.default_rng(0).uniform(0.5, 2, len(X))


def in_batches(X, *columns, batch_size=300):
    """Return a table and columns of it, in four batches."""
    table = Batches.from_array(np.column_stack([X, *columns]), batch_size=batch_size)
    n_features = X.shape[1]
    parts = [table[n_features + i] for i in range(len(columns))]
    return table[list(range(n_features))], *parts


def as_dealt(*columns):
    """Return rows in the order in which batches of memory take them."""
    order = np.concatenate([np.arange(len(columns[0]))[k::4] for k in range(4)])
    return [column[order] for column in columns]


def counting():
    """Return an estimator that does not mind how its rows are batched."""
    return IncrementalEstimator(GaussianNB())


def small_steps():
    """Return a stochastic solver that does not let rounding errors grow."""
    return SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=0.01, random_state=0
    )


def _slow(case):
    return pytest.param(case, marks=pytest.mark.slow)


@pytest.mark.parametrize("weighted", [True, _slow(False)])
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("kind", ["window", _slow("last"), _slow("all")])
def test_equal_to_memory(population, kind, shift, weighted):
    make, params = KINDS[kind]
    X, y, weights = population
    weights = weights if weighted else None
    table, labels = in_batches(X, y)
    model, other = (
        make(counting(), SHIFTS[shift], max_iter=3, tol=0, random_state=0, **params)
        for _ in range(2)
    )
    model.fit(X, y, weights)
    other.fit(table, labels, weights)
    assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-8)
    assert_allclose(other.predict_proba(table), model.predict_proba(X), atol=1e-8)
    for name, column in model.history_.items():
        if name not in ("fit_time", "n_rows", "n_rows_seen"):
            assert_allclose(other.history_[name], column, atol=1e-8, err_msg=name)
    assert other.diagnosis_ == model.diagnosis_


def test_weights_may_be_a_column(population):
    X, y, weights = population
    model = RepeatedRiskMinimizer(counting(), ResampleIfRejected(0.4), random_state=0)
    expected = model.fit(X, y, weights).predict_proba(X)
    model.fit(*in_batches(X, y, weights))
    assert_allclose(model.predict_proba(X), expected, atol=1e-8)
    with pytest.raises(ValueError, match="Negative values"):
        model.fit(*in_batches(X, y, -weights))


@pytest.mark.exact  # the same steps, in the same order
def test_same_batches_same_steps(population):
    """A stochastic solver makes the very steps that it makes in memory."""
    X, y, _ = population
    model = RepeatedRiskMinimizer(
        IncrementalEstimator(small_steps(), n_epochs=3, batch_size=250),
        ResampleIfRejected(0.4),
        random_state=0,
    )
    expected = model.fit(X, y).predict_proba(X)
    model.fit(*in_batches(*as_dealt(X, y), batch_size=250))
    assert_allclose(model.predict_proba(X), expected, atol=1e-8)


@pytest.mark.parametrize("resampling", FACES)
def test_pool_of_everyone(population, monkeypatch, resampling):
    """Donors from a pool give the law that all rows give, also of a sorted table."""
    monkeypatch.setattr(_rejection_blocks, "_N_POOLED", 200)
    X, y, weights = population
    order = np.argsort(X[:, 3])  # blocks differ in what they could donate
    X, y, weights = X[order], y[order], weights[order]
    shift = ResampleIfRejected(
        0.4, strategic_features=[3], resampling=resampling, n_donors=2
    )
    y_pred = np.full(len(X), 0.5)
    means = []
    for seed in range(20):
        world = shift.bind(*in_batches(X, y), sample_weight=weights, random_state=seed)
        sample = world(y_pred)
        moved = np.concatenate(list(sample.X.blocks()))
        means.append(np.average(moved, axis=0, weights=sample.sample_weight))
    mean, error = np.mean(means, axis=0), np.std(means, axis=0) / np.sqrt(20)
    assert_allclose(mean, np.average(X, axis=0, weights=weights), atol=4 * error.max())
    assert error[3] > 0


def test_large_tables_draw_by_row(population, monkeypatch):
    """What a row throws does not depend on the batch that it is in."""
    monkeypatch.setattr(_rejection_blocks, "_N_POOLED", 200)
    X, y, _ = population
    shift = ResampleIfRejected(0.4, strategic_features=[3], resampling="common")
    samples = [
        shift.bind(*in_batches(X, y, batch_size=size), random_state=0)(
            np.full(len(X), 0.5)
        )
        for size in (300, 1000)
    ]
    few, one = (np.concatenate(list(sample.X.blocks())) for sample in samples)
    np.testing.assert_array_equal(few, one)
    assert 0.6 < np.mean(few[:, 3] != X[:, 3]) < 0.8  # rejected with probability 0.7
    assert set(few[:, 3]) <= set(X[:, 3])


@pytest.mark.exact  # the same steps, in the same order
def test_strategic_response(population):
    X, y, _ = population
    for solver in (
        small_steps(),  # tells its gradient
        GaussianNB(),  # gets differences
    ):
        model = RepeatedRiskMinimizer(
            IncrementalEstimator(solver, batch_size=250),
            StrategicResponse(0.1, strategic_features=[1]),
            max_iter=2,
        )
        expected = model.fit(X, y).predict_proba(X)
        model.fit(*in_batches(*as_dealt(X, y), batch_size=250))
        assert_allclose(model.predict_proba(X), expected, atol=1e-6)


@pytest.mark.exact  # the same steps, in the same order
def test_outcomes(population):
    X, _, targets = population
    model = RepeatedRiskMinimizer(
        IncrementalEstimator(SGDRegressor(random_state=0), batch_size=250),
        OutcomeShift(0.5),
        max_iter=2,
    )
    expected = model.fit(X, targets).predict(X)
    model.fit(*in_batches(*as_dealt(X, targets), batch_size=250))
    assert_allclose(model.predict(X), expected, atol=1e-8)
    with pytest.raises(TypeError, match="feedback to a number"):
        OutcomeShift(0.5, spread=1.0).bind(*in_batches(X, targets))


class Discourage(BaseShift):
    """A shift of somebody else's."""

    def sample(
        self,
        X,
        y,
        y_pred,
        *,
        predictor=None,
        sample_weight=None,
        random_state=None,
    ):
        base = 1.0 if sample_weight is None else sample_weight
        return Sample(X, y, base * np.exp(-y_pred))


class DiscourageEach(Discourage):
    by_rows = ("sample_weight",)


def test_shifts_of_others(population):
    X, y, _ = population
    table = in_batches(X, y)
    with pytest.raises(TypeError, match="by_rows"):
        RepeatedRiskMinimizer(counting(), Discourage()).fit(*table)
    model = RepeatedRiskMinimizer(counting(), Discourage(), max_iter=2).fit(X, y)
    other = RepeatedRiskMinimizer(counting(), DiscourageEach(), max_iter=2).fit(*table)
    assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-8)


@pytest.mark.parametrize(
    ("shift", "estimator"),
    [
        (SelfFulfillingShift(0.5), counting()),
        (ResampleIfRejected(0.5), GaussianNB()),
        (ResampleIfRejected(0.5), make_pipeline(StandardScaler(), GaussianNB())),
    ],
)
def test_what_needs_all_rows_says_so(population, shift, estimator):
    X, y, _ = population
    with pytest.raises(TypeError, match="never loaded as a whole"):
        RepeatedRiskMinimizer(estimator, shift).fit(*in_batches(X, y))


def test_batches_that_do_not_match(population):
    X, y, _ = population
    table, _ = in_batches(X, y)
    _, labels = in_batches(X, y, batch_size=200)
    with pytest.raises(ValueError, match="same batch_size"):
        RepeatedRiskMinimizer(counting(), ResampleIfRejected(0.5)).fit(table, labels)


def test_observed_periods(population):
    X, y, _ = population
    model = AffineRiskMinimizer(counting(), window=2)
    other = AffineRiskMinimizer(counting(), window=2)
    for rows in (slice(0, 400), slice(400, 700), slice(700, None)):
        model.partial_fit(X[rows], y[rows])
        other.partial_fit(*in_batches(X[rows], y[rows], batch_size=150))
    assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-8)
    assert model.n_iter_ == 2
    with pytest.raises(SchemaError, match="X has 4 features"):
        other.partial_fit(*in_batches(X[:, :4], y))


def test_a_stored_minimizer(population):
    X, y, _ = population
    model = RepeatedRiskMinimizer(counting()).partial_fit(*in_batches(X, y))
    other = pickle.loads(pickle.dumps(model))
    for one in (model, other):
        one.partial_fit(*in_batches(X + 1, y))
    assert_allclose(other.predict_proba(X), model.predict_proba(X), atol=1e-12)


@pytest.mark.exact  # the same steps, in the same order
def test_torch_modules(population):
    torch = pytest.importorskip("torch")
    from skperf.neural_network import TorchClassifier

    X, y, _ = population
    torch.set_num_threads(1)
    net = TorchClassifier(
        optimizer="adam", optimizer_params={"lr": 0.01}, batch_size=100, random_state=0
    )
    model = RepeatedRiskMinimizer(
        IncrementalEstimator(net, n_epochs=3, batch_size=250),
        ResampleIfRejected(0.4),
        max_iter=2,
        random_state=0,
    )
    expected = model.fit(X, y).predict_proba(X)
    model.fit(*in_batches(*as_dealt(X, y), batch_size=250))
    assert_allclose(model.predict_proba(X), expected, atol=1e-5)  # float32
    assert model.score(X, y) > 0.7
