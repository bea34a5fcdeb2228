# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Performative risk minimization: the best model to deploy, not a stable one."""

import warnings
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skperf.base import BaseRiskMinimizer, make_learner
from skperf.retraining import Pool
from skperf.risk_minimization._corrected_learner import CorrectedLearner
from skperf.risk_minimization._descending import descend_from_starts
from skperf.risk_minimization._descent import STATIONARY
from skperf.risk_minimization._requirements import find_descent, require_retrainable
from skperf.shift._world_at_rest import WorldAtRest
from skperf.utils._sklearn import Interval, StrOptions


class PerformativeRiskMinimizer(BaseRiskMinimizer):
    r"""Find the model that is best on the data that it induces itself.

    Retraining ends where it no longer changes the model, at a stable one. The best
    model to deploy minimizes the performative risk
    :math:`\mathrm{PR}(f) = \mathbb{E}_{D(f)}\,\ell(f(x), y)`, which counts what the
    model does to the data too. It can be far from stable.

    Parameters
    ----------
    estimator : estimator
        Classifier or regressor.

    shift : BaseShift, default=None
        How the population reacts. It must be known here: what people would do under
        models that are not deployed is asked for, so there is no ``partial_fit``. Of a
        shift that remembers past models the long run counts, in which all people have
        got used to a model.

    method : {"auto", "retrain", "gradient"}, default="auto"
        How the risk is minimized.

        - "retrain": gradient-corrected retraining, for any classifier with
          ``predict_proba`` and any regressor, with sample weights. Each round retrains
          on what the last model has induced and on rows that stand for the reaction,
          so that the loop can rest only where the performative risk is flat. The shift
          needs a pull-back and must leave features where they are, or replace them by
          ones that do not depend on the model.
        - "gradient": L-BFGS on the numbers in a linear model, behind scalers or not, or
          in a torch module. It minimizes the risk alone: a penalty of the estimator
          counts for the start only. Where the shift has no pull-back or `scoring` is
          given, the gradient is made of central differences, for up to 100 numbers.
        - "auto": "gradient" where that is possible, else "retrain".

    damping : "auto" or float, default="auto"
        For "retrain": the weight of rows that pull towards the deployed predictions, as
        a multiple of the sample's. It moves no fixed point and makes steps smaller.
        "auto" begins with 0 and raises it where steps alternate.

    response_method : str, default="auto"
        Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to, as in
        :class:`RepeatedRiskMinimizer`.

    scoring : str or callable, default=None
        Scorer whose negative is the risk to be minimized; "gradient" only. None takes
        the log loss of classifiers, the mean squared error of regressors, and the loss
        of a torch estimator that has another one.

    max_iter : int, default=50
        Most retrainings. "gradient" makes up to ten times as many iterations from each
        start, which train nothing.

    tol : float, default=1e-4
        For "retrain": stop when a corrected retraining moves the predictions on the
        base population by at most this, as a root mean square.

    n_restarts : int, default=0
        For "gradient": further starts, at random around the first model. The best end
        is kept.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift and of the further starts.

    Attributes
    ----------
    estimator_ : estimator
        The model with the lowest performative risk of all rounds.

    performative_risk_ : float
        Its performative risk on the base population.

    best_iter_ : int
        The round that has made it, 0 for the model trained on the base population. Of
        rounds whose risks differ by less than ``tol ** 2`` it is the last.

    method_ : {"retrain", "gradient"}
        What was done.

    pos_label_ : int, float, bool, str or None
        The class that people react to; None for a regressor.

    history_ : dict of ndarrays of shape (`n_iter_`,)
        One entry a round, or an iteration of "gradient". What that of
        :class:`RepeatedRiskMinimizer` has, NaN where "gradient" has nothing of the
        kind, and:

        - performative_risk: of the model that the round has made
        - correction: root mean square of what the reaction adds to the slope of a
          row's loss; 0 where a stable model is optimal
        - damping: that of the round

    n_iter_ : int
        Rounds, or iterations from all starts.

    converged_ : bool
        Whether the last model is stationary, which `diagnosis_` says too.

    stability_residual_ : float
        How far one corrected retraining, without damping, moves the last model; for
        "gradient" the largest entry of the gradient, as a share of that at the start.

    diagnosis_ : str
        "stationary" if the residual came down to `tol`, or to 1e-5 for "gradient": the
        risk is flat there. That is local, another start may end lower. Other words are
        those of :ref:`what to do about a diagnosis <diagnoses>`. It speaks of the last
        model; see `best_iter_`.

    settled_risk_ : dict or None
        As in :class:`RepeatedRiskMinimizer`.

    classes_ : ndarray of shape (n_classes,)
        Class labels, if the estimator is a classifier.

    n_features_in_ : int
        Number of features seen during ``fit``, if the estimator tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during ``fit``, if the estimator tells.

    See Also
    --------
    RepeatedRiskMinimizer : Finds a stable model.
    skperf.metrics.optimality_gap : What there is to win, before anything is fitted.

    Notes
    -----
    With a penalty in the estimator "retrain" rests where the risk *and* the penalty are
    flat, and a round before may have a lower risk.

    The correction is the performative gradient of [1]_, in the form of [2]_, by each
    prediction and written as weighted rows or moved targets. A simple problem that is
    solved again and again, with a correction that makes its slope the true one, is
    known as modifier adaptation [3]_ and as successive convex approximation [4]_.

    References
    ----------
    .. [1] Z. Izzo, L. Ying, J. Zou, "How to Learn when Data Reacts to Your Model:
       Performative Gradient Descent", ICML 2021.
    .. [2] E. Cyffers, M. S. Pydi, J. Atif, O. Cappé, "Optimal Classification under
       Performative Distribution Shift", NeurIPS 2024.
    .. [3] A. Marchetti, B. Chachuat, D. Bonvin, "Modifier-Adaptation Methodology for
       Real-Time Optimization", Industrial & Engineering Chemistry Research 48, 2009.
    .. [4] G. Scutari, F. Facchinei, P. Song, D. P. Palomar, J.-S. Pang, "Decomposition
       by Partial Linearization: Parallel Optimization of Multi-Agent Systems", IEEE
       Transactions on Signal Processing 62, 2014.

    Examples
    --------
    A forecast raises one outcome and lowers another. Retraining takes what comes of it
    for granted:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 2.0, 2.0])
    >>> shift = OutcomeShift([0.5, 0.0, -0.5])
    >>> stable = RepeatedRiskMinimizer(LinearRegression(), shift).fit(X, y)
    >>> best = PerformativeRiskMinimizer(LinearRegression(), shift).fit(X, y)
    >>> best.diagnosis_, best.method_
    ('stationary', 'gradient')
    >>> from skperf.metrics import performative_risk
    >>> bool(performative_risk(stable, shift, X, y) > best.performative_risk_)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseRiskMinimizer._parameter_constraints,
        "method": [StrOptions({"auto", "retrain", "gradient"})],
        "damping": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
    }
    n_rounds_per_deployment = 1  # no parameter: a world at rest is what it is
    del _parameter_constraints["n_rounds_per_deployment"]
    del _parameter_constraints["store"]  # for partial_fit

    def __init__(
        self,
        estimator,
        shift=None,
        *,
        method="auto",
        damping="auto",
        response_method="auto",
        pos_label=None,
        scoring=None,
        max_iter=50,
        tol=1e-4,
        n_restarts=0,
        random_state=None,
    ):
        self.estimator = estimator
        self.shift = shift
        self.method = method
        self.damping = damping
        self.response_method = response_method
        self.pos_label = pos_label
        self.scoring = scoring
        self.max_iter = max_iter
        self.tol = tol
        self.n_restarts = n_restarts
        self.random_state = random_state

    @property
    def partial_fit(self):
        """Not there: the world does not show what it does about other models."""
        raise AttributeError(
            "PerformativeRiskMinimizer has no partial_fit: an optimum needs to know "
            "what people would do under other models, which periods do not show. Use "
            "fit with a shift, or RepeatedRiskMinimizer to retrain on what was seen."
        )

    def pool(self, store, n_rounds):
        """Take the newest snapshot alone; it is corrected afterwards.

        Parameters
        ----------
        store : Store
            The snapshots that are kept, the newest last.

        n_rounds : int
            Number of this retraining, counted from 1.

        Returns
        -------
        pool : Pool
            The newest snapshot.
        """
        (newest,) = store[-1:]
        return Pool((newest,), np.ones(1), newest.sample)

    def _bind_shift(self, base):
        """Return the world of the long run, which is what the risk is about."""
        return WorldAtRest(super()._bind_shift(base))

    def __skperf_learner__(self, world, fit_params):
        if self.method == "retrain":
            require_retrainable(self, world)
        return make_learner(
            self, fit_params, CorrectedLearner, world=world, damping=self.damping
        )

    def __skperf_run__(self, retraining, standing):
        world, (path,) = retraining.world.world, standing.paths
        slope_at = find_descent(self, world, path.predictor)
        self.method_ = "retrain" if slope_at is None else "gradient"
        if slope_at is None:
            return super().__skperf_run__(retraining, standing)
        path = descend_from_starts(self, path, slope_at)
        standing = standing._replace(paths=(path,))
        self._publish(standing)
        return standing

    def _publish(self, standing, log=None):
        """Publish a finished round; the best model stays deployed."""
        (path,) = standing.paths
        best, risk = best_round(path.history, self.tol)
        chosen = path.predictor.estimator
        if getattr(self, "method_", None) != "gradient" and best < path.n_rounds:
            chosen = self.estimator_
        super()._publish(standing, log)
        vars(self).update(estimator_=chosen, best_iter_=best, performative_risk_=risk)

    def __skperf_judge__(self, path, measured, random):
        super().__skperf_judge__(path, measured, random)
        if self.method_ == "gradient":
            flat = bool(measured.residual <= STATIONARY)
            vars(self).update(converged_=flat, diagnosis_="slow", settled_risk_=None)
        if self.converged_:
            self.diagnosis_ = "stationary"

    def _advise(self, random):
        word = "iterations" if self.method_ == "gradient" else self.diagnosis_
        return _ADVICE.get(word) or super()._advise(random)

    def _warn(self, advice):
        warnings.warn(
            f"The last model is not stationary after {self.n_iter_} rounds: the "
            f"residual is {self.stability_residual_:.2g}. Diagnosis: "
            f"{self.diagnosis_}. The model of round {self.best_iter_} has the lowest "
            f"performative risk and is kept. {advice}",
            ConvergenceWarning,
            stacklevel=4,  # past _warn, fit and its wrapper
        )


def best_round(history, tol):
    """Return the round whose model has the lowest risk on its own data, and that risk.

    Round 0 is the first model. Of rounds that differ by no more than a move of `tol`
    makes, the last is taken.
    """
    if not len(history["n_fits"]):
        return 0, np.nan
    risks = np.append(history["risk_before"][:1], history["performative_risk"])
    near = np.flatnonzero(risks <= np.nanmin(risks) + tol**2)
    return (int(near[-1]), float(risks[near[-1]])) if len(near) else (0, np.nan)


_ADVICE = {
    "cycle": "The same models replace each other: raise damping, which moves no "
    "solution.",
    "diverging": "Each model moves the data more than the one before: raise damping, "
    "or use method='gradient'.",
    "slow": "The gap still falls, or there were too few rounds to tell. Raise "
    "max_iter, or use method='gradient' where the model allows it.",
    "iterations": "The gradient has not come down to 1e-5 of the first. Raise max_iter "
    "or scale the features; if the search has ended before max_iter, the risk is not "
    "smooth, or too flat for its numbers.",
}
