# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Properties of the retraining loop that hold for every population or feedback."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import (
    FunctionShift,
    OutcomeShift,
    Predictor,
    ResampleIfRejected,
    StrategicResponse,
    TransformedPredictionShift,
)
from skperf.testing.strategies import populations

# Most paths here have a fixed number of rounds (tol=0) and end with that warning.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Retraining is not stable:sklearn.exceptions.ConvergenceWarning"
)

both_minimizers = pytest.mark.parametrize(
    "minimizer", [RepeatedRiskMinimizer, AffineRiskMinimizer]
)


@pytest.fixture(scope="module")
def population():
    return make_classification(100, n_features=4, flip_y=0.2, random_state=0)


def assert_same_path(first, second, X):
    """Compare records and final predictions to the last bit."""
    assert list(first.history_) == list(second.history_)
    for name in set(first.history_) - {"fit_time"}:
        assert_array_equal(first.history_[name], second.history_[name], name)
    assert_array_equal(first.predict(X), second.predict(X))
    if hasattr(first.estimator_, "coef_"):
        assert_array_equal(first.estimator_.coef_, second.estimator_.coef_)


# A window of one snapshot is repeated risk minimization

EXPECTED = ResampleIfRejected(0.3)
DONORS = ResampleIfRejected(0.3, strategic_features=[0, 1])
COMMON = ResampleIfRejected(0.3, resampling="common")
DRAWN = ResampleIfRejected(0.3, strategic_features=[0], resampling="drawn")


@pytest.mark.parametrize("coefficients", ["uniform", "anderson"])
@pytest.mark.parametrize(
    ("estimator", "shift"),
    [
        (LogisticRegression(), EXPECTED),
        (LogisticRegression(warm_start=True), DONORS),
        (LogisticRegression(), COMMON),
        (LogisticRegression(), DRAWN),
        (LogisticRegression(), StrategicResponse(0.2)),
        (Ridge(), TransformedPredictionShift(DONORS, expit)),
        (Ridge(), OutcomeShift(-0.4)),
        (DecisionTreeClassifier(max_depth=3, random_state=0), DRAWN),
    ],
)
@pytest.mark.parametrize("tol", [0, 1e-3])
def test_window_of_one_is_rrm(estimator, shift, coefficients, tol, population):
    X, y = population
    params = {"max_iter": 6, "tol": tol, "random_state": 0}
    rrm = RepeatedRiskMinimizer(estimator, shift, **params).fit(X, y)
    arm = AffineRiskMinimizer(
        estimator, shift, **params, window=1, coefficients=coefficients
    ).fit(X, y)
    assert_same_path(rrm, arm, X)
    for name in ("n_iter_", "converged_", "diagnosis_", "stability_residual_"):
        assert getattr(rrm, name) == getattr(arm, name)


# Mixing a law with itself


@pytest.mark.parametrize("window", [2, 0.5, None])
@pytest.mark.parametrize("shared_rows", [True, False])
def test_mixture_of_equal_samples_is_the_sample(shared_rows, window, population):
    """Its total weight too, which a penalty is weighed against.

    Rows are the same if their contents are, whichever object they come in.
    """
    X, y = population
    seen, weights = -y, np.linspace(1, 2, len(y))
    model = AffineRiskMinimizer(Ridge(alpha=30), window=window).partial_fit(X, y)
    for _ in range(4):
        rows = X if shared_rows else X.copy()
        model.partial_fit(rows, seen, sample_weight=weights)
    assert model.history_["n_rows"][-1] == len(y)
    alone = Ridge(alpha=30).fit(X, seen, sample_weight=weights)
    assert_allclose(model.predict(X), alone.predict(X), rtol=0, atol=1e-12)


# Weight k equals k copies


@both_minimizers
@given(population=populations(min_rows=6), repeats=st.data())
@settings(max_examples=10)
def test_weights_are_copies(minimizer, population, repeats):
    """Only in the expected face, whose sample is a function of the weighted law."""
    X, y = population
    k = np.array(
        repeats.draw(st.lists(st.integers(1, 4), min_size=len(y), max_size=len(y)))
    )
    # solved in closed form, so that rounding is all that differs
    squashed = TransformedPredictionShift(EXPECTED, expit)
    model = minimizer(Ridge(), squashed, max_iter=3, tol=0)
    model.fit(X, y, sample_weight=k)
    weighted, history = model.estimator_.coef_, model.history_
    model.fit(np.repeat(X, k, axis=0), np.repeat(y, k))
    assert_allclose(weighted, model.estimator_.coef_, rtol=0, atol=1e-10)
    # the gap may become exactly 0 in one of them, which ends even a path with tol=0
    n_rounds = min(len(history["n_fits"]), model.n_iter_)
    for name in ("risk_before", "risk_after", "prediction_gap"):
        first, second = history[name][:n_rounds], model.history_[name][:n_rounds]
        assert_allclose(first, second, rtol=0, atol=1e-10)


# What the shift does in fit, the world does before partial_fit


@both_minimizers
@pytest.mark.parametrize("shift", [EXPECTED, DONORS, COMMON, DRAWN], ids=str)
def test_partial_fit_follows_fit(minimizer, shift, population):
    X, y = population
    weights = np.random.default_rng(0).uniform(0.5, 2, size=len(y))
    fitted = minimizer(LogisticRegression(), shift, max_iter=4, tol=0, random_state=7)
    fitted.fit(X, y, sample_weight=weights)

    world = shift.bind(
        X, y, sample_weight=weights, random_state=np.random.RandomState(7)
    )
    state = world.start()
    live = minimizer(LogisticRegression(), tol=0)
    live.partial_fit(X, y, sample_weight=weights)
    assert fitted.n_iter_ >= 3  # the common face can come to rest before round 4
    for _ in range(fitted.n_iter_):
        seen, state = world.react(state, Predictor(live))
        live.partial_fit(seen.X, seen.y, sample_weight=seen.sample_weight)
    assert_same_path(fitted, live, X)


# The linear world: y + A f with least squares, in which retraining is exact


def norm(f):
    """Return the root mean square: each row of the population counts the same."""
    return np.sqrt(np.mean(np.square(f), axis=-1))


def rotation(rng, n_rows):
    """Return a random orthogonal matrix."""
    return np.linalg.qr(rng.normal(size=(n_rows, n_rows)))[0]


class RandomMixture:
    """Coefficients from the simplex, and a record of what they mixed."""

    def __init__(self, rng):
        self.rng = rng
        self.mixed = []  # (coefficients, predictions of the models) of each round

    def __call__(self, snapshots):
        coefficients = self.rng.dirichlet(np.full(len(snapshots), 0.5))
        self.mixed.append((coefficients, [s.y_pred for s in snapshots]))
        return coefficients


@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(1, 4),
    rho=st.floats(0.1, 0.8),
    window=st.integers(1, 3),
)
@settings(max_examples=10)
def test_convex_mixtures_converge_where_retraining_contracts(seed, n_rows, rho, window):
    r"""e_{t+1}^2 <= rho^2 sum_i alpha_i e_i^2, so the error falls by rho a window.

    The outcomes are y +- b with probabilities that f moves, their mean is y + A f with
    A = rho O, O orthogonal: no norm shrinks by more or less than rho.
    """
    rng = np.random.default_rng(seed)
    A, y = rho * rotation(rng, n_rows), rng.normal(size=n_rows)
    stable = np.linalg.solve(np.eye(n_rows) - A, y)
    mixture = RandomMixture(rng)
    model = AffineRiskMinimizer(
        LinearRegression(fit_intercept=False),
        # |A f| stays under 5 |y| sqrt(n_rows) <= 10 |y| as rho <= 0.8
        OutcomeShift(A, spread=20 * np.linalg.norm(y) + 1),
        window=window,
        coefficients=mixture,
        max_iter=400,  # 3 * log(1e7) / log(1 / 0.8) = 217 rounds shrink by 1e-7
        tol=1e-6,
    ).fit(np.eye(n_rows), y)
    assert model.diagnosis_ == "converged"
    # |f - stable| <= |f - G(f)| / (1 - rho)
    assert norm(model.predict(np.eye(n_rows)) - stable) <= 1e-6 / (1 - rho) + 1e-11

    errors = [norm(np.array(y_preds) - stable) for _, y_preds in mixture.mixed]
    for (coefficients, _), old, new in zip(
        mixture.mixed, errors, errors[1:], strict=False
    ):
        bound = rho * np.sqrt(coefficients @ old**2)
        assert new[-1] <= bound * (1 + 1e-9) + 1e-11


class InexactRegression(LinearRegression):
    """Least squares on identity features that misses by a fixed distance."""

    def __init__(self, miss=0.1, rng=None):
        super().__init__(fit_intercept=False)
        self.miss = miss
        self.rng = rng  # None misses in the same direction always

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        n_rows = X.shape[1]
        direction = (
            np.ones(n_rows) if self.rng is None else self.rng.normal(size=n_rows)
        )
        self.coef_ = self.coef_ + self.miss * direction / norm(direction)
        return self


def inexact_path(A, y, n_rounds, **params):
    """Return the predictions of the models that were deployed in RRM."""
    path = []

    def respond(X, y, y_pred):
        path.append(y_pred)
        return X, y + A @ y_pred

    RepeatedRiskMinimizer(
        InexactRegression(**params), FunctionShift(respond), max_iter=n_rounds, tol=0
    ).fit(np.eye(len(y)), y)
    return np.array(path[:n_rounds])


@given(seed=st.integers(0, 2**32 - 1), rho=st.floats(0.1, 0.9))
@settings(max_examples=10)
def test_inexact_fits_end_in_a_neighborhood(seed, rho):
    """|f_t - stable| <= rho^t |f_0 - stable| + miss / (1 - rho), for any misses."""
    rng = np.random.default_rng(seed)
    A, y = rho * rotation(rng, 3), rng.normal(size=3)
    errors = inexact_path(A, y, 25, rng=np.random.RandomState(seed))
    errors = norm(errors - np.linalg.solve(np.eye(3) - A, y))
    bound = rho ** np.arange(25) * errors[0] + 0.1 / (1 - rho)
    assert (errors <= bound + 1e-12).all()
    # the misses do not fade away: a step moves the error by the miss, up to rho
    assert (errors[1:] + rho * errors[:-1] >= 0.1 - 1e-12).all()


def test_neighborhood_is_reached():
    """Misses in one direction add up to the whole radius, 0.1 / (1 - 0.5)."""
    y = np.array([1.0, -1.0])
    path = inexact_path(0.5 * np.eye(2), y, 60)
    assert_allclose(norm(path[-1] - 2 * y), 0.2, rtol=1e-12)


# Pure noise

N_ROUNDS, N_RUNS = 40, 200


def noise_gap(window):
    """Return the root mean square gap of models that only see fresh noise.

    At delta = 1 each round is a bootstrap sample of the base rows, whatever the model
    says, and the model is its mean. Each column of y is a run of its own.
    """
    y = np.random.default_rng(0).normal(size=(300, N_RUNS))
    shift = TransformedPredictionShift(
        ResampleIfRejected(1, resampling="drawn"), lambda y_pred: np.zeros(len(y_pred))
    )
    model = AffineRiskMinimizer(
        DummyRegressor(), shift, window=window, max_iter=N_ROUNDS, tol=0, random_state=1
    ).fit(np.zeros((300, 1)), y)
    gaps = model.history_["prediction_gap"][window:]  # full windows only
    return np.sqrt(np.mean(gaps**2))


@pytest.mark.parametrize("window", [2, 4, 8])
def test_noise_gap_falls_as_one_over_the_window(window):
    """The mean of a window changes by (new - dropped) / window.

    Over 32 rounds or more of 200 nearly independent runs a mean square has a relative
    error of about sqrt(2 * 2 / (32 * 200)) = 0.025, its root half of that and a ratio
    of two 0.018: 7 % are four of them.
    """
    assert noise_gap(1) / noise_gap(window) == pytest.approx(window, rel=0.07)
