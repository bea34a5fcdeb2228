# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Warnings of many fits: each told once, with the number of fits that gave it."""

import re
import warnings
from typing import NamedTuple

COLUMNS = ("category", "message", "n_fits")
_NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?")


class Told(NamedTuple):
    """A warning and how many fits gave one that differs in numbers only."""

    category: type
    message: str  # the first of them
    n_fits: int

    def to_row(self):
        """Return a row of a table."""
        return self.category.__name__, self.message, self.n_fits


def collect(outcomes):
    """Return the warnings of all fits.

    Parameters
    ----------
    outcomes : list of Outcome
        What came of each fit.

    Returns
    -------
    told : list of Told
        In the order in which they were first given.
    """
    first, counts = {}, {}
    for outcome in outcomes:
        for key in {_key(*each): each for each in outcome.warnings}.items():
            (kind, (category, message)) = key
            first.setdefault(kind, (category, message))
            counts[kind] = counts.get(kind, 0) + 1
    return [Told(*first[kind], counts[kind]) for kind in first]


def tell(told, n_fits):
    """Give each warning once.

    Parameters
    ----------
    told : list of Told
        The warnings.

    n_fits : int
        Of how many fits.
    """
    for category, message, count in told:
        text = f"{message} [{count} of {n_fits} fits of the study]"
        warnings.warn(text, category, stacklevel=4)


def _key(category, message):
    return category, _NUMBER.sub("#", message)
