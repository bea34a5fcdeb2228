# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Solving, sandwich errors and pooling, against formulas of small cases."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

from skperf.exceptions import UnidentifiedError
from skperf.shift import Sample
from skperf.shift.estimation._equations import Equations, Misfit, chi_square_of
from skperf.shift.estimation._people import People
from skperf.shift.estimation._pool import pool

VALUES = np.array([1.0, 2.0, 4.0, 9.0])


def people(n=4, **fields):
    return People.of(Sample(np.arange(n)[:, None], np.zeros(n), **fields))


def mean_equations(who, values, check=None):
    """Return the equations of a mean."""

    def terms(a):
        parts = [values - a] if check is None else [values - a, check - a]
        return [np.stack(parts, axis=1)]

    return Equations([who], terms)


def variance(solution):
    return sum(errors @ errors for errors in solution.errors)


def test_the_mean_and_its_error():
    solution = mean_equations(people(), VALUES).solve()
    assert_allclose(solution.value, 4)
    assert_allclose(variance(solution), VALUES.var(ddof=1) / 4)
    assert solution.misfit == Misfit(0.0, 0)


def test_weights():
    """A row with weight 2 counts twice in the mean; its error is that of one person."""
    weights = np.array([2.0, 1, 1, 1])
    solution = mean_equations(people(sample_weight=weights), VALUES).solve()
    mean = np.average(VALUES, weights=weights)
    assert_allclose(solution.value, mean)
    expected = np.sum((weights / 5 * (VALUES - mean)) ** 2) * 4 / 3
    assert_allclose(variance(solution), expected)


def test_persons_count_and_not_rows():
    """Every person twice: the error is that of the persons."""
    twice = people(8, groups=np.repeat(list("abcd"), 2))
    solution = mean_equations(twice, np.repeat(VALUES, 2)).solve()
    assert_allclose(variance(solution), VALUES.var(ddof=1) / 4)


def test_two_samples():
    """The difference of means, whose variances add."""
    first, second = people(), people(3)
    other = np.array([1.0, 5.0, 0.0])
    equations = Equations(
        [first, second], lambda a: [(VALUES - a)[:, None], -other[:, None]]
    )
    solution = equations.solve()
    assert_allclose(solution.value, 2)
    expected = VALUES.var(ddof=1) / 4 + other.var(ddof=1) / 3
    assert_allclose(variance(solution), expected)


def test_misfit_is_the_squared_t_of_the_difference():
    other = np.array([3.0, 1.0, 2.0, 0.0])
    solution = mean_equations(people(), VALUES, other).solve()
    difference = other - VALUES
    t = difference.mean() / np.sqrt(difference.var(ddof=1) / 4)
    assert_allclose(solution.misfit.statistic, t**2)
    assert solution.misfit.n_equations == 1


def test_nonlinear_equations_by_the_delta_method():
    equations = Equations(
        [people()], lambda a: [(VALUES - np.exp(a))[:, None]], (-5, 5)
    )
    solution = equations.solve()
    assert_allclose(solution.value, np.log(4))
    assert_allclose(variance(solution), VALUES.var(ddof=1) / 4 / 16, rtol=1e-8)


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_no_solution(slope):
    equations = Equations(
        [people()], lambda a: [(1 + slope * a + 0 * VALUES)[:, None]], (0, 1)
    )
    with pytest.raises(UnidentifiedError, match="No strength between 0 and 1"):
        equations.solve()


def test_zero_in_directions_that_can_vary():
    covariance = np.diag([4.0, 0.0, 1.0])
    misfit = chi_square_of(np.array([2.0, 0.0, 3.0]), covariance)
    assert_allclose(misfit, (1 + 9, 2))
    same = np.ones((2, 2))
    assert_allclose(chi_square_of(np.array([2.0, 2.0]), same), (4, 1))


def test_pool_by_inverse_variance():
    other = np.array([3.0, 1.0, 2.0])
    solutions = [
        mean_equations(people(), VALUES).solve(),
        mean_equations(people(3), other).solve(),
    ]
    variances = np.array([VALUES.var(ddof=1) / 4, other.var(ddof=1) / 3])
    value, found, misfit = pool(solutions)
    assert_allclose(value, np.average([4, 2], weights=1 / variances))
    assert_allclose(found, 1 / np.sum(1 / variances))
    assert_allclose(misfit, (4 / variances.sum(), 1))
    assert chi2.sf(*misfit) > 0.05


def test_pool_of_shared_people():
    """Two estimates from the same people: one is not twice as good."""
    solutions = [mean_equations(people(), VALUES).solve() for _ in range(2)]
    value, found, misfit = pool(solutions)
    assert_allclose(value, 4)
    assert_allclose(found, VALUES.var(ddof=1) / 4)
    assert misfit.n_equations == 0


def test_pool_takes_the_sharper_of_two_that_share_people():
    noise = np.array([1.0, -1.0, -1.0, 1.0]) * 3
    solutions = [mean_equations(people(), v).solve() for v in (VALUES, VALUES + noise)]
    a, b = VALUES, VALUES + noise
    covariance = np.cov(a, b) / 4
    inverse = np.linalg.inv(covariance)
    value, found, _ = pool(solutions)
    assert_allclose(found, 1 / inverse.sum())
    assert_allclose(value, inverse.sum(axis=0) @ [a.mean(), b.mean()] / inverse.sum())
