# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A game in which each player's prediction moves everyone's outcome."""

import numpy as np
from sklearn.utils import Bunch, check_random_state

from skperf.datasets._checks import check_count


def make_linear_game(
    n_players=2,
    n_locations=11,
    *,
    eigenvalue_range=(-1.52, -0.37),
    offset=1.0,
    random_state=None,
):
    """Generate a game in which each player's prediction moves everyone's outcome.

    Each of the p players makes one prediction for each of l locations, d = p l in all.
    With a d x d matrix B, retraining all players at once with squared loss gives ::

        f_next = y + B @ f

    which is stable at the solution of (I - B) f = y. The matrix is B = S L S^-1, with
    the eigenvalues L evenly spaced over `eigenvalue_range`, in random order, and
    S = I + R / (2 ||R||_2) for a matrix R of standard normal entries. It is not
    symmetric, yet its condition number for eigenvalues, that of S, is at most 3.

    The default size and range are those of the best responses in the ride-share game
    of [1]_ and [2]_, two companies and 11 locations at a price of 10 dollars; the
    entries of B are not. There raising a price lowers the company's own demand, hence
    the negative eigenvalues. As one of them is below -1 repeated risk minimization
    diverges, while averaging two or more snapshots converges.

    Pair it with ``OutcomeShift(feedback=data.feedback)``, adding
    ``spread=data.spread`` where past samples shall be pooled as weights, and with
    ``LinearRegression(fit_intercept=False)``. One model then predicts for all players.
    For a :class:`~skperf.games.PerformativeGame` of p models, pair ``np.eye(l)`` and
    ``target.reshape(p, l).T`` with the blocks
    ``GameOutcomeShift(feedback.reshape(p, l, p, l).swapaxes(1, 2))``.

    Parameters
    ----------
    n_players : int, default=2
        The number of players.

    n_locations : int, default=11
        The number of locations.

    eigenvalue_range : tuple of two floats, default=(-1.52, -0.37)
        The smallest and the largest eigenvalue of B; 1 may not lie between them.

    offset : float, default=1.0
        The mean outcome in the absence of predictions: y is uniform between
        ``0.5 * offset`` and ``1.5 * offset``.

    random_state : int, RandomState instance or None, default=None
        Determines B and y. Pass an int for reproducible output.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes, where
        d = n_players * n_locations.

        data : ndarray of shape (d, d)
            The identity. Row ``i * n_locations + j`` is player i in location j.
        target : ndarray of shape (d,)
            The outcomes in the absence of predictions.
        feedback : ndarray of shape (d, d)
            The matrix B.
        eigenvalues : ndarray of shape (d,)
            The eigenvalues of B, ascending.
        contraction : float
            The largest absolute eigenvalue. In the long run an error is multiplied
            by it at each retraining.
        stable_prediction : ndarray of shape (d,)
            The predictions of the stable model.
        radius : float
            1000 times the largest absolute stable prediction. Retraining that diverges
            with the default eigenvalues stays within it for 15 rounds.
        spread : float
            The largest absolute entry that ``B @ f`` can have while no entry of f
            exceeds `radius`. The outcomes y +- spread then have probabilities within
            [0, 1].

    Raises
    ------
    ValueError
        If `n_players` or `n_locations` is less than 1, if `eigenvalue_range` is not
        ascending, or if it includes 1.

    References
    ----------
    .. [1] Narang, A., Faulkner, E., Drusvyatskiy, D., Fazel, M. and Ratliff, L. J.
       (2023). Multiplayer Performative Prediction: Learning in Decision-Dependent
       Games. Journal of Machine Learning Research, 24.
    .. [2] Khorsandi, P., Gupta, R., Mofakhami, M., Lacoste-Julien, S. and Gidel, G.
       (2025). Tight Lower Bounds and Improved Convergence in Performative
       Prediction. NeurIPS. Section 7.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.datasets import make_linear_game
    >>> game = make_linear_game(random_state=0)
    >>> game.data.shape, game.contraction
    ((22, 22), 1.52)
    >>> last, previous = game.target, np.zeros(22)
    >>> for _ in range(200):
    ...     mixed = (last + previous) / 2
    ...     last, previous = game.target + game.feedback @ mixed, last
    >>> bool(np.allclose(last, game.stable_prediction))
    True
    """
    check_count("n_players", n_players)
    check_count("n_locations", n_locations)
    low, high = eigenvalue_range
    if low > high or low <= 1 <= high:
        raise ValueError(
            "eigenvalue_range must be a pair (low, high) with low <= high and without "
            f"1 in between, where no stable point exists; got {eigenvalue_range!r}."
        )
    rng = check_random_state(random_state)
    eigenvalues = np.linspace(low, high, n_players * n_locations)
    feedback = _mix(rng.permutation(eigenvalues), rng)
    y = offset * rng.uniform(0.5, 1.5, size=len(eigenvalues))
    stable = np.linalg.solve(np.eye(len(y)) - feedback, y)
    radius = 1000 * np.abs(stable).max()
    return Bunch(
        data=np.eye(len(y)),
        target=y,
        feedback=feedback,
        eigenvalues=eigenvalues,
        contraction=float(np.abs(eigenvalues).max()),
        stable_prediction=stable,
        radius=float(radius),
        spread=float(radius * np.linalg.norm(feedback, ord=np.inf)),
    )


def _mix(eigenvalues, rng):
    """Return a nonsymmetric matrix with these eigenvalues, well conditioned."""
    size = len(eigenvalues)
    noise = rng.normal(size=(size, size))
    basis = np.eye(size) + noise / (2 * np.linalg.norm(noise, ord=2))
    # B S = S L, solved for B from the transposed equation.
    return np.linalg.solve(basis.T, (basis * eigenvalues).T).T
