# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The ride-share game: two companies set prices, and each price moves both demands."""

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skperf.datasets._checks import check_count

_REGULARIZATION = 70.0
_PRICE_BOUND = 30.0
#: The extreme eigenvalues of best responses, by the price in dollars.
_EIGENVALUES = {10: (-1.516, -0.370), 15: (-0.805, -0.182)}
#: What a dollar does to the own and to the other demand at 10 dollars, the strongest
#: and the weakest.
_STRONGEST, _WEAKEST = (-77.2, 33.6), (-43.8, 23.9)


def make_ride_share(price=10, *, n_locations=11, random_state=None):
    r"""Generate the ride-share game: prices of two companies in some locations.

    Each company adjusts its price in each location by x dollars. Its demand there is
    linear in both adjustments, and its loss is minus its revenue from them with a
    penalty [1]_, [2]_::

        z_i = q_i + a_i x_i + c x_j
        loss = -z_i x_i + 35 x_i ** 2,    -30 <= x_i <= 30

    With a_i < 0 < c a dollar more costs a company customers, part of whom go to the
    other one. A company that takes its demand as given answers ``z_i / 70``. So
    retraining at once has the Jacobian ``[[a_1, c], [c, a_2]] / 70`` in each location,
    with two negative eigenvalues: prices overshoot. Some eigenvalues are below -1 at 10
    dollars, where retraining in turns or at once diverges, and none is at 15.

    These are not the Boston data of [1]_. The elasticities are drawn so that they have
    the ranges that are known of those: at 10 dollars the own a_i from -77.2 to -43.8
    and the cross c from 23.9 to 33.6, the eigenvalues from -1.516 to -0.370, all of
    them attained, and mean demands q_i within 292 to 515. At 15 dollars the eigenvalues
    run from -0.805 to -0.182, and the rest is scaled in proportion. One location has
    the strongest reactions, one the weakest, and the others are random averages of the
    two. In the public model of the data ``a_i = -1.5 q_j / price`` with the demand of
    the *other* company; this is kept.

    Pair it with ``GameOutcomeShift(data.feedback, spread=data.spread)`` and with least
    squares that are scaled and clipped, as in the example.

    Parameters
    ----------
    price : {10, 15}, default=10
        The price in dollars before the adjustments.

    n_locations : int, default=11
        The number of locations, at least 2.

    random_state : int, RandomState instance or None, default=None
        Determines the elasticities. Pass an int for reproducible output.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_locations, n_locations)
            The identity: a row for each location.
        target : ndarray of shape (n_locations, 2)
            The mean demands q in rides, a column for each company. They are what the
            first prices answer; the game of [1]_ starts from random adjustments between
            0 and 1, and adds normal noise of standard deviation 1 to demand.
        feedback : ndarray of shape (2, 2, n_locations)
            Rides per dollar: entry ``[i, j, n]`` is what the price of company j does to
            the demand for company i in location n.
        regularization : float
            The 70 of the penalty.
        price_bound : float
            The largest adjustment, 30 dollars.
        spread : float
            Twice the largest move of a demand within the bound, which leaves room for
            noise.
        eigenvalues : ndarray of shape (2 * n_locations,)
            Those of the Jacobian, ascending.
        stable_prediction : ndarray of shape (n_locations, 2)
            The price adjustments in the equilibrium. No bound is active there.

    Raises
    ------
    ValueError
        If `price` is not 10 or 15, or if `n_locations` is less than 2.

    References
    ----------
    .. [1] Narang, A., Faulkner, E., Drusvyatskiy, D., Fazel, M. and Ratliff, L. J.
       (2023). Multiplayer Performative Prediction: Learning in Decision-Dependent
       Games. Journal of Machine Learning Research, 24.
    .. [2] Khorsandi, P., Gupta, R., Mofakhami, M., Lacoste-Julien, S. and Gidel, G.
       (2025). Tight Lower Bounds and Improved Convergence in Performative
       Prediction. NeurIPS. Appendix J.

    Examples
    --------
    >>> from functools import partial
    >>> import numpy as np
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.datasets import make_ride_share
    >>> data = make_ride_share(price=10, random_state=0)
    >>> best_response = TransformedTargetRegressor(
    ...     LinearRegression(fit_intercept=False),
    ...     func=partial(np.multiply, 1 / data.regularization),
    ...     inverse_func=partial(np.clip, a_min=-30, a_max=30),
    ...     check_inverse=False,
    ... )
    >>> moves = np.einsum("ijn,nj->ni", data.feedback, data.stable_prediction)
    >>> demand = data.target + moves
    >>> prices = best_response.fit(data.data, demand).predict(data.data)
    >>> bool(np.allclose(prices, data.stable_prediction))
    True
    """
    check_count("n_locations", n_locations, min_val=2)
    if price not in _EIGENVALUES:
        raise ValueError(f"price must be 10 or 15, got {price!r}.")
    rng = check_random_state(random_state)
    feedback = _draw_elasticities(price, n_locations, rng)
    own = feedback[[0, 1], [0, 1]]
    demand = -own[::-1].T * price / 1.5
    jacobians = feedback.transpose(2, 0, 1) / _REGULARIZATION
    prices = np.linalg.solve(np.eye(2) - jacobians, demand[..., None] / _REGULARIZATION)
    return Bunch(
        data=np.eye(n_locations),
        target=demand,
        feedback=feedback,
        regularization=_REGULARIZATION,
        price_bound=_PRICE_BOUND,
        spread=float(2 * _PRICE_BOUND * np.abs(feedback).sum(axis=1).max()),
        eigenvalues=np.sort(np.linalg.eigvalsh(jacobians).ravel()),
        stable_prediction=prices[..., 0],
    )


def _draw_elasticities(price, n_locations, rng):
    """Draw symmetric blocks, averages of two, of shape (2, 2, n_locations).

    The largest eigenvalue is convex in a symmetric matrix and the smallest concave, so
    the averages have their eigenvalues between the extreme ones of the two.
    """
    low, high = _EIGENVALUES[10]
    low_here, high_here = _EIGENVALUES[price]
    strongest = low_here / low * _block(low * _REGULARIZATION, *_STRONGEST)
    weakest = high_here / high * _block(high * _REGULARIZATION, *_WEAKEST)
    shares = np.concatenate([[0.0, 1.0], rng.uniform(size=n_locations - 2)])
    shares = rng.permutation(shares)
    blocks = np.multiply.outer(strongest, 1 - shares)
    blocks += np.multiply.outer(weakest, shares)
    swapped = rng.uniform(size=n_locations) < 0.5  # either company may be the stronger
    blocks[..., swapped] = blocks[::-1, ::-1, swapped]
    return blocks


def _block(eigenvalue, own, cross):
    """Return [[own, cross], [cross, x]] with the x that gives the eigenvalue."""
    other = eigenvalue + cross**2 / (own - eigenvalue)
    return np.array([[own, cross], [cross, other]])
