# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Problems whose performatively stable point is known in closed form.

Each generator returns the base population and what its distribution map needs. The
docstrings name the shift of :mod:`skperf.shift` to pair it with. Under squared loss
retraining on the shifted data is then a map of the predictions that can be written
down, and so can its fixed point.
"""

from math import cos, sin, sqrt
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state, check_scalar


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
    _check_count("n_samples", n_samples)
    _check_real("noise", noise, min_val=0)
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


def make_label_shift_groups(
    contraction=0.9, *, n_groups=2, angle=0.0, spread=1.0, radius=1e-3
):
    r"""Generate groups with shifting labels, where the chi-square rate is tight.

    There are m = `n_groups` groups of equal size and one prediction f_i for each, with
    the norm ||f||^2 = mean(f_i^2). The label of group i is b or -b for b = `spread`,
    and with ``kappa = contraction / spread`` and an orthogonal matrix O ::

        P(y = b | group i) = (1 + s_i) / 2,    s = kappa * O @ f

    Retraining with loss (f - y)^2 / 2 maps f to ``contraction * O @ f``. It multiplies
    distances by exactly `contraction` and is stable at 0. Among predictions with
    ||f|| <= r = `radius` the map is sensitive in the sense of [1]_ and [2]_,
    chi^2(D(f'), D(f)) <= epsilon ||f - f'||^2, the gradient of the loss is bounded by
    M, and the loss is 1-strongly convex, so the theory guarantees the rate ::

        sqrt(epsilon) * M,  epsilon = kappa^2 / (1 - kappa^2 m r^2),  M = b + sqrt(m) r

    Both constants are attained. The rate tends to `contraction` as `radius` tends to 0,
    so it cannot be improved. This finite instance stands in for the Gaussian one of
    [2]_, Theorem 2.

    Pair it with ``OutcomeShift(feedback=data.feedback, spread=data.spread)`` and
    ``LinearRegression(fit_intercept=False)``. Nothing keeps the predictions within
    the radius but a contraction of at most 1.

    Parameters
    ----------
    contraction : float, default=0.9
        What a distance is multiplied by at each retraining, at least 0. Retraining
        converges if it is less than 1.

    n_groups : int, default=2
        The number of groups, even unless `angle` is a multiple of pi.

    angle : float, default=0.0
        O rotates each pair of groups by this angle, in radians. With 0 the feedback is
        positive, O = I; with pi it is negative, O = -I, and retraining oscillates.

    spread : float, default=1.0
        The size b of a label.

    radius : float, default=1e-3
        The largest norm of a prediction that epsilon and M hold for.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_groups, n_groups)
            The identity: a row for each group.
        target : ndarray of shape (n_groups,)
            Zeros, the mean labels in the absence of a prediction.
        feedback : ndarray of shape (n_groups, n_groups)
            The matrix ``contraction * O``; ``feedback @ f`` are the mean labels.
        spread : float
            The size b of a label.
        contraction : float
            What a distance is multiplied by at each retraining.
        radius : float
            The largest norm of a prediction that the next three fields hold for.
        sensitivity : float
            The sensitivity epsilon of the map.
        gradient_bound : float
            The bound M, the largest possible \|f_i - y\|.
        guaranteed_rate : float
            ``sqrt(sensitivity) * gradient_bound``.
        stable_prediction : ndarray of shape (n_groups,)
            Zeros, the predictions of the stable model.

    Raises
    ------
    ValueError
        If a parameter is out of its range, if `n_groups` is odd and `angle` needs
        pairs, or if `radius` is so large that a probability would leave [0, 1].

    References
    ----------
    .. [1] Mofakhami, M., Mitliagkas, I. and Gidel, G. (2023). Performative
       Prediction with Neural Networks. AISTATS.
    .. [2] Khorsandi, P., Gupta, R., Mofakhami, M., Lacoste-Julien, S. and Gidel, G.
       (2025). Tight Lower Bounds and Improved Convergence in Performative
       Prediction. NeurIPS.

    Examples
    --------
    >>> from skperf.datasets import make_label_shift_groups
    >>> data = make_label_shift_groups(contraction=0.9, n_groups=2)
    >>> print(f"{data.sensitivity:.6f} {data.guaranteed_rate:.6f}")
    0.810001 0.901274
    """
    _check_real("contraction", contraction, min_val=0)
    _check_count("n_groups", n_groups)
    _check_real("spread", spread, min_val=0, include_boundaries="neither")
    _check_real("radius", radius, min_val=0, include_boundaries="neither")
    kappa = contraction / spread
    # The largest |f_i| within the radius, when all other predictions are 0.
    largest = sqrt(n_groups) * radius
    if kappa * largest >= 1:
        raise ValueError(
            f"radius={radius} is too large: predictions of that norm ask for label "
            f"probabilities outside [0, 1]. Choose one below "
            f"{1 / (kappa * sqrt(n_groups)):.6g}, or a larger spread."
        )
    sensitivity = kappa**2 / (1 - (kappa * largest) ** 2)
    gradient_bound = spread + largest
    return Bunch(
        data=np.eye(n_groups),
        target=np.zeros(n_groups),
        feedback=contraction * _block_rotation(n_groups, angle),
        spread=spread,
        contraction=contraction,
        radius=radius,
        sensitivity=sensitivity,
        gradient_bound=gradient_bound,
        guaranteed_rate=sqrt(sensitivity) * gradient_bound,
        stable_prediction=np.zeros(n_groups),
    )


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
    _check_count("n_rounds", n_rounds)
    for name, value in [("epsilon", epsilon), ("beta", beta), ("gamma", gamma)]:
        _check_real(name, value, min_val=0, include_boundaries="neither")
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


def make_two_group_rejection():
    """Generate two groups for which resampling if rejected is solved by hand.

    Half of the population has the feature 1 and the mean outcome 0.9, the other half
    has 1/2 and 0.1. A model predicts ``y_pred = coef * feature``. A row is rejected
    with probability ``delta + (1 - delta) * y_pred`` for delta = 1/2, and a rejected
    row is replaced by a random one, as in [1]_, Section 3. With u = coef / 8 the two
    groups then have the weights 1 - u and 1 + u, and retraining with squared loss gives
    ::

        8 u_next = 2 (0.475 - 0.425 u) / (1.25 - 0.75 u) = coef_next

    The stable point is the smaller root of 3 u^2 - 5.425 u + 0.475 = 0. In the scale of
    [1]_ predictions and outcomes are half as large, f = (1 - delta) * y_pred.

    Pair it with ``ResampleIfRejected(delta=data.delta)``, which reweights whole rows
    exactly, and ``LinearRegression(fit_intercept=False)``.

    Returns
    -------
    dataset : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (2, 1)
            The features 1 and 1/2.
        target : ndarray of shape (2,)
            The mean outcomes 0.9 and 0.1.
        delta : float
            The probability 1/2 of a rejection at prediction 0.
        stable_coef : float
            The coefficient of the stable model, about 0.738.
        stable_prediction : ndarray of shape (2,)
            The predictions of the stable model.
        contraction : float
            The derivative of retraining at the stable point, about -0.0314: an error
            changes sign and nearly vanishes each time.

    References
    ----------
    .. [1] Mofakhami, M., Mitliagkas, I. and Gidel, G. (2023). Performative
       Prediction with Neural Networks. AISTATS.

    Examples
    --------
    >>> from skperf.datasets import make_two_group_rejection
    >>> data = make_two_group_rejection()
    >>> print(f"{data.stable_coef:.12f} {data.contraction:.4f}")
    0.738121421642 -0.0314
    """
    u = (5.425 - sqrt(5.425**2 - 4 * 3 * 0.475)) / (2 * 3)
    X = np.array([[1.0], [0.5]])
    return Bunch(
        data=X,
        target=np.array([0.9, 0.1]),
        delta=0.5,
        stable_coef=8 * u,
        stable_prediction=8 * u * X[:, 0],
        contraction=(0.75 * 0.475 - 1.25 * 0.425) / (4 * (1.25 - 0.75 * u) ** 2),
    )


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
    _check_count("n_players", n_players)
    _check_count("n_locations", n_locations)
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


def _block_rotation(n, angle):
    """Return the orthogonal matrix that rotates coordinate pairs by `angle`."""
    if abs(sin(angle)) < 1e-12:
        return round(cos(angle)) * np.eye(n)
    if n % 2 == 1:
        raise ValueError(
            f"angle={angle} rotates pairs of groups, so n_groups must be even, got "
            f"n_groups={n}. Only a multiple of pi leaves any number of groups."
        )
    rotation = [[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]
    return np.kron(np.eye(n // 2), rotation)


def _mix(eigenvalues, rng):
    """Return a nonsymmetric matrix with these eigenvalues, well conditioned."""
    size = len(eigenvalues)
    noise = rng.normal(size=(size, size))
    basis = np.eye(size) + noise / (2 * np.linalg.norm(noise, ord=2))
    # B S = S L, solved for B from the transposed equation.
    return np.linalg.solve(basis.T, (basis * eigenvalues).T).T


def _check_count(name, value):
    check_scalar(value, name, target_type=Integral, min_val=1)


def _check_real(name, value, **bounds):
    check_scalar(value, name, target_type=Real, **bounds)
