# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Risks of a model on the data that a deployed model induces."""

from sklearn.base import clone

from skperf.metrics._induce import deploy, deployed_model, let_react
from skperf.retraining._labels import require_shared_label
from skperf.retraining._model import DeployedModel
from skperf.retraining._population import check_population
from skperf.retraining._weights import fit_with_weights


def performative_risk(
    estimator,
    shift,
    X,
    y,
    *,
    scoring=None,
    response_method="auto",
    pos_label=None,
    sample_weight=None,
    random_state=None,
):
    r"""Risk of a model on the data that it induces itself.

    :math:`\mathrm{PR}(f) = \mathbb{E}_{(x, y) \sim D(f)}\,\ell(f(x), y)`.

    Parameters
    ----------
    estimator : estimator
        A fitted model.

    shift : BaseShift
        How the population reacts.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of the base population.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the base population.

    scoring : str or callable, default=None
        Scorer whose negative is the risk. None takes the log loss of classifiers with
        ``predict_proba``, the error rate of other classifiers and the mean squared
        error of regressors.

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
    risk : float
        The performative risk.

    Raises
    ------
    ValueError
        If the model is a classifier that knows none of the labels of `y`.

    See Also
    --------
    decoupled_performative_risk : One model is deployed and another evaluated.
    make_performative_scorer : The same as a scorer for model selection.

    References
    ----------
    .. [1] J. Perdomo, T. Zrnic, C. Mendler-Dünner, M. Hardt, "Performative
       Prediction", ICML 2020, equation 1.

    Examples
    --------
    A biased coin (equation 2 of [1]_ and the example after it): the prediction moves
    the outcome.

    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skperf.metrics import performative_risk
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    >>> model = DummyRegressor().fit(X, y)
    >>> performative_risk(model, OutcomeShift(feedback=0.5), X, y)
    0.3125
    """
    return decoupled_performative_risk(
        estimator,
        estimator,
        shift,
        X,
        y,
        scoring=scoring,
        response_method=response_method,
        pos_label=pos_label,
        sample_weight=sample_weight,
        random_state=random_state,
    )


def decoupled_performative_risk(
    deployed,
    evaluated,
    shift,
    X,
    y,
    *,
    scoring=None,
    response_method="auto",
    pos_label=None,
    sample_weight=None,
    random_state=None,
):
    r"""Risk of one model on the data that another one induces.

    :math:`\mathrm{DPR}(f, f') = \mathbb{E}_{(x, y) \sim D(f)}\,\ell(f'(x), y)`.

    Parameters
    ----------
    deployed : estimator
        The fitted model f that people react to.

    evaluated : estimator
        The fitted model f' whose loss is measured.

    shift : BaseShift
        How the population reacts.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of the base population.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the base population.

    scoring : str or callable, default=None
        As in :func:`performative_risk`.

    response_method : str, default="auto"
        Which predictions of `deployed` people react to.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes that of a
        fitted minimizer, else the one that :class:`~skperf.shift.Predictor` takes.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the base population.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift.

    Returns
    -------
    risk : float
        The decoupled performative risk.

    Raises
    ------
    ValueError
        If `evaluated` is a classifier that knows none of the labels of `y`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skperf.metrics import decoupled_performative_risk
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    >>> low = DummyRegressor().fit(X, y)
    >>> high = DummyRegressor(strategy="constant", constant=0.75).fit(X, y)
    >>> shift = OutcomeShift(feedback=0.5)
    >>> decoupled_performative_risk(low, high, shift, X, y)
    0.25
    """
    model, judged = deploy(deployed, response_method, pos_label), _as_judged(evaluated)
    base = check_population(X, y, sample_weight)
    _require_known(judged, base, scoring)
    sample = let_react(model, shift, base, random_state)
    return judged.risk(sample, scoring)


def stability_gap(
    estimator,
    shift,
    X,
    y,
    *,
    scoring=None,
    response_method="auto",
    pos_label=None,
    sample_weight=None,
    random_state=None,
):
    r"""Risk that one retraining on the induced data would save.

    :math:`\mathrm{DPR}(f, f) - \mathrm{DPR}(f, G(f))`, where G(f) is the model
    retrained on D(f). It is zero exactly for performatively stable models, as far as
    the estimator's ``fit`` minimizes the risk.

    Parameters
    ----------
    estimator : estimator
        A fitted model. A copy is refitted; for a fitted minimizer it is its deployed
        model.

    shift : BaseShift
        How the population reacts.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of the base population.

    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets of the base population.

    scoring : str or callable, default=None
        As in :func:`performative_risk`.

    response_method : str, default="auto"
        Which predictions people react to.

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
        Saved risk; zero or more up to the accuracy of the estimator's ``fit``.

    Raises
    ------
    ValueError
        If the model is a classifier that knows none of the labels of `y`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skperf.metrics import stability_gap
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.zeros((2, 1)), np.array([0.0, 1.0])
    >>> model = DummyRegressor().fit(X, y)
    >>> stability_gap(model, OutcomeShift(feedback=0.5), X, y)
    0.0625
    """
    model = deploy(estimator, response_method, pos_label)
    base = check_population(X, y, sample_weight)
    _require_known(model, base, scoring)
    sample = let_react(model, shift, base, random_state)
    retrained = fit_with_weights(clone(model.estimator), sample)
    return model.risk(sample, scoring) - model.succeed(retrained).risk(sample, scoring)


def _require_known(model, base, scoring):
    """Raise a ValueError where labels are coded in another way than the model's."""
    if not callable(scoring):  # a scorer of one's own may convert labels
        require_shared_label(model.estimator, base.y)


def _as_judged(estimator):
    """Return a model whose losses are asked for, and which nobody reacts to."""
    return DeployedModel.restore(deployed_model(estimator), "auto", None)
