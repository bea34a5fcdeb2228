# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Prices that lower the demand: nothing is earned at the stable point."""

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skperf.datasets._checks import check_count, check_real


def make_pricing(n_products=5, *, elasticity=1.5, random_state=None):
    """Generate products whose demand falls with their price.

    There is a row for each product, whose features say which one it is, and a model
    predicts its price f. The demand is ``target - elasticity * f``, the target being
    drawn between 5 and 8, and the loss of a row is ``-demand * f``, what it earns with
    the opposite sign [1]_.

    Retraining takes the demand as given. It raises prices as long as anything is sold,
    and is stable where nothing is: at ``target / elasticity``, with the revenue 0. Half
    of that price earns most, ``target^2 / (4 * elasticity)``.

    Pair it with ``OutcomeShift(feedback=data.feedback)``, and with a loss of your own
    or with a scorer, since no estimator of scikit-learn minimizes this loss.

    Parameters
    ----------
    n_products : int, default=5
        The number of rows, and of columns.

    elasticity : float, default=1.5
        What a unit of price costs of demand, positive.

    random_state : int, RandomState instance or None, default=None
        Determines the demand. Pass an int for reproducible output.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_products, n_products)
            The identity matrix.
        target : ndarray of shape (n_products,)
            The demand at the price 0.
        feedback : float
            What a unit of price adds to the demand, ``-elasticity``.
        stable_prediction : ndarray of shape (n_products,)
            The prices at which nothing is sold.
        optimal_prediction : ndarray of shape (n_products,)
            The prices that earn most.
        stable_revenue, optimal_revenue : float
            What all products earn together at both.

    Raises
    ------
    ValueError
        If `n_products` is less than 1 or `elasticity` is not positive.

    References
    ----------
    .. [1] Izzo, Z., Ying, L. and Zou, J. (2021). How to Learn when Data Reacts to Your
       Model: Performative Gradient Descent. ICML.

    Examples
    --------
    >>> from skperf.datasets import make_pricing
    >>> data = make_pricing(n_products=3, random_state=0)
    >>> data.stable_prediction.round(2), data.optimal_prediction.round(2)
    (array([4.43, 4.76, 4.54]), array([2.22, 2.38, 2.27]))
    >>> print(f"{data.stable_revenue:.2f} {data.optimal_revenue:.2f}")
    0.00 23.60
    """
    check_count("n_products", n_products)
    check_real("elasticity", elasticity, min_val=0, include_boundaries="neither")
    demand = check_random_state(random_state).uniform(5, 8, size=n_products)
    return Bunch(
        data=np.eye(n_products),
        target=demand,
        feedback=-elasticity,
        stable_prediction=demand / elasticity,
        optimal_prediction=demand / (2 * elasticity),
        stable_revenue=0.0,
        optimal_revenue=float(np.sum(demand**2) / (4 * elasticity)),
    )
