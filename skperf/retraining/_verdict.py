# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tell apart the ways in which repeated retraining ends."""

import numpy as np

from skperf.retraining._history import History
from skperf.shift._sample import Floats

#: What to try, by diagnosis; "converged" needs nothing.
ADVICE = {
    "noise floor": "The data are drawn anew in every round and the gap is that noise. "
    "Use a shift without it (resampling='expected'), average it away with "
    "AffineRiskMinimizer, or accept a tol of about this gap.",
    "cycle": "Two models replace each other for ever. "
    "Averaging breaks the cycle: try AffineRiskMinimizer.",
    "plateau": "The gap stays: the model answers in jumps, as trees do, its own fit "
    "stops too early, or models go round in a long cycle. Use a smoother model, "
    "tighten the estimator's own tolerance, try AffineRiskMinimizer, or accept a tol "
    "of about this gap.",
    "diverging": "Each model moves the data more than the one before. Try "
    "AffineRiskMinimizer(coefficients='anderson') or a more strongly regularized "
    "estimator.",
    "slow": "The gap still falls. Raise max_iter, or try "
    "AffineRiskMinimizer(coefficients='anderson').",
}

_MIN_ROUNDS = 4  # a trend needs four points before its error can be judged
_N_ERRORS = 5  # standard errors of the slope that chance does not reach
_FALL = 3  # a factor between the peaks of two halves that chance does not reach
_FLAT = 0.02  # a change of 2 % a round or less can be a cycle that is settling
_TWO_BACK_SHARE = 0.1  # in a cycle the model before last is this much nearer


def verdict(
    history: History, residual: float, tol: float, *, random: bool
) -> dict[str, float | bool | str]:
    """Return the fitted attributes that say how retraining ended."""
    converged = bool(residual <= tol)
    return {
        "stability_residual_": float(residual),
        "converged_": converged,
        "diagnosis_": "converged" if converged else diagnose(history, random=random),
    }


def diagnose(history: History, *, random: bool) -> str:
    """Name the state of a retraining path that has not converged.

    Parameters
    ----------
    history : dict of ndarrays
        Record of the path.

    random : bool
        Whether the same predictions can give different data.

    Returns
    -------
    diagnosis : {"noise floor", "cycle", "plateau", "slow", "diverging"}
        "slow" also stands for a path too short to be judged.
    """
    residual = history["stability_residual"]
    if not np.isfinite(residual).all():
        return "diverging"
    if len(residual) < _MIN_ROUNDS:
        return "slow"
    recent = slice(-max(_MIN_ROUNDS, len(residual) // 2), None)
    slope, error = _log_trend(residual[recent])
    swing = history["prediction_gap"][-2:]
    returns = history["two_back_gap"][-2:] < _TWO_BACK_SHARE * swing
    if returns.all() and abs(slope) < _FLAT:
        return "cycle"
    steep = abs(slope) > _N_ERRORS * error + _FLAT / 20
    if (steep and slope < 0) or _has_fallen(residual[recent]):
        return "slow"
    if steep and residual[-1] == residual.max():
        return "diverging"
    return "noise floor" if random else "plateau"


def _has_fallen(values: Floats) -> bool:
    """Return whether the peaks fall, as they do where a path settles in swings."""
    middle = len(values) // 2
    return values[middle:].max() < values[:middle].max() / _FALL


def _log_trend(values: Floats) -> tuple[float, float]:
    """Return the slope of log values and its standard error by least squares."""
    logs = np.log(np.maximum(values, np.finfo(float).tiny))
    time = np.arange(len(logs)) - (len(logs) - 1) / 2
    slope = time @ logs / (time @ time)
    rest = logs - logs.mean() - slope * time
    variance = rest @ rest / (len(logs) - 2)
    return float(slope), float(np.sqrt(variance / (time @ time)))
