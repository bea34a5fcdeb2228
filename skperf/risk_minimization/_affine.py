# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Affine risk minimization: retrain on mixtures of past snapshots."""

from functools import reduce
from math import ceil
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from skperf.base import BaseRiskMinimizer
from skperf.retraining import Pool
from skperf.retraining._weights import weight_parameter
from skperf.risk_minimization._anderson import anderson
from skperf.risk_minimization._coefficients import by_size, uniform
from skperf.risk_minimization._pooling import (
    absorb,
    mix_snapshots,
    name_rows,
    subsample,
)
from skperf.risk_minimization._safeguard import RECENT, accelerate
from skperf.utils._by_rows import extremes, map_rows
from skperf.utils._sklearn import Interval, RealNotInt, StrOptions


class AffineRiskMinimizer(BaseRiskMinimizer):
    r"""Retrain on mixtures of the data that past models induced.

    Each model minimizes the risk on a mixture of past samples,
    :math:`f_{t+1} = \arg\min_f \mathbb{E}_{D_t}\,\ell(f(x), y)` with
    :math:`D_t = \sum_i \alpha_i D(f_i)` and :math:`\sum_i \alpha_i = 1`. Averaging
    damps oscillation and noise and slows a smooth approach down; its stable points are
    those of :class:`RepeatedRiskMinimizer`.

    Parameters
    ----------
    estimator : estimator
        Classifier or regressor to retrain. It is cloned once and a copy of the last
        model is refitted in each round, so its own ``warm_start`` works.

    shift : BaseShift, default=None
        How the population reacts. Needed by ``fit``, not by ``partial_fit``.

    response_method : str, default="auto"
        Which predictions people react to: "predict_proba", "decision_function" or
        "predict". "auto" takes the first of them that a classifier has, and ``predict``
        for a regressor. A classifier's ``predict`` becomes an indicator of `pos_label`.

    pos_label : int, float, bool or str, default=None
        The class whose probability or score people react to. None takes the 1 of
        labels that are 0 and 1 or -1 and 1; of other labels the last, with a
        :class:`~skperf.exceptions.PositiveClassWarning`.

    scoring : str or callable, default=None
        Scorer whose negative is recorded as the risk. None takes the log loss of
        classifiers with ``predict_proba``, the error rate of other classifiers and the
        mean squared error of regressors.

    max_iter : int, default=20
        Most retrainings.

    n_rounds_per_deployment : int, default=1
        For ``fit``: how many rounds of the world a model stays deployed. The next is
        trained on what is seen in the last of them. Where the shift remembers past
        models, waiting lets people get used to the newest.

    tol : float, default=1e-4
        Stop when one retraining on the data of the deployed model alone moves the
        predictions on the base population by at most this, as a root mean square. The
        gap between consecutive models shrinks by averaging and proves nothing.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift. The estimator keeps its own.

    window : int or float, default=None
        How many past snapshots to mix: a number, a fraction of the rounds so far
        (0.5 is the t/2 of [1]_), or None for all. 1 is repeated risk minimization.

    coefficients : {"uniform", "size", "anderson"} or callable, default="uniform"
        - "uniform": the average over the window. Each period counts the same, whatever
          its number of rows, as each is one look at the law of a model.
        - "size": each row counts the same, or each unit of weight.
        - "anderson": the affine coefficients, of either sign, that make the models'
          moves cancel best (see :func:`anderson`). Kept non-negative where a row would
          get a negative weight. It solves smooth problems in few rounds, oscillating
          and diverging ones included. Where models repeat themselves, a round takes the
          average. Where none of the last nine rounds has come nearer to rest than those
          before, as on kinks and plateaus, all further rounds take the average of what
          is seen from there on.
        - callable: maps a sequence of :class:`~skperf.retraining.Snapshot`, oldest
          first, to an array of coefficients with sum 1.

    store : SnapshotStore, default=None
        Where ``partial_fit`` keeps rows and models. None keeps in memory what later
        rounds need.

    Attributes
    ----------
    estimator_ : estimator
        The deployed model.

    pos_label_ : int, float, bool, str or None
        The class that people react to, for the whole path: a later model that has not
        learnt it predicts 0. None for a regressor.

    history_ : dict of ndarrays of shape (`n_iter_`,)
        One entry a round, ready for ``pandas.DataFrame``:

        - risk_before, risk_after: risk on the induced data of the deployed model and
          of the retrained one
        - loss_shift: how much the reaction changed the deployed model's risk
        - prediction_gap: root mean squared move of the predictions
        - two_back_gap: the same to the model before the last, NaN at first
        - stability_residual: how far one retraining on the round's data alone moves
          the model that induced them, that of `risk_before`. NaN where that was
          not measured
        - stability_residual_estimate: the same, guessed, for the model that the round
          has deployed
        - n_rows, fit_time: rows trained on, seconds of the fit
        - n_deployments, n_rows_seen, n_fits: budgets spent so far

    n_iter_ : int
        Retrainings done.

    converged_ : bool
        Whether the stability residual came down to `tol`, and the estimator calls the
        fit that has measured it finished.

    stability_residual_ : float
        How far one retraining on the data that a model induces, alone, moves its
        predictions. After ``fit`` it is that of the deployed model, whose data the
        shift was asked for; after ``partial_fit`` that of the model before it, whose
        data were just seen. NaN where it was not measured.

    diagnosis_ : str
        A word of :ref:`what to do about a diagnosis <diagnoses>`.

    settled_risk_ : dict or None
        Where the predictions stay restless but the risk does not: the "round" of the
        record from which on it stays within two standard errors, the "risk", and its
        "interval" by two standard errors. None for other endings, with `scoring`, and
        before four rounds.

    classes_ : ndarray of shape (n_classes,)
        Class labels, if the estimator is a classifier.

    n_features_in_ : int
        Number of features seen during ``fit``, if the estimator tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features seen during ``fit``, if the estimator tells.

    See Also
    --------
    RepeatedRiskMinimizer : Retrains on the newest sample alone.

    Notes
    -----
    Under a shift that changes weights only, such as ``resampling="expected"``, mixing
    averages weights on one table, and the full history costs what one round costs.
    Other samples are stacked. An estimator that takes no sample weights then gets rows
    of each sample in proportion.

    References
    ----------
    .. [1] P. Khorsandi, R. Gupta, M. Mofakhami, S. Lacoste-Julien, G. Gidel, "Tight
       Lower Bounds and Improved Convergence in Performative Prediction", NeurIPS 2025,
       section 5.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf import AffineRiskMinimizer
    >>> from skperf.shift import ResampleIfRejected
    >>> X, y = make_classification(random_state=0)
    >>> model = AffineRiskMinimizer(
    ...     LogisticRegression(), ResampleIfRejected(delta=0.6), window=2
    ... ).fit(X, y)
    >>> model.diagnosis_
    'converged'
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseRiskMinimizer._parameter_constraints,
        "window": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            None,
        ],
        "coefficients": [StrOptions({"uniform", "size", "anderson"}), callable],
    }

    def __init__(
        self,
        estimator,
        shift=None,
        *,
        response_method="auto",
        pos_label=None,
        scoring=None,
        max_iter=20,
        n_rounds_per_deployment=1,
        tol=1e-4,
        random_state=None,
        window=None,
        coefficients="uniform",
        store=None,
    ):
        super().__init__(
            estimator,
            shift,
            response_method=response_method,
            pos_label=pos_label,
            scoring=scoring,
            max_iter=max_iter,
            n_rounds_per_deployment=n_rounds_per_deployment,
            tol=tol,
            random_state=random_state,
            store=store,
        )
        self.window = window
        self.coefficients = coefficients

    def pool(self, store, n_rounds):
        """Mix the snapshots of the window.

        Parameters
        ----------
        store : Store
            The snapshots that are kept, the newest last.

        n_rounds : int
            Number of this retraining, counted from 1.

        Returns
        -------
        pool : Pool
            The window, its coefficients, and the mixture.
        """
        snapshots, coefficients = self._choose(store, self._size(n_rounds))
        sample = self._mix(snapshots, coefficients)
        if _is_signed(sample) and self.coefficients == "anderson":
            coefficients = anderson(snapshots, convex=True)
            sample = self._mix(snapshots, coefficients)
        if _is_signed(sample):
            raise ValueError(
                "The mixture's coefficients give some rows a negative weight: "
                f"{np.round(coefficients, 3)}. Return coefficients of zero or more, or "
                "use a shift that changes weights only."
            )
        return Pool(snapshots, coefficients, _clip(sample))

    def _size(self, n_rounds):
        """Return the number of snapshots in the window, None for all."""
        if self.window is None or isinstance(self.window, Integral):
            return self.window
        return ceil(self.window * n_rounds)

    def _choose(self, store, size):
        """Return the snapshots to keep, and their coefficients."""
        n_snapshots = len(store) if size is None else size
        if self.coefficients == "anderson":
            recent = store[-max(n_snapshots, RECENT) :]
            return accelerate(name_rows(recent), size)
        snapshots = name_rows(store[-n_snapshots:])
        if self.coefficients == "uniform":
            if size is None:  # the average is kept as one snapshot
                snapshots = reduce(absorb, snapshots, ())
            return snapshots, uniform(snapshots)
        if self.coefficients == "size":
            return snapshots, by_size(snapshots)
        return snapshots, self._ask_for_coefficients(snapshots)

    def __skperf_way__(self):
        if self.window == 1:
            return "last"
        if self.coefficients == "uniform":
            return "all" if self.window is None else "window"
        return "anderson" if self.coefficients == "anderson" else "other"

    def _ask_for_coefficients(self, snapshots):
        coefficients = np.asarray(self.coefficients(snapshots), dtype=float)
        if coefficients.shape != (len(snapshots),) or not np.isclose(
            coefficients.sum(), 1
        ):
            raise ValueError(
                f"coefficients must return {len(snapshots)} numbers with sum 1, one a "
                f"snapshot; got {coefficients!r}."
            )
        return coefficients

    def _mix(self, snapshots, coefficients):
        first = np.flatnonzero(coefficients)[0]  # older ones are only remembered
        snapshots, coefficients = snapshots[first:], coefficients[first:]
        weighted = any(s.sample.sample_weight is not None for s in snapshots)
        unable = weight_parameter(self.estimator) is None
        if unable and not weighted and coefficients.min() >= 0:
            rng = check_random_state(self.random_state)
            return subsample(snapshots, coefficients, rng)
        return mix_snapshots(snapshots, coefficients)


def _clip(sample):
    """Return the sample without negative weights, which are roundings of zero here."""
    weights = sample.sample_weight
    if weights is None or extremes(weights)[0] >= 0:
        return sample
    return sample._replace(sample_weight=map_rows(_without_negative, weights))


def _without_negative(weights):
    return weights.clip(min=0)


def _is_signed(sample):
    """Return whether a weight is negative beyond rounding."""
    weights = sample.sample_weight
    if weights is None:
        return False
    low, high = extremes(weights)
    return bool(low < -1e-12 * high)
