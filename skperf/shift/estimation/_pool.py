# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One estimate from several deployments, which may share people."""

from collections.abc import Sequence

import numpy as np

from skperf.shift._sample import Floats
from skperf.shift.estimation._equations import Misfit, Solution, chi_square_of


def pool(solutions: Sequence[Solution]) -> tuple[float, float, Misfit]:
    """Return the estimate of least variance, its variance, and the misfit.

    The misfit is that of each deployment and that of the deployments to each other.
    """
    values = np.array([solution.value for solution in solutions])
    covariance = np.array([[_shared(a, b) for b in solutions] for a in solutions])
    shares, variance = _best_shares(covariance)
    contrasts = np.diff(np.eye(len(values)), axis=0)
    apart = chi_square_of(contrasts @ values, contrasts @ covariance @ contrasts.T)
    misfits = [apart, *(solution.misfit for solution in solutions)]
    total = Misfit(
        sum(misfit.statistic for misfit in misfits),
        sum(misfit.n_equations for misfit in misfits),
    )
    return float(shares @ values), variance, total


def _best_shares(covariance: Floats) -> tuple[Floats, float]:
    """Return the shares of estimates in the one of least variance, and that."""
    exact = np.diag(covariance) == 0  # of data without noise
    if exact.any():
        return exact / exact.sum(), 0.0
    inverse = np.linalg.pinv(covariance, rcond=1e-10, hermitian=True)
    variance = 1 / inverse.sum()
    return variance * inverse.sum(axis=0), float(variance)


def _shared(first: Solution, second: Solution) -> float:
    """Return the covariance of two estimates, by the people whom both have seen."""
    return sum(
        float(one @ two)
        for ours, one in zip(first.people, first.errors, strict=True)
        for theirs, two in zip(second.people, second.errors, strict=True)
        if ours.are(theirs)
    )
