# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Down the gradient of the performative risk, from several starts."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from scipy.optimize import minimize

from skperf.retraining._performative_slope import Slope
from skperf.shift._sample import Floats

#: A gradient that is as small as this, measured by the first, counts as none.
STATIONARY = 1e-5
_STEEP = 10  # times as steep as where a search stands: no step ends there
_STOP = 1e-6  # where the search ends, so that a risk is right to many digits


class Step(NamedTuple):
    """One iteration: where it has led, and how many risks were computed until then."""

    values: Floats
    slope: Slope
    n_evaluations: int


class Descent(NamedTuple):
    """The iterations from one start, and how small the gradient was at the end."""

    steps: list[Step]
    steepness: float  # of the end, as a share of that of the start

    @property
    def risk(self) -> float:
        """The risk at the end."""
        return self.steps[-1].slope.risk


def descend(
    slope_at: Callable[[Floats], Slope], start: Floats, max_iter: int
) -> Descent:
    """Go from a start to where the risk is flat, by L-BFGS.

    Parameters
    ----------
    slope_at : callable
        Takes parameters, returns a :class:`Slope`.

    start : ndarray of shape (n_parameters,)
        Where to begin.

    max_iter : int
        The most iterations.

    Returns
    -------
    descent : Descent
        The start is its first step.
    """
    known = Step(start, slope_at(start), 1)
    first, steps, n_evaluations = known.slope, [known], 1
    _require_finite(first)
    steepest = np.abs(first.gradient).max()

    def objective(values: Floats) -> tuple[float, Floats]:
        nonlocal known, n_evaluations
        if not np.array_equal(values, known.values):
            n_evaluations += 1
            slope = _try(slope_at, values)
            if slope is None:
                return _wall(steps[-1], values)
            known = Step(values.copy(), slope, n_evaluations)
        return known.slope.risk, known.slope.gradient

    def record(values: Floats) -> None:
        objective(values)
        steps.append(known)

    if steepest > 0:
        options = {"maxiter": max_iter, "ftol": 0.0, "gtol": _STOP * steepest}
        minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            callback=record,
            options=options,
        )
    last = np.abs(steps[-1].slope.gradient).max()
    return Descent(steps, float(last / steepest) if steepest > 0 else 0.0)


def _try(slope_at: Callable[[Floats], Slope], values: Floats) -> Slope | None:
    """Return the slope, None where the world refuses the model or the risk is none."""
    try:
        slope = slope_at(values)
    except ValueError:  # a prediction that it has no answer to; the start had one
        return None
    return slope if np.isfinite(slope.risk) else None


def _wall(step: Step, values: Floats) -> tuple[float, Floats]:
    """Return a risk that rises steeply on the way from a step, so that it is cut."""
    way = values - step.values
    length = float(np.linalg.norm(way))
    rise = _STEEP * float(np.linalg.norm(step.slope.gradient))
    return step.slope.risk + rise * length, rise * way / length


def random_starts(
    start: Floats, n_restarts: int, random_state: RandomState
) -> list[Floats]:
    """Return the first start and others around it, as far away as it is from zero."""
    scale = max(float(np.sqrt(np.mean(start**2))), 1.0)
    moves = random_state.normal(scale=scale, size=(n_restarts, len(start)))
    return [start, *(start + moves)]


def _require_finite(slope: Slope) -> None:
    if not (np.isfinite(slope.risk) and np.isfinite(slope.gradient).all()):
        raise ValueError(
            f"The performative risk of the first model is {slope.risk}, or its "
            "gradient is not finite: there is nowhere to start from. Scale the "
            "features, or regularize the estimator."
        )
