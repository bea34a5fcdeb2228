# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Groups with shifting labels, where the chi-square rate is tight."""

from math import cos, sin, sqrt

import numpy as np
from sklearn.utils import Bunch

from skperf.datasets._checks import check_count, check_real


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
    check_real("contraction", contraction, min_val=0)
    check_count("n_groups", n_groups)
    check_real("spread", spread, min_val=0, include_boundaries="neither")
    check_real("radius", radius, min_val=0, include_boundaries="neither")
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
