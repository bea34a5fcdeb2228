# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

r"""How much to damp rounds that alternate, from the steps that they have made.

Near a fixed point an error shrinks by :math:`1 - \lambda / (1 + c)` in a round with the
damping c, where lambda compares the curvature of the performative risk with that of a
round's sample. Steps that alternate and hardly shrink, or grow, have a lambda near 2 or
more; the damping :math:`c = \lambda - 1` makes their error vanish at once.
"""

from skperf.retraining._history import History

_OVERSHOOT = 1.7  # lambda / (1 + c): the error of the next round is 0.7 of this one's


def next_damping(history: History) -> float:
    """Return the damping of the next round.

    It never falls: what was damped would alternate again.

    Parameters
    ----------
    history : dict of ndarrays
        Record of the rounds so far, with a column "damping".

    Returns
    -------
    damping : float
        Zero or more.
    """
    damping = history["damping"]
    if len(damping) < 2:
        return 0.0
    last, before = 1 + damping[-1], 1 + damping[-2]
    curvature = before - last * _step_ratio(history)
    return float(curvature - 1 if curvature > _OVERSHOOT * last else damping[-1])


def _step_ratio(history: History) -> float:
    """Return the last step along the one before it, as a share of that one."""
    before, last = history["prediction_gap"][-2:]
    over_two = history["two_back_gap"][-1]
    if not before > 0:
        return 0.0
    return float((over_two**2 - last**2 - before**2) / (2 * before**2))
