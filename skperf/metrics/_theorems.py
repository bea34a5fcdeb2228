# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The papers' theorems on retraining, with their constants where these are known.

A constant that was only estimated is a lower bound, since assumptions are about all
models: no theorem applies because an estimate is small.
"""

from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.utils.extmath import row_norms

from skperf.metrics._certificates import Assumption, Certificate
from skperf.retraining._losses import default_risk
from skperf.retraining._output_losses import has_own_loss
from skperf.shift import OutcomeShift, ResampleIfRejected, StrategicResponse
from skperf.shift._gradients import is_linear, model_steps, scale_of

UNKNOWN = "cannot be known"
_NOTHING = "nothing, neither that retraining settles nor that it does not"


def outcome_feedback(estimator, shift):
    """Return the certificate of least squares with targets that answer row by row.

    None for other estimators and shifts. A projection, or a penalty that is convex,
    brings no two targets further apart.
    """
    *scalers, last = model_steps(estimator)
    is_number = type(shift) is OutcomeShift and isinstance(shift.feedback, Real)
    is_least_squares = type(last) in (LinearRegression, Ridge)
    if not is_number or not is_least_squares or scale_of(scalers) is None:
        return None
    a = float(shift.feedback)
    exact = type(last) is LinearRegression and not last.positive
    if abs(a) < 1:
        so = "retraining settles at the one stable model, from every start"
    elif exact:
        so = "retraining settles from no start but the stable model itself"
        if a < -1:
            so += f"; averages over more than {-a:g} samples do settle"
    else:
        so = _NOTHING
    return Certificate(
        "Least squares: one retraining multiplies differences of predictions by "
        f"{'' if exact else 'at most '}the feedback.",
        [
            Assumption("loss", "squared error of a linear model", "holds"),
            Assumption("feedback of each target", f"{a:g}", "holds"),
        ],
        abs(a),
        so + ".",
    )


def in_predictions(estimator, shift, sample, predicted, from_below):
    """Return the certificate by theorem 2 of Mofakhami et al. (2023).

    Parameters
    ----------
    estimator : estimator
        The deployed model.

    shift : BaseShift
        How people react.

    sample : Sample
        What the model induces.

    predicted : ndarray of shape (n_samples,)
        What it predicts on that.

    from_below : float or None
        The largest sensitivity that was seen.
    """
    sensitivity, norms = _sensitivity(shift, from_below)
    slope, gamma = _loss(estimator, sample, predicted)
    known = "holds" if gamma > 0 else UNKNOWN
    so = f"{_NOTHING}."  # no known model has a bounded slope and a convex set
    if type(shift) is ResampleIfRejected:
        so = f"{_NOTHING}. With M = gamma it would speak where delta is above 1/2."
    return Certificate(
        "Mofakhami et al. 2023, theorem 2: one retraining multiplies differences of "
        "predictions by at most sqrt(C eps) M / gamma.",
        [
            _constant(
                "eps, how far data move with predictions (chi-square)", *sensitivity
            ),
            _constant("C, how far norms of two models differ", *norms),
            _constant("gamma, how bent the loss is", gamma, known),
            _constant("M, how steep the loss is", slope, UNKNOWN),
            Assumption(
                "predictions of all models are a convex set", "", _convex(estimator)
            ),
        ],
        float(np.sqrt(norms[0] * sensitivity[0]) * slope / gamma),
        so,
    )


def in_parameters(estimator, shift, sample):
    """Return the certificate by theorem 3.5 of Perdomo et al. (2020)."""
    last = model_steps(estimator)[-1]
    alone = len(model_steps(estimator)) == 1 and is_linear(last)
    moves = type(shift) is StrategicResponse and alone
    eps = abs(float(shift.epsilon)) if moves else np.nan
    beta = _smoothness(last, sample) if alone else np.nan
    gamma, standing = _strong_convexity(last, sample)
    return Certificate(
        "Perdomo et al. 2020, theorem 3.5: one retraining multiplies differences of "
        "parameters by at most eps beta / gamma.",
        [
            _constant(
                "eps, how far data move with parameters (Wasserstein)",
                eps,
                "holds" if moves else UNKNOWN,
            ),
            _constant("beta, how smooth the slope of the loss is", beta, UNKNOWN),
            _constant("gamma, how bent the risk is", gamma, standing),
        ],
        float(eps * beta / gamma) if gamma else np.nan,
        f"{_NOTHING}: beta is about all models and all people.",
    )


def _constant(name, value, standing):
    """Return an assumption on a constant; what is not known was seen from below."""
    if np.isnan(value):
        return Assumption(name, "", UNKNOWN)
    if np.isinf(value):
        return Assumption(name, "infinite", standing)
    return Assumption(
        name, f"{'' if standing == 'holds' else 'at least '}{value:.3g}", standing
    )


def _sensitivity(shift, from_below):
    """Return eps and C, in units of probabilities, and whether they are so."""
    if type(shift) is ResampleIfRejected and shift.delta > 0:
        delta = float(shift.delta)
        whole = shift.strategic_features is None
        standing = "holds" if whole else UNKNOWN  # columns must be independent
        return ((1 - delta) ** 2 / delta, standing), (1 / delta, standing)
    if type(shift) is OutcomeShift and shift.spread is None:
        return (np.inf, "fails"), (1.0, "holds")  # targets that had no chance before
    if type(shift) is StrategicResponse:
        return (np.inf, "fails"), (np.nan, UNKNOWN)
    return (np.nan if from_below is None else from_below, UNKNOWN), (np.nan, UNKNOWN)


def _loss(estimator, sample, predicted):
    """Return the steepest slope that was seen, and the curvature; NaN if not known.

    By the prediction, of half the squared error or of the log loss.
    """
    risk = default_risk(estimator)
    if has_own_loss(estimator) or risk == "error rate":
        return np.nan, np.nan
    if risk == "log loss":
        extreme = np.minimum(predicted, 1 - predicted).min()
        return (float(1 / extreme) if extreme > 1e-300 else np.inf), 1.0
    targets = np.asarray(sample.y, dtype=float).reshape(predicted.shape)
    return float(np.abs(predicted - targets).max()), 1.0


def _convex(estimator):
    """Return whether averages of two models' predictions are those of a model."""
    *scalers, last = model_steps(estimator)
    if is_linear(last) and scale_of(scalers) is not None:
        # logistic curves do not add up to one
        return "fails" if is_classifier(last) else "holds"
    return UNKNOWN


def _smoothness(last, sample):
    """Return how much the slope of the loss changes with a row, at this model."""
    X = sample.X if issparse(sample.X) else np.asarray(sample.X, dtype=float)
    size = row_norms(X).max()
    if is_classifier(last):
        return float(1 + size * np.linalg.norm(last.coef_) / 4)
    errors = np.asarray(sample.y, dtype=float) - last.predict(sample.X)
    return float(np.abs(errors).max() + size * np.linalg.norm(last.coef_))


def _strong_convexity(last, sample):
    """Return the curvature that the penalty alone gives to the mean loss."""
    weights = sample.sample_weight
    total = len(np.asarray(sample.y)) if weights is None else weights.sum()
    strengths = {LogisticRegression: "C", Ridge: "alpha"}
    name = strengths.get(type(last))
    if name is None or np.ndim(getattr(last, name)):
        return np.nan, UNKNOWN
    value = float(getattr(last, name))
    gamma = 1 / (value * total) if name == "C" else value / total
    if last.fit_intercept or not gamma:  # a free intercept is not penalised
        return np.nan, UNKNOWN
    return gamma, "holds"
