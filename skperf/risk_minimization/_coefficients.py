# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How much each past snapshot counts in the mixture that a model is trained on."""

import numpy as np
from scipy.optimize import nnls

_MAX_CONDITION = 1e8  # beyond it a solution is made of rounding errors


def uniform(snapshots):
    """Weigh all models of the window equally.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        The window, oldest first.

    Returns
    -------
    coefficients : ndarray of shape (n_snapshots,)
        Non-negative, with sum 1.
    """
    n_models = np.array([snapshot.n_models for snapshot in snapshots])
    return n_models / n_models.sum()


def anderson(snapshots, *, convex=False):
    r"""Choose the mixture in which the models' moves cancel best.

    Minimizes :math:`\lVert \sum_i \alpha_i r_i \rVert` with
    :math:`\sum_i \alpha_i = 1`, where :math:`r_i` is how far model i moved away, in
    predictions, from the mixture that it was trained on. For maps affine in the
    predictions this is Anderson acceleration of retraining.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        The window, oldest first. The first model of a path has no residual and is left
        out as soon as there is another.

    convex : bool, default=False
        Whether to keep the coefficients non-negative.

    Returns
    -------
    coefficients : ndarray of shape (n_snapshots,)
        With sum 1; some may be negative unless `convex`.

    References
    ----------
    .. [1] H. Walker, P. Ni, "Anderson Acceleration for Fixed-Point Iterations", SIAM
       Journal on Numerical Analysis, 2011.
    """
    if snapshots[-1].residual is None:
        return np.ones(1)
    moved = [snapshot for snapshot in snapshots if snapshot.residual is not None]
    residuals = np.column_stack([snapshot.residual for snapshot in moved])
    residuals = np.linalg.qr(residuals, mode="r")  # the same norms in few rows
    solve = _convex_minimum if convex else _affine_minimum
    solution = solve(residuals)
    while len(solution) > 1 and (_is_degenerate(residuals) or _is_stuck(solution)):
        residuals = residuals[:, 1:]
        solution = solve(residuals)
    return np.append(np.zeros(len(snapshots) - len(solution)), solution)


def _is_degenerate(residuals):
    """Return whether old models only repeat, up to noise, what newer ones say."""
    differences = np.diff(residuals)
    norms = np.linalg.norm(differences, axis=0)
    if differences.shape[1] > differences.shape[0] or not norms.all():
        return True
    return np.linalg.cond(differences / norms) > _MAX_CONDITION


def _is_stuck(coefficients):
    """Return whether the newest model is left out: the next would repeat it."""
    return abs(coefficients[-1]) < 1e-8


def _affine_minimum(residuals):
    """Minimize |residuals @ a| over sum(a) = 1, by differences to the last column."""
    last = residuals[:, -1]
    differences = residuals[:, :-1] - last[:, None]
    steps = np.linalg.lstsq(differences, -last, rcond=None)[0]
    return np.append(steps, 1 - steps.sum())


def _convex_minimum(residuals):
    """Minimize |residuals @ a| over the simplex.

    Over the cone a = s * alpha the least squares value of [residuals; 1] a = [0; 1] is
    v / (1 + v) with v = |residuals @ alpha|^2, so both have the same best alpha.
    """
    scaled = residuals / max(np.linalg.norm(residuals, axis=0).max(), 1e-300)
    matrix = np.vstack([scaled, np.ones(scaled.shape[1])])
    solution, _ = nnls(matrix, np.append(np.zeros(len(scaled)), 1.0))
    return solution / solution.sum()
