# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Any shift's strengths: those whose samples look like the data (simulated moments)."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import least_squares

from skperf.exceptions import UnidentifiedError
from skperf.shift._base import BaseShift
from skperf.shift._deployment import Deployment
from skperf.shift._sample import Floats
from skperf.shift.estimation._comparison import N_REPLICATES, Comparison
from skperf.shift.estimation._equations import Misfit
from skperf.shift.estimation._proposals import TRACE, propose_arm

_SHRINKAGE = 0.2  # of correlations, which replicates tell roughly
_STILL = 1e-3  # of the variance that a mean has where strengths are wrong
_FAINT = 0.1  # standard errors by which the data must change with a strength
_ADVICE = (
    "Add a deployment of a model with other predictions, the deployed function as "
    "predictor, or pairs; or fix one of them and leave it out of params. Where the "
    "strengths of the shift are such that nobody reacts, start elsewhere."
)


def fit_by_simulation(
    shift: BaseShift, names: Sequence[str], records: Sequence[Deployment]
) -> tuple[Floats, Floats, Misfit]:
    """Return estimates, their covariance, and the misfit.

    Generalized method of moments in two steps: weights from the shift as it is, then
    the covariance at the estimate.
    """
    comparison = Comparison.of(shift, names, records)
    start = comparison.start
    root = _weight_root(comparison.covariance(start))
    found = least_squares(
        lambda values: comparison.gaps(values) @ root,
        start,
        jac=lambda values: root.T @ comparison.slopes(values),
        bounds=comparison.limits,
        x_scale=comparison.scales(start),
    ).x
    slopes = root.T @ comparison.slopes(found)
    guilty = _without_trace(slopes * comparison.scales(found), names)
    if guilty is not None:
        told = propose_arm(comparison, found, root) or _ADVICE
        raise UnidentifiedError(f"{guilty} {told}")
    # others than those of the weights, which suit their own replicates too well
    covariance = comparison.covariance(found, first=N_REPLICATES + 1)
    covariance = root.T @ covariance @ root
    inverse = np.linalg.pinv(slopes)
    rest = np.eye(len(slopes)) - slopes @ inverse
    misfit = _misfit(rest @ root.T @ comparison.gaps(found), rest @ covariance @ rest.T)
    return found, inverse @ covariance @ inverse.T, _for_replicates(misfit)


def _weight_root(covariance: Floats) -> Floats:
    """Return a root of the inverse covariance; means that cannot vary count nothing."""
    scales = np.sqrt(np.diag(covariance))
    seen = scales > 1e-12
    safe = np.where(seen, scales, 1.0)
    correlation = covariance / np.outer(safe, safe)
    shrunk = (1 - _SHRINKAGE) * correlation + _SHRINKAGE * np.eye(len(scales))
    values, vectors = np.linalg.eigh(shrunk[np.ix_(seen, seen)])
    root = np.zeros((len(scales), seen.sum()))
    root[seen] = vectors / np.sqrt(values)
    return root / safe[:, None]


def _without_trace(slopes: Floats, names: Sequence[str]) -> str | None:
    """Return that some mixture of strengths leaves no trace in the data, if so."""
    padding = np.zeros((len(names), len(names)))  # there may be fewer means
    _, traces, directions = np.linalg.svd(np.vstack([slopes, padding]))
    faint = traces < _FAINT
    if not faint.any():
        return None
    trace, share = traces[-1], np.abs(directions[faint]).max(axis=0)
    guilty = [name for name, part in zip(names, share, strict=True) if part > 0.1]
    rows = (
        f"It would take {1 / trace**2:.0f} times as many rows."
        if trace > TRACE
        else "More rows of the same kind would not help."
    )
    what = "leaves" if len(guilty) == 1 else "in some mixture leave"
    return (
        f"{' and '.join(guilty)} {what} no trace in these data: the means of features, "
        f"targets and predictions change by {trace:.2g} standard errors with it. {rows}"
    )


def _misfit(gaps: Floats, covariance: Floats) -> Misfit:
    """Return the test of gaps whose variance was about one in all directions.

    Pairs tell some means without noise: where the form is right these hardly vary, and
    would count as equations that always hold.
    """
    variances, directions = np.linalg.eigh(covariance)
    seen = variances > _STILL
    scores = (directions.T @ gaps)[seen] / np.sqrt(variances[seen])
    return Misfit(float(scores @ scores), int(seen.sum()))


def _for_replicates(misfit: Misfit) -> Misfit:
    """Return a misfit without the bias of a covariance from few replicates."""
    kept = N_REPLICATES - misfit.n_equations - 2
    if kept < N_REPLICATES / 2:
        return Misfit(0.0, 0)  # too many means for a check
    return misfit._replace(statistic=misfit.statistic * kept / (N_REPLICATES - 1))
