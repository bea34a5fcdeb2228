# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A location-scale family, whose optimum may be far from its stable point."""

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skperf.datasets._checks import check_count, check_real


def make_location_scale(
    n_samples=100,
    *,
    offset=1.0,
    contraction=0.6,
    noise=0.3,
    noise_slope=0.8,
    random_state=None,
):
    """Generate a location-scale family: predictions move outcomes and their spread.

    X is a column of ones. Under the prediction f outcomes have the mean ``offset +
    contraction * f`` and the standard deviation ``|noise + noise_slope * f|``, so the
    mean squared error of a model that all people are told is ::

        risk(f) = (offset + (contraction - 1) f)^2 + (noise + noise_slope f)^2

    Retraining sees the mean only and is stable at ``offset / (1 - contraction)``. The
    risk is lowest at ::

        ((1 - contraction) offset - noise noise_slope)
            / ((1 - contraction)^2 + noise_slope^2)

    With ``contraction=0`` and ``noise=0`` this is Example 3.5 of [1]_, where the risk
    at the stable point is ``1 + noise_slope^2`` times the lowest.

    Pair it with ``OutcomeShift(feedback=data.feedback)``, which moves each row in its
    own way, and ``LinearRegression(fit_intercept=False)``.

    Parameters
    ----------
    n_samples : int, default=100
        The number of rows, at least 2.

    offset : float, default=1.0
        The mean outcome at the prediction 0.

    contraction : float, default=0.6
        What the mean outcome moves by per unit of prediction, anything but 1.
        Retraining converges if it lies between -1 and 1.

    noise : float, default=0.3
        The standard deviation of outcomes at the prediction 0.

    noise_slope : float, default=0.8
        What the standard deviation moves by per unit of prediction.

    random_state : int, RandomState instance or None, default=None
        Determines who is how far from the mean. Mean and standard deviation of the
        rows are exact, whatever is drawn.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, 1)
            A column of ones.
        target : ndarray of shape (n_samples,)
            The outcomes at the prediction 0.
        feedback : ndarray of shape (n_samples,)
            What the outcome of each row moves by per unit of prediction.
        stable_prediction : ndarray of shape (n_samples,)
            The predictions of the stable model, all equal.
        optimal_prediction : ndarray of shape (n_samples,)
            The predictions of the model with the lowest performative risk.
        stable_risk, optimal_risk : float
            The performative risk, a mean squared error, of both.

    Raises
    ------
    ValueError
        If `contraction` is 1, since retraining then has no stable point, or if
        `n_samples` is less than 2.

    References
    ----------
    .. [1] Miller, J., Perdomo, J. C. and Zrnic, T. (2021). Outside the Echo Chamber:
       Optimizing the Performative Risk. ICML.

    Examples
    --------
    >>> from skperf.datasets import make_location_scale
    >>> data = make_location_scale()
    >>> print(f"{data.stable_prediction[0]:.2f} {data.optimal_prediction[0]:.2f}")
    2.50 0.20
    >>> print(f"{data.stable_risk:.2f} {data.optimal_risk:.2f}")
    5.29 1.06
    """
    check_count("n_samples", n_samples, min_val=2)
    for name, value in (("offset", offset), ("noise", noise)):
        check_real(name, value)
    check_real("noise_slope", noise_slope)
    if contraction == 1:
        raise ValueError(
            "contraction=1 has no stable point: each retraining moves the model by "
            "the offset again. Choose another value."
        )
    z = check_random_state(random_state).normal(size=n_samples)
    z = (z - z.mean()) / z.std()

    def risk(f):
        return (offset + (contraction - 1) * f) ** 2 + (noise + noise_slope * f) ** 2

    gap = 1 - contraction
    stable = offset / gap
    optimal = (gap * offset - noise * noise_slope) / (gap**2 + noise_slope**2)
    return Bunch(
        data=np.ones((n_samples, 1)),
        target=offset + noise * z,
        feedback=contraction + noise_slope * z,
        stable_prediction=np.full(n_samples, stable),
        optimal_prediction=np.full(n_samples, optimal),
        stable_risk=risk(stable),
        optimal_risk=risk(optimal),
    )
