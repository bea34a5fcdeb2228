# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

"""The fit for a GPU, on the CPU: torch computes the same on both."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm.model._cache import States
from skperf.llm.model._logit_function import LogitFunction
from skperf.llm.tuning import _newton
from skperf.llm.tuning._newton import DeviceProblem
from skperf.llm.tuning._row import PRODUCT, _data, _Problem, fit_row

CPU = torch.device("cpu")
N_HIDDEN = 12


@pytest.fixture(scope="module")
def data():
    """Return states of 40 texts whose units are correlated, labels, and weights."""
    rng = np.random.default_rng(0)
    flagged = np.arange(40) % 2
    mix = rng.normal(size=(N_HIDDEN, N_HIDDEN)) * np.geomspace(1, 0.01, N_HIDDEN)
    center = rng.normal(0, 10, size=N_HIDDEN)
    states = []
    for label in flagged:
        n = rng.integers(1, 30)
        hidden = (rng.normal(size=(n, N_HIDDEN)) + 0.3 * label) @ mix + center
        logs = 8 + rng.normal(size=n)
        states.append(States(torch.from_numpy(hidden), torch.from_numpy(logs)))
    return states, flagged, rng.uniform(0.5, 2, size=40)


def problem_on(device_class, data, C, **options):
    options = {"fit_intercept": True, "function": PRODUCT} | options
    return device_class(**_data(*data, C), **options)


@pytest.mark.parametrize("function", [PRODUCT, LogitFunction(0.5, 2.0, 30.0)])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_the_optimum_is_that_of_the_fit_on_the_cpu(data, C, fit_intercept, function):
    options = {"fit_intercept": fit_intercept, "function": function}
    fits = [
        fit_row(*data, C=C, **options, max_iter=20_000, tol=1e-12, device=device)
        for device in (None, CPU)
    ]
    (there, _, _), (here, n_iter, converged) = fits
    assert converged
    assert n_iter < 20
    problem = problem_on(_Problem, data, C, **options)
    points = [_params(problem, row) for row in (there, here)]
    losses, slopes = zip(*map(problem.loss_and_gradient, points), strict=True)
    assert losses[1] <= losses[0] + 1e-15
    assert_allclose(slopes[1], 0, atol=1e-7)
    # L-BFGS stops where rounding hides what is left: where the loss is flat, early
    flat = C > 1 or not fit_intercept
    assert_allclose(*points, atol=1e-3 if flat else 1e-6)


def _params(problem, row):
    """Return what the CPU's problem calls the parameters of a row."""
    function = row.function
    coef = row.coef * function.before * function.scale
    intercept = row.intercept * function.scale + coef @ problem.center
    return np.append(coef * problem.scale, intercept)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_loss_is_that_of_the_fit_on_the_cpu(data, fit_intercept):
    there = problem_on(_Problem, data, 1.0, fit_intercept=fit_intercept)
    here = problem_on(DeviceProblem, data, 1.0, fit_intercept=fit_intercept, device=CPU)
    assert_allclose(here.start()[: N_HIDDEN + 1], there.start(), rtol=1e-12)
    params = np.random.default_rng(1).normal(size=N_HIDDEN + 1) / 4
    params[-1] *= fit_intercept
    padded = torch.zeros_like(here.start())
    padded[: N_HIDDEN + 1] = torch.from_numpy(params)
    loss, gradient = there.loss_and_gradient(params)
    point = here.at(padded)
    assert point.loss.item() == pytest.approx(loss, rel=1e-12)
    assert_allclose(point.gradient[: N_HIDDEN + 1], gradient, atol=1e-12)
    assert not point.gradient[N_HIDDEN + 1 :].any()
    for mine, theirs in zip(
        here.scaled_row(padded), there.scaled_row(params), strict=True
    ):
        assert_allclose(mine, theirs, rtol=1e-9)


def test_the_hessian(data):
    problem = problem_on(DeviceProblem, data, 1.0, device=CPU)
    rng = np.random.default_rng(1)
    at, direction = torch.from_numpy(rng.normal(size=(2, 16)) / 4)

    def slope(t):
        return (problem.at(at + t[0] * direction).gradient @ direction).item()

    bent = problem.bend(problem.at(at).curvature, direction)
    numeric = approx_fprime(np.zeros(1), slope, 1e-6)[0]
    assert (direction @ bent).item() == pytest.approx(numeric, rel=1e-4)


def test_the_coarse_inverse_is_nearly_one(data, monkeypatch):
    problem = problem_on(DeviceProblem, data, 1.0, device=CPU)
    curvature = problem.at(problem.start()).curvature
    hessian = torch.stack(
        [problem.bend(curvature, unit) for unit in torch.eye(16).double()]
    )
    monkeypatch.setattr(_newton, "_ROWS_AT_ONCE", 50)
    inverse = problem.coarse_inverse(curvature)
    assert_allclose(hessian @ inverse, torch.eye(16), atol=1e-3)


def test_steps_that_are_too_long_are_halved(data):
    """States far from the start, by which p goes to 0 or 1, overshoot."""
    states, flagged, weight = data
    far = [s._replace(log_normalizer=s.log_normalizer * 20) for s in states]
    options = {"C": 1e4, "max_iter": 1000, "tol": 1e-10}
    row, _, converged = fit_row(far, flagged, weight, **options, device=CPU)
    assert converged
    problem = problem_on(_Problem, (far, flagged, weight), 1e4)
    gradient = problem.loss_and_gradient(_params(problem, row))[1]
    assert_allclose(gradient, 0, atol=1e-7)


def test_a_unit_that_never_differs_has_no_weight(data):
    states, flagged, weight = data
    constant = [
        States(torch.cat([s.hidden, torch.full((len(s.hidden), 1), 0.1)], dim=1), None)
        for s in states
    ]
    options = {"C": 1.0, "max_iter": 1000, "tol": 1e-10}
    row, _, converged = fit_row(constant, flagged, weight, **options, device=CPU)
    assert converged
    assert row.coef[-1] == pytest.approx(0, abs=1e-10)


def test_too_few_steps_are_told(data):
    _, n_iter, converged = fit_row(*data, C=1.0, max_iter=1, tol=1e-10, device=CPU)
    assert n_iter == 1
    assert not converged
