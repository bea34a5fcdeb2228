# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is said of convergence: assumptions, whether they hold, and what follows."""

import textwrap
from collections.abc import Sequence
from typing import Literal, NamedTuple

#: Whether an assumption is met, so far as anybody can tell.
Standing = Literal["holds", "fails", "cannot be known"]

_WIDTH = 78


class Assumption(NamedTuple):
    """One thing that a statement takes for granted.

    Parameters
    ----------
    name : str
        What is assumed.

    estimate : str
        The constant, as known, estimated or seen, in words; empty where there is none.

    standing : {"holds", "fails", "cannot be known"}
        Whether that is so. What holds "for these people" only, and is needed for all
        that might come, cannot be known.
    """

    name: str
    estimate: str
    standing: Standing

    def __str__(self):
        """Return one line."""
        return (
            ": ".join(filter(None, [self.name, self.estimate])) + f"; {self.standing}"
        )


class Certificate(NamedTuple):
    """A statement about retraining, with what it needs and what follows.

    Parameters
    ----------
    source : str
        Whose statement it is, and what it says.

    assumptions : sequence of Assumption
        What it needs.

    rate : float
        By what a retraining multiplies distances if the assumptions hold; NaN where a
        constant is not even estimated.

    consequence : str
        What follows, with the assumptions as they stand.

    is_global : bool
        Whether it speaks of all models, and not of those near one.
    """

    source: str
    assumptions: Sequence[Assumption]
    rate: float
    consequence: str
    is_global: bool = True

    @property
    def holds(self):
        """Whether all assumptions hold."""
        return all(one.standing == "holds" for one in self.assumptions)

    def __str__(self):
        """Return a paragraph."""
        lines = [*map(str, self.assumptions)]
        if self.rate == self.rate:
            lines.append(
                f"rate: {self.rate:.3g}{'' if self.holds else ', if all held'}"
            )
        lines.append(f"so: {self.consequence}")
        wrapped = [
            textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    ")
            for line in lines
        ]
        return "\n".join([textwrap.fill(self.source, _WIDTH), *wrapped])


class ConvergenceReport(NamedTuple):
    """What can be certified about retraining, by :func:`convergence_report`.

    ``print`` it. Each certificate is an entry, with its numbers.

    Parameters
    ----------
    premise : str
        What all of it takes for granted.

    certificates : sequence
        The statements, theorems first. Each is a named tuple of its `source`, its
        `assumptions`, the `rate` by which a retraining multiplies distances if these
        hold (NaN where a constant is not even estimated), the `consequence`, and
        `is_global`, whether it speaks of all models and not of those near one. An
        assumption has a `name`, an `estimate` in words, and a `standing`: "holds",
        "fails" or "cannot be known".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.metrics import convergence_report
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 3.0])
    >>> model = LinearRegression().fit(X, y)
    >>> report = convergence_report(model, OutcomeShift(-0.5), X, y)
    >>> report.bound
    0.5
    >>> [c.is_global for c in report.certificates]
    [True, True, True, False]
    """

    premise: str
    certificates: Sequence[Certificate]

    @property
    def bound(self):
        """The smallest rate that a theorem proves for all models; None if none does."""
        rates = [c.rate for c in self.certificates if c.holds and c.is_global]
        return min((rate for rate in rates if rate < 1), default=None)

    def __str__(self):
        """Return the report as text."""
        return "\n\n".join(
            [textwrap.fill(self.premise, _WIDTH), *map(str, self.certificates)]
        )
