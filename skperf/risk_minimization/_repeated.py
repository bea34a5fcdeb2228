# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Repeated risk minimization: retrain on what the last model has induced."""

import numpy as np

from skperf.base import BaseRiskMinimizer
from skperf.retraining import Pool


class RepeatedRiskMinimizer(BaseRiskMinimizer):
    r"""Retrain on the data that the deployed model induces, until it is stable.

    A model is trained on the base population and deployed; the shift D gives the data
    that are then seen; the next model minimizes the risk on these, and so on:
    :math:`f_{t+1} = \arg\min_f \mathbb{E}_{D(f_t)}\,\ell(f(x), y)`.
    A fixed point is performatively stable: retraining no longer changes the model.

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
        Stop when the predictions on the base population move by at most this, as a
        root mean square.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift. The estimator keeps its own.

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
          the model that induced them, that of `risk_before`; here the prediction
          gap, as the retraining is that one. NaN where that was
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
    AffineRiskMinimizer : Retrains on mixtures of past samples.

    References
    ----------
    .. [1] J. Perdomo, T. Zrnic, C. Mendler-Dünner, M. Hardt, "Performative
       Prediction", ICML 2020.
    .. [2] M. Mofakhami, I. Mitliagkas, G. Gidel, "Performative Prediction with Neural
       Networks", AISTATS 2023, definition 2.3 and theorem 2.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.shift import ResampleIfRejected
    >>> X, y = make_classification(random_state=0)
    >>> model = RepeatedRiskMinimizer(
    ...     LogisticRegression(), ResampleIfRejected(delta=0.6)
    ... ).fit(X, y)
    >>> model.diagnosis_, model.n_iter_
    ('converged', 3)
    """

    def pool(self, store, n_rounds):
        """Take the newest snapshot alone.

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

    def __skperf_way__(self):
        return "last"
