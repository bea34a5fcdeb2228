# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What to try, for each verdict and for what the minimizer trains on already.

Advice leads from the last sample alone to averages, from these to Anderson mixing, and
from there to the estimator; never back, so that nobody is sent in a circle.
"""

from collections.abc import Mapping
from typing import Literal

from skperf.retraining._settled import SettledRisk

#: What a minimizer trains on: the last sample alone, an average over a window or over
#: all, the mixture of Anderson, or something of its author's.
Way = Literal["last", "window", "all", "anderson", "other"]

#: Verdicts of which the estimator's own solver may be the cause.
MAY_BE_SOLVER = ("plateau", "cycle", "settled in risk")

_ANDERSON = "AffineRiskMinimizer(coefficients='anderson')"
_SMOOTHER = "a more strongly regularized estimator"

#: What the verdict means; {} is what to try.
_MEANING = {
    "noise floor": "The data are drawn anew in every round and the gap is that noise. "
    "Use a shift without it (resampling='expected'){}, or accept a tol of about this "
    "gap.",
    "cycle": "The same models replace each other for ever. {}",
    "plateau": "The gap stays: the model answers in jumps, as trees do, its own fit "
    "stops too early, or more than 12 models replace each other. Use a smoother model, "
    "tighten the estimator's own tolerance{}, or accept a tol of about this gap.",
    "diverging": "Each model moves the data more than the one before. Try {}.",
    "slow": "The gap still falls, or there were too few rounds to tell. Raise "
    "max_iter{}. Where people remember past models, a higher n_rounds_per_deployment "
    "lets them get used to each.",
    "small steps": "The estimator itself warns that its fits are not finished, so that "
    "small moves prove nothing. Raise the estimator's own max_iter, scale the "
    "features, or use another solver ('newton-cholesky' for LogisticRegression).",
    "settled in risk": "The predictions still jump, as those of trees do, but from "
    "round {round} on the risk stays at {risk:.4g}, with an interval from {low:.4g} to "
    "{high:.4g}: more rounds gain nothing. Deploy the model, or accept a tol of about "
    "this gap.",
    "solver": "The estimator's own solver is the cause: with a hundredth of its {name}="
    "{tol:g} it predicts something else on the same data, by {error:.2g} as a root "
    "mean square. Set a smaller tol of the estimator (1e-8), or solver="
    "'newton-cholesky' for LogisticRegression.",
    "untrained": "Refitting the model changes nothing on other data, but a clone of "
    "the estimator does train on them. Set warm_start=False: estimators that add trees "
    "or rounds find nothing left to do.",
}

_TRY: dict[str, dict[Way, str]] = {
    "noise floor": {
        "last": ", average it away with AffineRiskMinimizer",
        "window": ", average over a longer window",
    },
    "cycle": {
        "last": "Averaging breaks the cycle: try AffineRiskMinimizer(window=2).",
        "window": "Average over another or a longer window, or try "
        "coefficients='anderson'.",
        "all": "Try coefficients='anderson'.",
        "anderson": f"Try {_SMOOTHER}.",
        "other": f"Other coefficients may break it; so may {_SMOOTHER}.",
    },
    "plateau": {
        "last": ", try AffineRiskMinimizer",
        "window": ", try a longer window",
    },
    "diverging": {
        "last": f"{_ANDERSON} or {_SMOOTHER}",
        "window": f"coefficients='anderson', a longer window or {_SMOOTHER}",
        "all": f"coefficients='anderson' or {_SMOOTHER}",
        "anderson": f"{_SMOOTHER} or a weaker reaction",
        "other": _SMOOTHER,
    },
    "slow": {
        "last": f", or try {_ANDERSON}",
        "window": ", or try coefficients='anderson'",
        "all": ", or try coefficients='anderson'",
    },
}


def advise_settled(settled: SettledRisk) -> str:
    """Return what a risk that has settled means."""
    low, high = settled["interval"]
    return _MEANING["settled in risk"].format(low=low, high=high, **settled)


def advise_solver(tolerances: Mapping[str, float], error: float) -> str:
    """Return what to do about a solver that stops too early."""
    name, tol = max(tolerances.items(), key=lambda item: item[1])
    return _MEANING["solver"].format(name=name, tol=tol, error=error)


def advise(diagnosis: str, way: Way, *, random: bool = False) -> str:
    """Return what a verdict means, and what is left to try."""
    hint = _TRY.get(diagnosis, {}).get(way, "")
    if random and diagnosis == "slow":
        hint = ""  # Anderson mixing amplifies noise
    return _MEANING[diagnosis].format(hint)
