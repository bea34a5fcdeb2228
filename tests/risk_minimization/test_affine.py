# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which snapshots are remembered, how they are mixed, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression, Ridge

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.retraining import Snapshot
from skperf.risk_minimization import anderson
from skperf.risk_minimization._affine import _clip, _is_signed
from skperf.shift import FunctionShift, OutcomeShift, Sample

unstable = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # stopped early on purpose
)


def live(model, outcomes):
    """Let a model of the mean see one outcome a period, the base outcome first."""
    predictions = []
    for y in outcomes:
        model.partial_fit([[1.0]], [y])
        predictions.append(model.predict([[1.0]])[0])
    return predictions


OUTCOMES = [100.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


@pytest.mark.parametrize(
    ("window", "sizes"),
    [
        (1, [1, 1, 1, 1, 1, 1]),
        (2, [1, 2, 2, 2, 2, 2]),
        (4, [1, 2, 3, 4, 4, 4]),
        (None, [1, 2, 3, 4, 5, 6]),
        (0.5, [1, 1, 2, 2, 3, 3]),
        (0.25, [1, 1, 1, 1, 2, 2]),
    ],
)
def test_window(window, sizes, least_squares):
    """The base outcome is not in the window: nobody has reacted to a model there."""
    model = AffineRiskMinimizer(least_squares, window=window)
    found = live(model, OUTCOMES)
    ends = range(2, len(OUTCOMES) + 1)
    means = [np.mean(OUTCOMES[e - n : e]) for e, n in zip(ends, sizes, strict=True)]
    assert_allclose(found, [100.0, *means], rtol=1e-14)


@unstable
@pytest.mark.parametrize("spread", [None, 5.0])
def test_window_of_one_is_repeated(spread, least_squares):
    shift = OutcomeShift(0.5, spread=spread)
    X, y = np.eye(2), np.array([1.0, 2.0])
    repeated = RepeatedRiskMinimizer(least_squares, shift, max_iter=3, tol=0)
    affine = AffineRiskMinimizer(least_squares, shift, window=1, max_iter=3, tol=0)
    assert_array_equal(repeated.fit(X, y).predict(X), affine.fit(X, y).predict(X))
    for name in ("risk_before", "risk_after", "stability_residual"):
        assert_array_equal(repeated.history_[name], affine.history_[name])


def test_snapshots_count_the_same_whatever_their_size(least_squares):
    """One row and nine rows are both one period."""
    model = AffineRiskMinimizer(least_squares, window=2)
    model.partial_fit([[1.0]], [0.0]).partial_fit([[1.0]], [0.0])
    model.partial_fit(np.ones((9, 1)), np.full(9, 6.0))
    assert model.predict([[1.0]])[0] == pytest.approx(3)


def test_mixture_weighs_as_much_as_a_snapshot():
    """A penalty must not fade with the length of the window."""
    ridge = Ridge(alpha=4.0, fit_intercept=False)
    model = AffineRiskMinimizer(ridge, window=None)
    X, y = np.ones((4, 1)), np.full(4, 6.0)
    for _ in range(5):
        model.partial_fit(X, y)
        # 4 rows of weight 1 against the penalty: 4 * 6 / (4 + 4)
        assert model.predict([[1.0]])[0] == pytest.approx(3)


def test_own_coefficients(least_squares):
    seen = []

    def newest_twice(snapshots):
        seen.append([float(s.y_pred[0]) for s in snapshots])
        n = len(snapshots)
        return np.r_[np.ones(n - 1), 2.0] / (n + 1)

    model = AffineRiskMinimizer(least_squares, window=3, coefficients=newest_twice)
    found = live(model, [0.0, 6.0, 12.0, 20.0])
    assert_allclose(found, [0, 6, (6 + 2 * 12) / 3, (6 + 12 + 2 * 20) / 4])
    # each snapshot knows the model that was deployed when it was seen
    assert_allclose(np.concatenate(seen), [0, 0, 6, 0, 6, 10])


def test_negative_coefficients_on_shared_rows(least_squares, linear_world):
    """An extrapolation is fine as long as no row's weight is negative."""

    def extrapolate(snapshots):
        return [1.0] if len(snapshots) == 1 else [-0.5, 1.5]

    model = AffineRiskMinimizer(
        least_squares,
        linear_world(0.5, spread=1.0),
        window=2,
        coefficients=extrapolate,
        max_iter=40,
    ).fit(np.eye(1), [1.0])
    f = [1.0, 0.5]
    for _ in range(model.n_iter_ - 1):
        f.append(0.5 * (1.5 * f[-1] - 0.5 * f[-2]))
    assert model.predict(np.eye(1))[0] == pytest.approx(f[-1], abs=1e-14)


def test_negative_weights_are_refused(least_squares):
    def extrapolate(snapshots):
        return [1.0] if len(snapshots) == 1 else [-0.5, 1.5]

    model = AffineRiskMinimizer(least_squares, window=2, coefficients=extrapolate)
    live(model, [0.0, 1.0])
    with pytest.raises(ValueError, match=r"negative weight: \[-0\.5  1\.5\]"):
        live(model, [2.0])


@pytest.mark.parametrize(
    "returned", [[1.0, 1.0], [0.5], [0.5, np.nan], 1.0, [[0.5, 0.5]], [0.3, 0.6]]
)
def test_invalid_coefficients(returned, least_squares):
    def choose(snapshots):
        return [1.0] if len(snapshots) == 1 else returned

    model = AffineRiskMinimizer(least_squares, coefficients=choose)
    live(model, [0.0, 1.0])
    with pytest.raises(ValueError, match="must return 2 numbers with sum 1"):
        live(model, [2.0])


@pytest.mark.parametrize(
    "params",
    [
        {"window": 0},
        {"window": 1.0},
        {"window": 0.0},
        {"window": "all"},
        {"coefficients": "best"},
    ],
)
def test_parameters_are_checked(params, least_squares):
    (name,) = params
    model = AffineRiskMinimizer(least_squares, OutcomeShift(0.5), **params)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            fit(np.eye(2), np.ones(2))


class Mean(RegressorMixin, BaseEstimator):
    """Knows no weights."""

    def fit(self, X, y):
        self.mean_ = np.mean(y)
        self.rows_ = np.asarray(X)[:, 0]
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


@unstable
def test_rows_are_drawn_where_weights_are_not_known():
    """Each snapshot gives rows in proportion to its coefficient, none twice."""
    periods = iter(range(1, 10))

    def number_rows(X, y, y_pred):
        period = next(periods)
        return np.arange(40.0)[:, None] + 100 * period, y + period

    def newest_most(snapshots):
        return {1: [1.0], 2: [0.2, 0.8], 3: [0.2, 0.0, 0.8]}[len(snapshots)]

    model = AffineRiskMinimizer(
        Mean(),
        FunctionShift(number_rows),
        window=3,
        coefficients=newest_most,
        max_iter=3,
        random_state=0,
    ).fit(np.zeros((40, 1)), np.zeros(40))
    rows = model.estimator_.rows_
    assert len(np.unique(rows)) == len(rows) == 50
    assert np.sum(rows < 200) == 10
    assert np.sum(rows < 300) == 10  # the second period has no part
    # not the first ten of them
    assert np.ptp(rows[rows < 200]) > 20


def test_anderson_needs_few_rounds(least_squares):
    """A linear map of one number is solved by one secant step."""
    shift = OutcomeShift(-3.0, spread=100.0)
    model = AffineRiskMinimizer(
        LinearRegression(fit_intercept=False), shift, coefficients="anderson", tol=1e-8
    ).fit(np.eye(1), [4.0])
    assert model.predict(np.eye(1))[0] == pytest.approx(1.0, abs=1e-9)
    assert model.n_iter_ <= 4


@pytest.mark.parametrize(
    ("weights", "signed"),
    [
        ([0.0, 2.0], False),
        ([-0.9e-12, 1.0], False),
        ([-1.5e-12, 1.0], True),
        ([-1.5e-12, 2.0], False),
        (None, False),
    ],
)
def test_a_weight_below_zero_by_rounding_is_zero(weights, signed):
    weights = None if weights is None else np.array(weights)
    sample = Sample(np.ones((2, 1)), np.ones(2), weights)
    assert bool(_is_signed(sample)) == signed
    clipped = _clip(sample).sample_weight
    if weights is not None:
        assert_array_equal(clipped, [max(weights[0], 0), weights[1]])


def test_convex_coefficients_are_the_best_of_the_simplex():
    """Against a search over all mixtures of three, in steps of a hundredth."""
    residuals = np.random.default_rng(3).normal(size=(3, 5))
    sample = Sample(np.ones((5, 1)), np.ones(5))
    snapshots = [Snapshot(sample, np.ones(5), residual) for residual in residuals]
    steps = np.arange(0, 101)
    pairs = [(i, j) for i in steps for j in steps if i + j <= 100]
    grid = np.array([(i, j, 100 - i - j) for i, j in pairs]) / 100
    best = np.linalg.norm(grid @ residuals, axis=1).min()
    found = anderson(snapshots, convex=True)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    assert np.linalg.norm(found @ residuals) <= best
    assert np.linalg.norm(found @ residuals) > 0.98 * best
