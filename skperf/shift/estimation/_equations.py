# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Estimating equations: what is zero on average at the true strength."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from skperf.exceptions import UnidentifiedError
from skperf.shift._sample import Floats
from skperf.shift.estimation._people import People

_STEP = 1e-5  # of differences of equations that are linear or nearly so
_ANYWHERE = (-1e6, 1e6)


class Misfit(NamedTuple):
    """How far equations that were not solved are from zero, and their number."""

    statistic: float
    n_equations: int


@dataclass(frozen=True, eq=False)
class Solution:
    """A strength, and each person's part in its error."""

    value: float
    people: Sequence[People]
    errors: Sequence[Floats]  # (n_rows,) for each of `people`
    misfit: Misfit


@dataclass(frozen=True, eq=False)
class Equations:
    """Equations in one strength, on samples that are independent of each other.

    Parameters
    ----------
    people : sequence of People
        The samples.

    terms : callable
        Takes a strength; returns for each of `people` an array (n_rows, n_equations).
        The means over rows, summed over samples, are zero at the true strength. The
        first equation is solved, and the others are for checking it.

    between : (float, float)
        Where the solution is.
    """

    people: Sequence[People]
    terms: Callable[[float], Sequence[Floats]]
    between: tuple[float, float] = _ANYWHERE

    def solve(self) -> Solution:
        """Return the strength, its errors by the sandwich formula, and the misfit.

        Raises
        ------
        UnidentifiedError
            If no strength, or any, solves the first equation.
        """
        low, high = self.between
        ends = [self._means(end)[0] for end in self.between]
        if not np.isfinite(ends).all() or ends[0] * ends[1] >= 0:
            raise UnidentifiedError(
                f"No strength between {low:.4g} and {high:.4g} explains the data. They "
                "contradict the form of the shift, or are too few."
            )
        value = brentq(lambda a: self._means(a)[0], low, high)
        step = _STEP * max(1.0, abs(value))
        slopes = (self._means(value + step) - self._means(value - step)) / (2 * step)
        errors = [
            people.errors(terms)
            for people, terms in zip(self.people, self.terms(value), strict=True)
        ]
        own = [-each[:, 0] / slopes[0] for each in errors]
        return Solution(value, self.people, own, self._misfit(value, slopes, errors))

    def _means(self, strength: float) -> Floats:
        pairs = zip(self.people, self.terms(strength), strict=True)
        return np.sum([people.mean(terms) for people, terms in pairs], axis=0)

    def _misfit(self, value: float, slopes: Floats, errors: Sequence[Floats]) -> Misfit:
        """Return the test of the equations that were not solved, given the first."""
        others = self._means(value)[1:]
        ratios = slopes[1:] / slopes[0]
        parts = np.concatenate([e[:, 1:] - np.outer(e[:, 0], ratios) for e in errors])
        return chi_square_of(others, parts.T @ parts)


def chi_square_of(means: Floats, covariance: Floats) -> Misfit:
    """Return the chi-square statistic of means, in directions that can vary."""
    scale = np.sqrt(np.diag(covariance))
    seen = scale > 0
    if not seen.any():
        return Misfit(0.0, 0)
    standard = means[seen] / scale[seen]
    correlation = covariance[np.ix_(seen, seen)] / np.outer(scale[seen], scale[seen])
    inverse = np.linalg.pinv(correlation, rcond=1e-6, hermitian=True)
    rank = np.linalg.matrix_rank(correlation, tol=1e-6, hermitian=True)
    return Misfit(float(standard @ inverse @ standard), int(rank))
