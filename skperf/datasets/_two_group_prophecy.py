# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Two groups for which self-fulfilling predictions are solved by hand."""

import numpy as np
from sklearn.utils import Bunch

from skperf.datasets._checks import check_count, check_real


def make_two_group_prophecy(
    positives=(3, 6), *, n_rows=10, strength=0.5, direction="fulfilling"
):
    """Generate two groups for which self-fulfilling predictions are solved by hand.

    A share m of each group is positive, and the model predicts a probability f for
    each group. A person who is not positive turns so with probability ``strength * f``;
    with ``direction="defeating"`` one who is turns away with that probability. Either
    way the share under the model is ``q = m + slope * f``, with the slope ``(1 - m) *
    strength`` or ``-m * strength``, and the squared error of the group is ::

        risk(f) = q - 2 q f + f^2

    Retraining sees q alone and is stable at ``m / (1 - slope)``. The risk is a parabola
    with the vertex ``(2 m - slope) / (2 - 4 slope)``: its lowest point between 0 and 1
    is optimal. If the slope is above 1/2 it is one of the ends: nothing is predicted
    better than what one makes happen.

    Pair it with ``SelfFulfillingShift(data.strength, direction=data.direction)`` and
    ``LinearRegression(fit_intercept=False)``, or a classifier that minimizes the
    squared error. With the log loss a classifier has the same stable point.

    Parameters
    ----------
    positives : tuple of two int, default=(3, 6)
        How many rows of each group are positive, at least one and not all.

    n_rows : int, default=10
        The number of rows in each group.

    strength : float, default=0.5
        How strongly people react, in [0, 1].

    direction : {"fulfilling", "defeating"}, default="fulfilling"
        Whether predictions make what is predicted more or less probable.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (2 * n_rows, 2)
            Which group a row is of: ``[1, 0]`` or ``[0, 1]``.
        target : ndarray of shape (2 * n_rows,)
            The outcomes 0 and 1 in the absence of a prediction.
        strength, direction : float, str
            The parameters of the shift.
        stable_prediction : ndarray of shape (2 * n_rows,)
            The predictions of the stable model.
        optimal_prediction : ndarray of shape (2 * n_rows,)
            The predictions of the model with the lowest performative risk.
        stable_risk, optimal_risk : float
            The performative risk, a mean squared error, of both.

    Raises
    ------
    ValueError
        If a group has no positive row or no other, if `strength` is not in [0, 1], or
        if `direction` is another word.

    Examples
    --------
    >>> from skperf.datasets import make_two_group_prophecy
    >>> data = make_two_group_prophecy()
    >>> data.stable_prediction[[0, -1]].round(4)
    array([0.4615, 0.75  ])
    >>> data.optimal_prediction[[0, -1]].round(4)
    array([0.4167, 0.8333])
    >>> print(f"{data.stable_risk:.4f} {data.optimal_risk:.4f}")
    0.2180 0.2156
    """
    check_count("n_rows", n_rows, min_val=2)
    check_real("strength", strength, min_val=0, max_val=1)
    slopes = {"fulfilling": lambda m: (1 - m) * strength}
    slopes["defeating"] = lambda m: -m * strength
    if direction not in slopes:
        raise ValueError(
            f"direction must be 'fulfilling' or 'defeating'; got {direction!r}."
        )
    counts = np.asarray(positives)
    whole = counts.dtype.kind in "iu" and counts.shape == (2,)
    if not whole or counts.min() < 1 or counts.max() >= n_rows:
        raise ValueError(
            f"positives={positives!r} must be two whole numbers from 1 to n_rows - 1 = "
            f"{n_rows - 1}."
        )
    m = counts / n_rows
    slope = slopes[direction](m)
    stable, optimal = m / (1 - slope), _lowest(m, slope)
    ranks = np.tile(np.arange(n_rows), 2)
    return Bunch(
        data=np.repeat(np.eye(2), n_rows, axis=0),
        target=(ranks < counts.repeat(n_rows)).astype(int),
        strength=strength,
        direction=direction,
        stable_prediction=stable.repeat(n_rows),
        optimal_prediction=optimal.repeat(n_rows),
        stable_risk=float(_risk(stable, m, slope).mean()),
        optimal_risk=float(_risk(optimal, m, slope).mean()),
    )


def _risk(f, m, slope):
    q = m + slope * f
    return q - 2 * q * f + f**2


def _lowest(m, slope):
    """Return where the parabola is lowest between 0 and 1."""
    opens_up = 2 - 4 * slope > 0
    vertex = (2 * m - slope) / np.where(opens_up, 2 - 4 * slope, 1.0)
    ends = np.where(_risk(1.0, m, slope) < _risk(0.0, m, slope), 1.0, 0.0)
    return np.where(opens_up, np.clip(vertex, 0, 1), ends)
