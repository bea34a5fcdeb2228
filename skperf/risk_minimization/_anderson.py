# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Anderson mixing: the coefficients in which the moves of past models cancel."""

import math

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dtrtri
from scipy.optimize import nnls

from skperf.retraining._losses import norm
from skperf.utils._by_rows import fold_rows

_MAX_CONDITION = 1e8  # beyond it a solution is made of rounding errors
_ROUNDING = 10 * np.finfo(float).eps  # of sums in a fit and in its predictions


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

    Examples
    --------
    One model came too far up by 0.4, the next too far down by 0.2. In the mixture
    that cancels these moves the second counts twice as much:

    >>> import numpy as np
    >>> from skperf.retraining import Snapshot
    >>> from skperf.risk_minimization import anderson
    >>> from skperf.shift import Sample
    >>> sample = Sample(np.ones((2, 1)), np.array([0.0, 1.0]))
    >>> window = [
    ...     Snapshot(sample, y_pred=np.full(2, 0.9), residual=np.full(2, 0.4)),
    ...     Snapshot(sample, y_pred=np.full(2, 0.3), residual=np.full(2, -0.2)),
    ... ]
    >>> anderson(window).round(3)
    array([0.333, 0.667])
    """
    if snapshots[-1].residual is None or is_rounding(snapshots[-1]):
        return np.append(np.zeros(len(snapshots) - 1), 1.0)
    residuals = [s.residual for s in snapshots if s.residual is not None]
    moves, newest = _compress(residuals)
    solve = _convex_minimum if convex else _affine_minimum
    depth = _independent(moves)
    solution = solve(moves[:, :depth], newest)
    while depth and _is_stuck(solution):
        depth -= 1
        solution = solve(moves[:, :depth], newest)
    return np.append(np.zeros(len(snapshots) - len(solution)), solution)


def is_rounding(snapshot):
    """Return whether a model is nearer to its mixture than numbers are to each other.

    There is nothing left to cancel then, and the moves of old models are noise.
    """
    scale = norm(snapshot.y_pred) / np.sqrt(math.prod(snapshot.y_pred.shape))
    return norm(snapshot.residual) <= _ROUNDING * scale


def _compress(residuals):
    """Return the moves from each residual to the next, newest first, and the newest.

    As columns of a triangle, with the norms and angles of the originals in few rows.
    Leaving out the oldest moves is leaving out the last columns.
    """
    triangle = fold_rows(_triangle, _join_triangles, *residuals)
    return triangle[:, :-1], triangle[:, -1]


def _triangle(*residuals):
    moves = np.diff(residuals, axis=0)[::-1]
    return np.linalg.qr(np.vstack([moves, residuals[-1]]).T, mode="r")


def _join_triangles(first, second):
    """Return the triangle of all rows, from those of some and of the others."""
    return np.linalg.qr(np.vstack([first, second]), mode="r")


def _independent(moves):
    """Return how many of the newest moves say, up to noise, something of their own."""
    norms = np.linalg.norm(moves, axis=0)
    repeats = np.flatnonzero(norms == 0)
    depth = min(*moves.shape, *repeats[:1])
    directions = moves[:depth, :depth] / norms[:depth]
    while depth > 1 and _condition(directions[:depth, :depth]) > _MAX_CONDITION:
        depth -= 1
    return depth


def _condition(triangle):
    """Return the condition number in the norm of the largest column sum."""
    inverse, singular = dtrtri(triangle)
    sums = np.abs(triangle).sum(axis=0), np.abs(inverse).sum(axis=0)
    return np.inf if singular else sums[0].max() * sums[1].max()


def _is_stuck(coefficients):
    """Return whether the newest model is left out: the next would repeat it."""
    return abs(coefficients[-1]) < 1e-8


def _affine_minimum(moves, newest):
    """Minimize |newest - moves @ steps|; return the coefficients, oldest first."""
    depth = moves.shape[1]
    if not depth:  # which some versions of LAPACK's wrappers refuse
        return np.ones(1)
    steps = solve_triangular(moves[:depth], newest[:depth], check_finite=False)
    return np.diff(np.concatenate([[0.0], steps[::-1], [1.0]]))


def _convex_minimum(moves, newest):
    """Minimize |residuals @ a| over the simplex.

    Over the cone a = s * alpha the least squares value of [residuals; 1] a = [0; 1] is
    v / (1 + v) with v = |residuals @ alpha|^2, so both have the same best alpha.
    """
    back = np.cumsum(moves, axis=1)
    residuals = np.column_stack([newest, newest[:, None] - back])[:, ::-1]
    scaled = residuals / max(np.linalg.norm(residuals, axis=0).max(), 1e-300)
    matrix = np.vstack([scaled, np.ones(scaled.shape[1])])
    target = np.append(np.zeros(len(scaled)), 1.0)
    try:
        solution, _ = nnls(matrix, target, maxiter=100 * matrix.shape[1])
    except RuntimeError:  # it goes round where residuals are all alike
        return np.append(np.zeros(scaled.shape[1] - 1), 1.0)
    return solution / solution.sum()
