# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How far one retraining on a model's own data moves it, and what that proves."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

#: Why a small residual does not prove that a model is stable.
Doubt = Literal["small steps", "untrained"]


class Measured(NamedTuple):
    """A stability residual that was measured; NaN where it was not."""

    residual: float = np.nan
    doubt: Doubt | None = None

    @property
    def is_untrained(self) -> bool:
        """Whether only a clone of the estimator moves: retraining will never end it."""
        return self.doubt == "untrained"


def join_measured(measured: Iterable[Measured]) -> Measured:
    """Return the largest residual of several models, and the gravest doubt."""
    residuals, doubts = zip(*measured, strict=True)
    grave: tuple[Doubt, ...] = ("untrained", "small steps")
    doubt = next((doubt for doubt in grave if doubt in doubts), None)
    return Measured(float(np.max(residuals)), doubt)
