# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What can be certified about retraining, as a report."""

import numpy as np
from sklearn.base import clone

from skperf.base import BaseRiskMinimizer
from skperf.metrics._certificates import Assumption, Certificate, ConvergenceReport
from skperf.metrics._contraction import measured_rate
from skperf.metrics._induce import deploy
from skperf.metrics._linearization import radius_at
from skperf.metrics._theorems import (
    UNKNOWN,
    in_parameters,
    in_predictions,
    outcome_feedback,
)
from skperf.retraining._performative_slope import settle
from skperf.retraining._population import check_population
from skperf.retraining._weights import fit_with_weights
from skperf.shift._binding import bind_to_sample
from skperf.shift._sample import as_weights
from skperf.shift._world import remembers
from skperf.utils._arguments import require_shift

_WORDS = {
    "steps": "steps along one line",
    "turns": "steps that turn",
    "noise": "the noise that drawn data leave in models",
}


def convergence_report(
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
    """Report what can be certified about retraining, and what cannot.

    The theorems on retraining assume things of *all* models and people. A report has
    each with its constants: known from the shift, estimated from below, or not known,
    and says whether the assumptions hold. It never concludes that retraining converges
    because an estimate is small. Beside them stands what was measured: the rate of the
    record, and the derivative of one retraining at the model, for linear ones.

    Parameters
    ----------
    estimator : estimator
        A fitted minimizer, whose record is looked at too, or another fitted model.

    shift : BaseShift
        How the population reacts.

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
    report : ConvergenceReport
        To be printed; its certificates are entries.

    See Also
    --------
    contraction_rate : The rate that was measured.
    contraction_radius : The derivative of one retraining.

    References
    ----------
    .. [1] J. Perdomo, T. Zrnic, C. Mendler-Dünner, M. Hardt, "Performative
       Prediction", ICML 2020, theorem 3.5.
    .. [2] M. Mofakhami, I. Mitliagkas, G. Gidel, "Performative Prediction with Neural
       Networks", AISTATS 2023, theorems 2 and 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.metrics import convergence_report
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 3.0])
    >>> shift = OutcomeShift(-0.5)
    >>> model = RepeatedRiskMinimizer(LinearRegression(), shift).fit(X, y)
    >>> report = convergence_report(model, shift, X, y)
    >>> print(report.certificates[0])
    Least squares: one retraining multiplies differences of predictions by the
    feedback.
      loss: squared error of a linear model; holds
      feedback of each target: -0.5; holds
      rate: 0.5
      so: retraining settles at the one stable model, from every start.
    """
    model = deploy(estimator, response_method, pos_label)
    base = check_population(X, y, sample_weight)
    require_shift(shift)
    world = bind_to_sample(shift, base, random_state)
    sample = settle(world, model)
    known = [] if remembers(world.start()) else _theorems(model, shift, world, sample)
    local = _at_the_model(estimator, shift, world, model)
    premise = (
        f"If people react as {type(shift).__name__} says. Theorems are about all "
        "models; estimates of their constants are lower bounds, and prove nothing."
    )
    certificates = [*known, local, *_measured(estimator)]
    return ConvergenceReport(premise, [c for c in certificates if c is not None])


def _theorems(model, shift, world, sample):
    """Return what is known of retraining people who have met one model only."""
    from_below = _seen_sensitivity(model, world, sample)
    predicted = np.asarray(model(sample.X), dtype=float)
    return [
        outcome_feedback(model.estimator, shift),
        in_predictions(model.estimator, shift, sample, predicted, from_below),
        in_parameters(model.estimator, shift, sample),
    ]


def _seen_sensitivity(model, world, sample):
    """Return the chi-square between the data of two models, over their distance.

    One is the model, the other is trained on the base population. None where their
    samples do not share rows, so that the chi-square of the laws is not seen.
    """
    base = world.base
    first = model.succeed(fit_with_weights(clone(model.estimator), base))
    seen = settle(world, first)
    if sample.support is None or seen.support != sample.support:
        return None
    p, q = (as_weights(s.sample_weight, len(np.asarray(s.y))) for s in (seen, sample))
    p, q = p / p.sum(), q / q.sum()
    weights = as_weights(base.sample_weight, len(np.asarray(base.y)))
    move = np.average((first(base.X) - model(base.X)) ** 2, weights=weights)
    used = p > 0
    if not move or q[~used].any():
        return None
    return float(np.sum((q - p)[used] ** 2 / p[used]) / move)


def _at_the_model(estimator, shift, world, model):
    """Return the certificate by the derivative of one retraining."""
    source = "The derivative of one retraining at this model, on its own data alone."
    try:
        contraction = radius_at(shift, world, model)
    except ValueError as error:
        return Certificate(source, [], np.nan, f"nothing. {error}", is_global=False)
    radius = contraction.radius
    so = "retraining that begins near enough comes back to it"
    if radius >= 1:
        so = "retraining leaves it, even from nearby"
        window = next((n for n in range(2, 9) if contraction.with_window(n) < 1), None)
        if window is not None:
            so += f"; on averages of {window} samples it comes back"
    so += ". From further away nothing follows."
    return Certificate(source, [_is_stable(estimator)], radius, so, is_global=False)


def _is_stable(estimator):
    name = "the model is stable"
    if not isinstance(estimator, BaseRiskMinimizer):
        return Assumption(name, "", UNKNOWN)
    residual = estimator.stability_residual_
    if estimator.diagnosis_ == "stationary" or np.isnan(residual):
        return Assumption(name, "", UNKNOWN)  # an optimum, which is another thing
    standing = "holds" if estimator.converged_ else "fails"
    return Assumption(name, f"residual {residual:.2g}", standing)


def _measured(estimator):
    """Yield what the record of a minimizer tells."""
    if not isinstance(estimator, BaseRiskMinimizer):
        return
    source = f"The record of {estimator.n_iter_} rounds of retraining."
    try:
        contraction = measured_rate(estimator)
    except ValueError as error:
        yield Certificate(source, [], np.nan, f"nothing. {error}", is_global=False)
        return
    estimate = (
        f"{contraction.rate:.3g} ({contraction.low:.3g} to {contraction.high:.3g}), by "
        f"{_WORDS[contraction.kind]}"
    )
    so = "this is what has happened."
    if np.isfinite(contraction.distance_bound):
        so += (
            f" If it goes on, the last model is {contraction.distance_bound:.2g} or "
            "less from the stable one, as a root mean square of predictions."
        )
    yield Certificate(
        source,
        [Assumption("later rounds are like the last", estimate, UNKNOWN)],
        abs(contraction.rate),
        so,
        is_global=False,
    )
