# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A parameter of a shift that says how strongly people react."""

from typing import NamedTuple

import numpy as np


class Strength(NamedTuple):
    """What is known of a strength before any data are seen.

    A shift names its strengths in the class attribute ``strengths``, a dict from
    parameter names to this, so that :func:`~skperf.shift.estimate_shift` knows what
    to look for.

    Parameters
    ----------
    absent : float, default=0.0
        The value at which the data do not depend on the model.

    low, high : float, default=-inf, inf
        Ends of the values that the shift admits.

    Examples
    --------
    >>> from skperf.shift import ResampleIfRejected, Strength
    >>> ResampleIfRejected.strengths["delta"]
    Strength(absent=1.0, low=0.0, high=1.0)
    >>> Strength(low=0.0).admit(-0.3)
    0.0
    """

    absent: float = 0.0
    low: float = -np.inf
    high: float = np.inf

    def admit(self, value: float) -> float:
        """Return the nearest value that the shift admits.

        Parameters
        ----------
        value : float
            The value.

        Returns
        -------
        admitted : float
            The nearest one within the limits.
        """
        return float(min(max(value, self.low), self.high))
