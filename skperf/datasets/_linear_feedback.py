# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A location family, on which the rate of retraining is tight."""

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skperf.datasets._checks import check_count, check_real


def make_linear_feedback(
    n_samples=100, *, contraction=0.5, offset=1.0, noise=0.0, random_state=None
):
    """Generate a location family: outcomes move in proportion to the prediction.

    X is a column of ones and y is drawn from a normal distribution with mean `offset`
    and standard deviation `noise`. A prediction f moves every outcome by
    ``contraction * f``, so the model retrained with squared loss predicts ::

        f_next = contraction * f + mean(y)

    and is stable at ``mean(y) / (1 - contraction)``. The error is multiplied by exactly
    `contraction` at each retraining, which makes the rate of repeated risk minimization
    tight: the instance is [1]_, Theorem 3, with a mean added [2]_.

    Pair it with ``OutcomeShift(feedback=data.feedback)`` and
    ``LinearRegression(fit_intercept=False)``.

    Parameters
    ----------
    n_samples : int, default=100
        The number of rows.

    contraction : float, default=0.5
        What an error is multiplied by at each retraining, anything but 1. Retraining
        converges if it lies between -1 and 1, and oscillates if it is negative.

    offset : float, default=1.0
        The mean of y in the absence of a prediction.

    noise : float, default=0.0
        The standard deviation of y.

    random_state : int, RandomState instance or None, default=None
        Determines the noise. Pass an int for reproducible output.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, 1)
            A column of ones.
        target : ndarray of shape (n_samples,)
            The outcomes in the absence of a prediction.
        feedback : float
            The shift of the outcomes per unit of prediction, `contraction`.
        contraction : float
            What an error is multiplied by at each retraining.
        stable_prediction : ndarray of shape (n_samples,)
            The predictions of the stable model, all equal.

    Raises
    ------
    ValueError
        If `contraction` is 1, since retraining then has no stable point, if
        `n_samples` is less than 1 or `noise` is negative.

    References
    ----------
    .. [1] Khorsandi, P., Gupta, R., Mofakhami, M., Lacoste-Julien, S. and Gidel, G.
       (2025). Tight Lower Bounds and Improved Convergence in Performative
       Prediction. NeurIPS.
    .. [2] Perdomo, J. C., Zrnic, T., Mendler-Dünner, C. and Hardt, M. (2020).
       Performative Prediction. ICML.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.datasets import make_linear_feedback
    >>> data = make_linear_feedback(contraction=0.5)
    >>> model = LinearRegression(fit_intercept=False).fit(data.data, data.target)
    >>> for _ in range(50):
    ...     moved = data.target + data.feedback * model.predict(data.data)
    ...     model = model.fit(data.data, moved)
    >>> round(float(model.coef_[0]), 6), float(data.stable_prediction[0])
    (2.0, 2.0)
    """
    check_count("n_samples", n_samples)
    check_real("noise", noise, min_val=0)
    if contraction == 1:
        raise ValueError(
            "contraction=1 has no stable point: each retraining moves the model by "
            "the mean of y again. Choose another value."
        )
    y = check_random_state(random_state).normal(offset, noise, size=n_samples)
    return Bunch(
        data=np.ones((n_samples, 1)),
        target=y,
        feedback=contraction,
        contraction=contraction,
        stable_prediction=np.full(n_samples, y.mean() / (1 - contraction)),
    )
