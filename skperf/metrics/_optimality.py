# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How much better than a model the best one could be, without looking for it."""

import numpy as np

from skperf.metrics._derivatives import MOST_NUMBERS, STEP, jacobian
from skperf.metrics._induce import deploy
from skperf.retraining._descents import find_slope
from skperf.retraining._performative_slope import DifferencedRisk
from skperf.retraining._population import check_population
from skperf.shift._binding import bind_to_sample
from skperf.utils._arguments import require_shift

_FLAT = 1e-9  # of the largest curvature, below which a direction counts as flat
_BENT = 1e-4  # of the largest curvature, by which a risk may bend downwards


def optimality_gap(
    estimator,
    shift,
    X,
    y,
    *,
    response_method="auto",
    pos_label=None,
    sample_weight=None,
    random_state=None,
):
    r"""Estimate how much performative risk the best model would save.

    One Newton step, :math:`\frac12 g^\top H^{-1} g` with gradient g and Hessian H of
    the performative risk by the numbers in the model, and no retraining. Meant for a
    stable model: it tells whether it is worth looking for the optimum, by
    :class:`~skperf.PerformativeRiskMinimizer`. A penalty that the estimator was fitted
    with does not count, so what it costs is part of the gap.

    Parameters
    ----------
    estimator : estimator
        A fitted linear model, behind scalers or not, or a torch module, of at most 500
        numbers; of a fitted minimizer its deployed model.

    shift : BaseShift
        How the population reacts; with a pull-back.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of the base population.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the base population.

    response_method : str, default="auto"
        Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes that of a
        fitted minimizer, else the one that :class:`~skperf.shift.Predictor` takes.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the base population.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift.

    Returns
    -------
    gap : float
        Risk that the optimum would save, if the risk were a parabola around the model.
        An estimate, of the loss that the model is judged by: good where the gap is
        small.

    Raises
    ------
    ValueError
        If the risk has no gradient by the numbers in the model, if they are more than
        500, or if the risk bends downwards there, so that no parabola has a lowest
        point.

    See Also
    --------
    stability_gap : What one retraining would save, which is 0 for a stable model.

    Examples
    --------
    The risk of a mean is a parabola, and so the gap is exact:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf.metrics import optimality_gap
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    >>> model = LinearRegression().fit(X, y)
    >>> round(optimality_gap(model, OutcomeShift(feedback=0.5), X, y), 6)
    0.0625
    """
    model = deploy(estimator, response_method, pos_label)
    base = check_population(X, y, sample_weight)
    require_shift(shift)
    world = bind_to_sample(shift, base, random_state)
    slope_at = find_slope(shift, world, model)
    if isinstance(slope_at, DifferencedRisk):
        slope_at = "the shift has no pull-back, or the loss no known slope"
    if isinstance(slope_at, str):
        raise ValueError(f"optimality_gap is not known here: {slope_at}.")
    return _newton_gain(slope_at)


def _newton_gain(slope_at):
    """Return what one Newton step saves of a parabola."""
    values = slope_at.parameters.get()
    if len(values) > MOST_NUMBERS:
        raise ValueError(
            f"optimality_gap measures the curvature of at most {MOST_NUMBERS} numbers;"
            f" the model has {len(values)}. Fit PerformativeRiskMinimizer, and compare "
            "its performative_risk_ with that of the model."
        )
    gradient = slope_at(values).gradient
    curvatures, directions = np.linalg.eigh(_hessian(slope_at, values))
    largest = np.abs(curvatures).max()
    if curvatures.min() < -_BENT * largest:
        raise ValueError(
            "The performative risk bends downwards at this model, in some direction: "
            "it is near no optimum, and no parabola tells how far away that is. Fit "
            "PerformativeRiskMinimizer from here."
        )
    bowl = curvatures > _FLAT * largest
    along = directions.T[bowl] @ gradient
    return float(np.sum(along**2 / curvatures[bowl]) / 2)


def _hessian(slope_at, values):
    """Return the second derivatives, by central differences of the gradient."""
    steps = STEP * np.maximum(np.abs(values), 1.0)
    hessian = jacobian(lambda moved: slope_at(moved).gradient, values, steps)
    return (hessian + hessian.T) / 2
