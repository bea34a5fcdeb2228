# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tell apart the ways in which repeated retraining ends."""

from collections.abc import Sequence

import numpy as np

from skperf.retraining._history import History
from skperf.retraining._measured import Measured
from skperf.retraining._settled import settled_risk
from skperf.shift._sample import Floats

_MIN_ROUNDS = 4  # a trend needs four points before its error can be judged
_N_ERRORS = 5  # standard errors of the slope that chance does not reach
_FALL = 3  # a factor between the peaks of two halves that chance does not reach
_MIN_SLOPE = 0.001  # a residual that changes by less a round stays


def verdict(
    history: History,
    measured: Measured,
    tol: float,
    *,
    random: bool,
    cycles: bool,
    at_rest: bool = True,
    errors: Sequence[Floats | None] = (),
) -> dict[str, object]:
    """Return the fitted attributes that say how retraining ended.

    Only what was `measured` counts as converged, and only if nothing speaks against it.
    `cycles` says whether models come again, `at_rest` whether people had done all that
    the models made them do; the `errors` of the risk tell whether that has settled.
    """
    small = bool(measured.residual <= tol)
    converged = small and measured.doubt is None
    word = "converged"
    if not converged:
        word = diagnose(
            history, measured, tol, random=random, cycles=cycles, at_rest=at_rest
        )
    stays = word in ("plateau", "noise floor")
    settled = settled_risk(history, errors) if stays else None
    return {
        "stability_residual_": float(measured.residual),
        "converged_": converged,
        "diagnosis_": "settled in risk" if settled and word == "plateau" else word,
        "settled_risk_": settled,
    }


def diagnose(
    history: History,
    measured: Measured,
    tol: float,
    *,
    random: bool,
    cycles: bool,
    at_rest: bool = True,
) -> str:
    """Name the state of a retraining path that has not converged.

    Parameters
    ----------
    history : dict of ndarrays
        Record of the path.

    measured : Measured
        The model that is judged.

    tol : float
        Residual that counts as stable.

    random : bool
        Whether the same predictions can give different data.

    cycles : bool
        Whether the same models come again.

    at_rest : bool, default=True
        Whether people had done all that the models made them do, when the next ones
        were trained. If not, the gaps may be a small part of what is to come.

    Returns
    -------
    diagnosis : {"small steps", "untrained", "noise floor", "cycle", "plateau", \
            "slow", "diverging"}
        "slow" also stands for a path too short to be judged.
    """
    if measured.doubt == "untrained" or measured.residual <= tol:
        return str(measured.doubt)
    trend = _trend(_residuals(history, measured, tol), cycles=cycles)
    if trend != "plateau":
        return trend
    if not at_rest and _is_behind(history, measured):
        return "slow"
    if measured.doubt == "small steps":
        return "small steps"
    return "noise floor" if random else "plateau"


def _residuals(history: History, measured: Measured, tol: float) -> Floats:
    """Return a residual for each deployed model.

    Estimates of up to `tol` were not trusted: there it is what was measured, which
    stands in the row of the round after.
    """
    estimates = history["stability_residual_estimate"]
    later = np.append(history["stability_residual"][1:], measured.residual)
    trusted = np.where(estimates <= tol, np.fmax(estimates, later), estimates)
    return trusted if len(estimates) else estimates


def _trend(residual: Floats, *, cycles: bool) -> str:
    """Tell by the residuals of the rounds where a path is heading."""
    if not np.isfinite(residual).all():
        return "diverging"
    if len(residual) < _MIN_ROUNDS:
        return "slow"
    if cycles:
        return "cycle"
    recent = slice(-max(_MIN_ROUNDS, len(residual) // 2), None)
    slope, error = _log_trend(residual[recent])
    steep = abs(slope) > _N_ERRORS * error + _MIN_SLOPE
    if (steep and slope < 0) or _has_fallen(residual[recent]):
        return "slow"
    if steep and residual[-1] == residual.max():
        return "diverging"
    return "plateau"


def _is_behind(history: History, measured: Measured) -> bool:
    """Return whether people who get used to the model will move it more than rounds do.

    Rounds that move little are no rest then: few people have met the model yet.
    """
    recent = history["stability_residual_estimate"][-_MIN_ROUNDS:]
    return bool(measured.residual > _FALL * recent.max())


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
