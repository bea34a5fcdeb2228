# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""An estimated reaction: strengths, how well they are known, and whether they fit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm
from sklearn.base import clone

from skperf.shift._base import BaseShift
from skperf.shift._strength import Strength
from skperf.shift.estimation._equations import Misfit


class FormCheck(NamedTuple):
    """Whether data look as the shift says, beyond the strengths that were fitted.

    Parameters
    ----------
    statistic : float
        Chi-square of the equations that were not needed for the estimate.

    n_equations : int
        Their number, the degrees of freedom.

    p_value : float
        How often data of the shift's own form would look as strange. Below 0.01 or so
        the shift is the wrong one for these people, and its strength means little.

    Examples
    --------
    Fitted: that targets move with predictions. Seen: that they move with their squares.

    >>> import numpy as np
    >>> from skperf.shift import Deployment, OutcomeShift, Sample, estimate_shift
    >>> rng = np.random.default_rng(0)
    >>> X, y, told = np.zeros((500, 1)), rng.normal(size=500), rng.uniform(size=500)
    >>> before, after = Sample(X, y), Sample(X, y + told**2)
    >>> pairs = Deployment(before, after, y_pred=told, paired=True)
    >>> form = estimate_shift(OutcomeShift(0.0), pairs).form
    >>> bool(form.p_value < 0.01)
    True
    """

    statistic: float
    n_equations: int
    p_value: float

    @classmethod
    def of(cls, misfit: Misfit) -> "FormCheck | None":
        """Return the check, None where there was nothing to check.

        Parameters
        ----------
        misfit : Misfit
            The statistic and the number of equations beyond the estimates.

        Returns
        -------
        check : FormCheck or None
            The check.
        """
        if not misfit.n_equations:
            return None
        return cls(*misfit, float(chi2.sf(*misfit)))


@dataclass(frozen=True, eq=False)
class ShiftEstimate:
    """How strongly people react, estimated by :func:`estimate_shift`.

    Parameters
    ----------
    shift : BaseShift
        The shift with its estimated strengths, at the nearest values it admits.

    params : dict of str to float
        The estimates. They may lie outside of what the shift admits, by chance or
        since it is the wrong one.

    covariance : ndarray of shape (n_params, n_params)
        Of the estimates, in the order of `params`.

    form : FormCheck or None
        Whether the data look as the shift says. None where they have as many equations
        as unknowns, so that any data do.

    confidence : float
        The level of intervals, unless another is asked for.

    method : {"equations", "simulation"}
        Whether the shift has estimating equations of its own, or its samples were
        compared with the data.

    n_deployments : int
        Number of deployments used.

    strengths : dict of str to Strength
        What the shift says of these parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import Deployment, OutcomeShift, Sample, estimate_shift
    >>> rng = np.random.default_rng(0)
    >>> told, lot = rng.normal(size=500), rng.choice([-0.3, 0.3], 500)
    >>> y = 0.4 * (told + lot) + rng.normal(size=500)
    >>> seen = Sample(told[:, None], y)
    >>> deployment = Deployment(None, seen, y_pred=told + lot, perturbation=lot)
    >>> estimate = estimate_shift(OutcomeShift(0.0), deployment)
    >>> low, high = estimate.confidence_interval(0.99)["feedback"]
    >>> bool(low < 0.4 < high)
    True
    """

    shift: BaseShift
    params: Mapping[str, float]
    covariance: NDArray[np.float64]
    form: FormCheck | None
    confidence: float
    method: str
    n_deployments: int
    strengths: Mapping[str, Strength]

    @property
    def standard_errors(self) -> dict[str, float]:
        """The standard error of each estimate."""
        errors = np.sqrt(np.diag(self.covariance)).tolist()
        return dict(zip(self.params, errors, strict=True))

    def confidence_interval(
        self, level: float | None = None
    ) -> dict[str, tuple[float, float]]:
        """Return an interval for each strength.

        Parameters
        ----------
        level : float, default=None
            How often such intervals hold the true value. None takes `confidence`.

        Returns
        -------
        interval : dict of str to (float, float)
            Lower and upper ends by name.
        """
        level = self.confidence if level is None else level
        require_level(level)
        errors = self.standard_errors
        width = float(norm.ppf((1 + level) / 2))
        return {
            name: (value - width * errors[name], value + width * errors[name])
            for name, value in self.params.items()
        }

    def cautious_shift(self, level: float | None = None) -> BaseShift:
        """Return the shift at the ends of the intervals that are nearer to no reaction.

        To optimise for a reaction that is stronger than the true one can cost more than
        to ignore it; for one that is weaker it costs less than to ignore it.

        Parameters
        ----------
        level : float, default=None
            Of the intervals. None takes `confidence`.

        Returns
        -------
        shift : BaseShift
            A clone. Where no reaction at all is in the interval, it has none.

        Raises
        ------
        ValueError
            If the shift does not say at which value of a parameter nobody reacts.
        """
        return self._at_ends(level, _nearest)

    def strongest_shift(self, level: float | None = None) -> BaseShift:
        """Return the shift at the ends of the intervals that are farther from none.

        Parameters
        ----------
        level : float, default=None
            Of the intervals. None takes `confidence`.

        Returns
        -------
        shift : BaseShift
            A clone, with strengths as far from no reaction as the data allow.

        Raises
        ------
        ValueError
            If the shift does not say at which value of a parameter nobody reacts.
        """
        return self._at_ends(level, _farthest)

    def _at_ends(
        self, level: float | None, choose: Callable[[float, float, float], float]
    ) -> BaseShift:
        """Return a clone with an end of each interval, chosen by no reaction."""
        unknown = [name for name in self.params if name not in self.strengths]
        if unknown:
            raise ValueError(
                f"{type(self.shift).__name__} does not say at which value of "
                f"{unknown} nobody reacts. Give its class an attribute strengths = "
                "{name: skperf.shift.Strength(absent=...)}."
            )
        intervals = self.confidence_interval(level)
        values = {
            name: choose(self.strengths[name].absent, *ends)
            for name, ends in intervals.items()
        }
        return with_strengths(self.shift, values, self.strengths)

    def __str__(self) -> str:
        """Return the estimates, intervals and the check as text."""
        intervals = self.confidence_interval()
        lines = [
            f"{name} = {value:.3g}, {self.confidence:.0%} interval "
            f"{intervals[name][0]:.3g} to {intervals[name][1]:.3g}"
            for name, value in self.params.items()
        ]
        if self.form is not None:
            lines.append(f"form: p = {self.form.p_value:.2g}")
        return "\n".join(lines)


def with_strengths(
    shift: BaseShift, values: Mapping[str, float], strengths: Mapping[str, Strength]
) -> BaseShift:
    """Return a clone of a shift with strengths as near to these as it admits."""
    admitted = {
        name: strengths.get(name, Strength()).admit(value)
        for name, value in values.items()
    }
    return clone(shift).set_params(**admitted)


def require_level(level: float) -> None:
    """Raise a ValueError where a level is no probability of an interval."""
    if not 0 < level < 1:
        raise ValueError(
            f"The level of an interval is {level!r}; expected a number between 0 and "
            "1, such as 0.95."
        )


def _nearest(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high))


def _farthest(value: float, low: float, high: float) -> float:
    return low if abs(low - value) > abs(high - value) else high
