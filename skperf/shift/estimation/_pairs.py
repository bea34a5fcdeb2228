# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People seen before and after: who changed, with a probability linear in strength."""

import numpy as np

from skperf.exceptions import UnidentifiedError
from skperf.shift._sample import Floats
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._people import People
from skperf.shift.estimation._proposals import propose_pairs

_ROUNDS = 50
_FLOOR = 1e-4  # of probabilities, in weights only


def likelihood_equations(
    people: People, changed: Floats, anyway: Floats, per_strength: Floats, other: Floats
) -> Equations:
    """Return the score of the likelihood, and that of a form with another term.

    Parameters
    ----------
    people : People
        Who may change.

    changed : ndarray of shape (n_rows,)
        1 for those who have, 0 for the others.

    anyway, per_strength : ndarray of shape (n_rows,)
        Who has strength a changes with probability ``anyway + a * per_strength``.

    other : ndarray of shape (n_rows,)
        A term that the probability does not have, if the form is right.
    """
    if not len(people) or np.ptp(changed) == 0 or not per_strength.any():
        raise UnidentifiedError(_ends(changed, per_strength))
    weights = _likelihood_weights(people, changed, anyway, per_strength)
    tests = np.stack([per_strength, other], axis=1) * weights[:, None]

    def terms(strength: float) -> list[Floats]:
        rest = changed - anyway - strength * per_strength
        return [rest[:, None] * tests]

    return Equations([people], terms)


def _likelihood_weights(
    people: People, changed: Floats, anyway: Floats, per_strength: Floats
) -> Floats:
    """Return 1 / variance of each row, at the estimate of maximum likelihood."""
    weights = np.ones(len(changed))
    for _ in range(_ROUNDS):
        tilt = weights * per_strength
        strength = people.mean(tilt * (changed - anyway)) / people.mean(
            tilt * per_strength
        )
        chance = np.clip(anyway + strength * per_strength, _FLOOR, 1 - _FLOOR)
        before, weights = weights, 1 / (chance * (1 - chance))
        if np.allclose(before, weights, rtol=1e-12, atol=0):
            break
    return weights


def _ends(changed: Floats, per_strength: Floats) -> str:
    n_rows = len(changed)
    if not n_rows:
        return (
            "Nobody in these pairs could have changed, so they tell nothing of the "
            "strength. Give pairs with people who can: 385 of whom half change tell a "
            "probability to +-0.05, without a perturbation and so at no risk."
        )
    return (
        f"{changed.mean():.0%} of {n_rows} people have changed. With no variation the "
        "strength is at an end of its range, or nobody could react, and no interval "
        f"can be told; a chance of up to {3 / n_rows:.2g} (or of 1 minus that) would "
        f"look the same. {propose_pairs(per_strength)}"
    )
