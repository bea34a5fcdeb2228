# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm.model._cache import States
from skperf.llm.model._logit_function import LogitFunction
from skperf.llm.tuning._row import (
    _data,
    _in_bulk,
    _Problem,
    fit_row,
    flag_mass,
    log_odds,
)


@pytest.fixture
def problem():
    """Return states of 30 ragged texts, labels that are hard to tell, and weights."""
    rng = np.random.default_rng(0)
    flagged = np.arange(30) % 2
    states = []
    for label in flagged:
        n = rng.integers(1, 9)
        mean = 0.4 * label + np.array([0, 3, 0, 1])
        hidden = rng.normal(mean, [1, 5, 0.1, 1], size=(n, 4))
        states.append(States(torch.from_numpy(hidden), torch.from_numpy(rng.random(n))))
    return states, flagged, rng.uniform(0.5, 2, size=30)


def flat(states, weight):
    """Return all positions' states, offsets, weights and texts."""
    lengths = [len(s.hidden) for s in states]
    hidden = np.concatenate([s.hidden.double().numpy() for s in states])
    offset = -np.concatenate([s.log_normalizer.double().numpy() for s in states])
    return hidden, offset, np.repeat(weight / lengths, lengths), lengths


def dense_optimum(states, flagged, weight, C):
    """Minimise the loss as the reference writes it, with nothing shared but scipy."""
    hidden, offset, spread, lengths = flat(states, weight)
    y = np.repeat(flagged, lengths)
    mean = np.average(hidden, axis=0, weights=spread)
    scale = np.sqrt(np.average((hidden - mean) ** 2, axis=0, weights=spread))

    def loss(row):
        s = hidden @ row[:-1] + row[-1] + offset
        penalty = np.sum((row[:-1] * scale) ** 2) / 2
        p = np.where(y == 1, expit(s), expit(-s))
        return C * np.sum(-spread * np.log(p)) + penalty

    start = np.zeros(hidden.shape[1] + 1)
    return minimize(loss, start, method="BFGS", options={"gtol": 1e-7}).x


@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_the_optimum_of_a_dense_problem(problem, C):
    states, flagged, weight = problem
    row, _, converged = fit_row(states, flagged, weight, C=C, max_iter=1000, tol=1e-10)
    expected = dense_optimum(states, flagged, weight, C)
    # BFGS with numerical derivatives finds about five digits
    assert_allclose([*row.coef, row.intercept], expected, rtol=1e-3, atol=1e-5)
    assert converged


def test_the_optimum_of_logistic_regression_with_an_offset_column(problem):
    """A column K * offset, with a large K, costs next to no penalty at slope 1 / K.

    scikit-learn fits that slope freely. So the offset is scaled until the free slope is
    1: at that scale the two problems have the same optimum.
    """
    states, flagged, weight = problem
    hidden, offset, spread, lengths = flat(states, weight)
    y = np.repeat(flagged, lengths)
    big = 1e4
    probe = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12)
    mean = np.average(hidden, axis=0, weights=spread)
    scale = np.sqrt(np.average((hidden - mean) ** 2, axis=0, weights=spread))
    columns = np.column_stack([(hidden - mean) / scale, big * offset])
    probe.fit(columns, y, sample_weight=spread)
    slope = probe.coef_[0, -1] * big
    scaled = [States(s.hidden, s.log_normalizer * slope) for s in states]
    row, _, _ = fit_row(scaled, flagged, weight, C=1.0, max_iter=1000, tol=1e-12)
    # the penalty on slope / big is 1e-8 of the others
    assert_allclose(row.coef * scale, probe.coef_[0, :-1], rtol=1e-5)
    intercept = row.intercept + row.coef @ mean
    assert intercept == pytest.approx(probe.intercept_[0], rel=1e-5)


def test_without_normalizers_it_is_logistic_regression(problem):
    states, flagged, weight = problem
    hidden, _, spread, lengths = flat(states, weight)
    bare = [States(s.hidden, None) for s in states]
    row, _, _ = fit_row(bare, flagged, weight, C=0.3, max_iter=1000, tol=1e-12)
    mean = np.average(hidden, axis=0, weights=spread)
    scale = np.sqrt(np.average((hidden - mean) ** 2, axis=0, weights=spread))
    probe = LogisticRegression(C=0.3, tol=1e-12, max_iter=10_000)
    probe.fit(
        (hidden - mean) / scale, np.repeat(flagged, lengths), sample_weight=spread
    )
    assert_allclose(row.coef * scale, probe.coef_[0], rtol=1e-6)
    scores = np.concatenate([log_odds(row, s) for s in bare])
    assert_allclose(scores, probe.decision_function((hidden - mean) / scale), atol=1e-7)


@pytest.mark.parametrize("cap", [np.inf, 3.0])
def test_the_gradient(problem, cap):
    states, flagged, weight = problem
    function = LogitFunction(cap=cap)
    loss = _Problem(**_data(states, flagged, weight, 1.0), function=function)
    point = np.random.default_rng(1).normal(size=5)
    numeric = approx_fprime(point, lambda p: loss.loss_and_gradient(p)[0], 1e-7)
    assert_allclose(loss.loss_and_gradient(point)[1], numeric, atol=1e-5)


def test_a_scale_changes_the_row_and_not_the_scores(problem):
    states, flagged, weight = problem
    options = {"C": 1.0, "max_iter": 1000, "tol": 1e-10}
    plain, _, _ = fit_row(states, flagged, weight, **options)
    scaled = LogitFunction(before=0.5, scale=0.25)
    row, _, _ = fit_row(states, flagged, weight, **options, function=scaled)
    assert_allclose(row.coef, 8 * plain.coef)
    assert_allclose(log_odds(row, states[0]), log_odds(plain, states[0]))


def test_a_cap_that_is_far_away_changes_nothing(problem):
    states, flagged, weight = problem
    options = {"C": 1.0, "max_iter": 1000, "tol": 1e-10}
    plain, _, _ = fit_row(states, flagged, weight, **options)
    capped = LogitFunction(cap=1e6)
    row, _, _ = fit_row(states, flagged, weight, **options, function=capped)
    assert_allclose(row.coef, plain.coef, rtol=1e-5)


def test_the_block_size_does_not_matter(problem, monkeypatch):
    states, flagged, weight = problem
    point = np.random.default_rng(1).normal(size=5)
    loss, gradient = _Problem(**_data(states, flagged, weight, 1.0)).loss_and_gradient(
        point
    )
    monkeypatch.setattr("skperf.llm.tuning._row._BLOCK", 12)
    blocks = _Problem(**_data(states, flagged, weight, 1.0))
    assert len(list(blocks._blocks())) > 10
    assert blocks.loss_and_gradient(point)[0] == pytest.approx(loss, rel=1e-12)
    assert_allclose(blocks.loss_and_gradient(point)[1], gradient, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_optimum_is_as_exact_for_coarse_states(problem, dtype):
    states, flagged, weight = problem
    coarse = [States(s.hidden.to(dtype), s.log_normalizer.float()) for s in states]
    exact = [States(s.hidden.double(), s.log_normalizer.double()) for s in coarse]
    rows = [
        fit_row(some, flagged, weight, C=1.0, max_iter=1000, tol=1e-10)[0]
        for some in (coarse, exact)
    ]
    assert_allclose(rows[0].coef, rows[1].coef, rtol=1e-12)


def test_a_unit_that_never_differs_has_no_weight(problem):
    states, flagged, weight = problem
    constant = [
        States(torch.cat([s.hidden, torch.full((len(s.hidden), 1), 0.1)], dim=1), None)
        for s in states
    ]
    row, _, _ = fit_row(constant, flagged, weight, C=1.0, max_iter=1000, tol=1e-10)
    assert row.coef[-1] == pytest.approx(0, abs=1e-10)


def test_too_few_iterations_are_told(problem):
    _, n_iter, converged = fit_row(*problem, C=1.0, max_iter=2, tol=1e-10)
    assert n_iter == 2
    assert not converged


def test_the_mass_of_the_flag():
    p = np.array([0.5, 0.9])
    expected = np.mean(-np.log(1 - p))
    assert flag_mass(np.log(p / (1 - p))) == pytest.approx(expected)


@pytest.mark.parametrize("C", [0.1, 10.0])
def test_a_row_without_an_intercept(problem, C):
    states, flagged, weight = problem
    row, _, converged = fit_row(
        states, flagged, weight, C=C, max_iter=1000, tol=1e-10, fit_intercept=False
    )
    assert converged
    assert row.intercept == 0
    hidden, offset, spread, lengths = flat(states, weight)
    y = np.repeat(flagged, lengths)
    mean = np.average(hidden, axis=0, weights=spread)
    scale = np.sqrt(np.average((hidden - mean) ** 2, axis=0, weights=spread))

    def loss(coef):
        p = expit(np.where(y == 1, 1, -1) * (hidden @ coef + offset))
        return C * np.sum(-spread * np.log(p)) + np.sum((coef * scale) ** 2) / 2

    found = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7}).x
    # BFGS with numerical derivatives finds about five digits
    assert_allclose(row.coef, found, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("n_positions", [1, 10, 1000])
def test_log_odds_in_bulk(problem, n_positions, monkeypatch):
    monkeypatch.setattr("skperf.llm.tuning._row._POSITIONS", n_positions)
    states, flagged, weight = problem
    row, _, _ = fit_row(states, flagged, weight, C=1.0, max_iter=9, tol=1e-3)
    for some in (states, [text._replace(log_normalizer=None) for text in states]):
        for scores, text in zip(_in_bulk(row, some), some, strict=True):
            assert_allclose(scores, log_odds(row, text), rtol=1e-12, atol=1e-12)
