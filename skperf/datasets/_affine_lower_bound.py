# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The instance on which no way of pooling past data can be fast."""

import numpy as np
from sklearn.utils import Bunch

from skperf.datasets._checks import check_count, check_real


def make_affine_lower_bound(n_rounds=20, *, epsilon=2.49, beta=1.0, gamma=5.0):
    """Generate the instance on which no way of pooling past data can be fast.

    Affine risk minimization retrains on a mixture of all distributions seen so far,
    with any weights that sum to 1. In this instance, [1]_, Theorem 6, there are
    2 T predictions for T = `n_rounds`, and with A = I + the first subdiagonal of ones
    retraining on a mixture is ::

        f_next = beta / gamma * (epsilon / 2 * A @ f_mean + e_1)

    where f_mean is the average of past predictions with the weights of the mixture.
    Starting from 0, a round makes at most one more coordinate nonzero, whatever the
    weights. The stable point has no zero coordinate::

        f_i = 2 / epsilon * q^i,    q = x / (1 - x),    x = epsilon beta / (2 gamma)

    so after t rounds the L1 error is at least the sum of f_i over i > t. It decays as
    q^t, while repeated risk minimization is guaranteed the rate 2 x. The default
    parameters are those of Figure 2 of [1]_.

    Pair it with ``OutcomeShift(feedback=data.feedback)`` and
    ``LinearRegression(fit_intercept=False)``. The fit on the base population is the
    first round.

    Parameters
    ----------
    n_rounds : int, default=20
        The number of rounds T that the bound covers.

    epsilon : float, default=2.49
        The sensitivity of the map in the Wasserstein distance.

    beta : float, default=1.0
        The smoothness of the loss.

    gamma : float, default=5.0
        The strong convexity of the loss. ``epsilon * beta < 2 * gamma`` is needed for
        retraining to converge, ``epsilon * beta < gamma`` for the guarantee.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (2 * n_rounds, 2 * n_rounds)
            The identity: a row for each coordinate.
        target : ndarray of shape (2 * n_rounds,)
            ``beta / gamma`` in the first place, then zeros.
        feedback : ndarray of shape (2 * n_rounds, 2 * n_rounds)
            The matrix ``beta / gamma * epsilon / 2 * A``.
        contraction : float
            The rate ``epsilon * beta / gamma`` that the theory guarantees.
        stable_prediction : ndarray of shape (2 * n_rounds,)
            The predictions of the stable model, f_1 first.
        lower_bound : ndarray of shape (n_rounds + 1,)
            Entry t is the L1 distance to the stable predictions that no model can
            beat after t rounds; entry 0 is for the prediction 0.

    Raises
    ------
    ValueError
        If a parameter is not positive, or ``epsilon * beta >= 2 * gamma``.

    References
    ----------
    .. [1] Khorsandi, P., Gupta, R., Mofakhami, M., Lacoste-Julien, S. and Gidel, G.
       (2025). Tight Lower Bounds and Improved Convergence in Performative
       Prediction. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.datasets import make_affine_lower_bound
    >>> data = make_affine_lower_bound(n_rounds=10)
    >>> prediction = np.zeros(20)
    >>> for _ in range(10):
    ...     prediction = data.target + data.feedback @ prediction
    >>> error = abs(prediction - data.stable_prediction).sum()
    >>> bool(error >= data.lower_bound[10])
    True
    """
    check_count("n_rounds", n_rounds)
    for name, value in [("epsilon", epsilon), ("beta", beta), ("gamma", gamma)]:
        check_real(name, value, min_val=0, include_boundaries="neither")
    x = epsilon * beta / (2 * gamma)
    if x >= 1:
        raise ValueError(
            "epsilon * beta must be less than 2 * gamma for retraining to converge, "
            f"got epsilon={epsilon}, beta={beta}, gamma={gamma}."
        )
    dimension = 2 * n_rounds
    stable = 2 / epsilon * (x / (1 - x)) ** np.arange(1, dimension + 1)
    tails = stable[::-1].cumsum()[::-1]
    return Bunch(
        data=np.eye(dimension),
        target=beta / gamma * np.eye(dimension)[0],
        feedback=x * (np.eye(dimension) + np.eye(dimension, k=-1)),
        contraction=2 * x,
        stable_prediction=stable,
        lower_bound=tails[: n_rounds + 1],
    )
