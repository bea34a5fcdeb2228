# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The base of the minimizers: an estimator around the loop of ``retraining``."""

import warnings
from abc import ABCMeta, abstractmethod
from functools import partial
from numbers import Integral, Real
from typing import ClassVar

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import UNUSED

from skperf.retraining._advice import MAY_BE_SOLVER, advise, advise_settled
from skperf.retraining._calls import Call
from skperf.retraining._changes import changed_params
from skperf.retraining._delegate import DelegatingMixin, route_fit_params
from skperf.retraining._learner import Learner
from skperf.retraining._log import continue_log
from skperf.retraining._loop import Retraining, Standing
from skperf.retraining._model import DeployedModel
from skperf.retraining._population import check_population
from skperf.retraining._scoring import require_one_score
from skperf.retraining._stored import fitted_attributes, from_stored, to_stored
from skperf.retraining._tasks import MinimizerTasks
from skperf.retraining._verdict import verdict
from skperf.retraining._worlds import ObservedWorld, SimulatedWorld
from skperf.shift._binding import bind_to_sample
from skperf.shift._labels import choose_pos_label
from skperf.utils._arguments import (
    PredictingEstimator,
    require_estimator,
    require_shift,
)
from skperf.utils._sklearn import HasMethods, Interval, StrOptions, _fit_context

__all__ = ["BaseRiskMinimizer"]


class BaseRiskMinimizer(
    CallbackSupportMixin, DelegatingMixin, BaseEstimator, metaclass=ABCMeta
):
    """Base class of the minimizers, which differ in what each round trains on.

    A minimizer of your own writes :meth:`pool`.

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
        Stop when one retraining moves the predictions on the base population by at most
        this, as a root mean square.

    random_state : int, RandomState instance or None, default=None
        Random numbers of the shift. The estimator keeps its own.

    store : SnapshotStore, default=None
        Where ``partial_fit`` keeps rows and models. None keeps in memory what later
        rounds need.

    See Also
    --------
    RepeatedRiskMinimizer : Has the list of fitted attributes, which are the same.
    skperf.retraining.SnapshotStore : Keeps the snapshots on disk.

    Examples
    --------
    Train on every second period only:

    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from skperf import BaseRiskMinimizer
    >>> from skperf.retraining import Pool
    >>> class Patient(BaseRiskMinimizer):
    ...     def pool(self, store, n_rounds):
    ...         even = [s for s in store[-2:] if s.period % 2 == 0] or store[-1:]
    ...         return Pool(even, np.ones(1), even[0].sample)
    >>> model = Patient(DummyRegressor())
    >>> for target in (0.0, 1.0, 2.0, 3.0):
    ...     model = model.partial_fit([[0.0]], [target])
    >>> model.predict([[0.0]])
    array([2.])
    """

    # not handed over by metadata routing: they describe the call, not the rows
    __metadata_request__partial_fit: ClassVar[dict] = dict.fromkeys(
        ("classes", "period", "deployed"), UNUSED
    )

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [PredictingEstimator()],
        "shift": [HasMethods(["bind", "sample"]), None],
        "response_method": [
            StrOptions({"auto", "predict_proba", "decision_function", "predict"})
        ],
        "pos_label": [Real, str, "boolean", None],
        "scoring": [str, callable, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_rounds_per_deployment": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "store": [HasMethods(["resume", "labelled"]), None],
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
        store=None,
    ):
        self.estimator = estimator
        self.shift = shift
        self.response_method = response_method
        self.pos_label = pos_label
        self.scoring = scoring
        self.max_iter = max_iter
        self.n_rounds_per_deployment = n_rounds_per_deployment
        self.tol = tol
        self.random_state = random_state
        self.store = store

    @abstractmethod
    def pool(self, store, n_rounds):
        """Choose what the next model is trained on.

        Parameters
        ----------
        store : Store
            The snapshots that are kept, the newest last; ``store[-3:]`` are the last
            three.

        n_rounds : int
            Number of this retraining, counted from 1.

        Returns
        -------
        pool : Pool
            The snapshots that were mixed, their coefficients, and the mixture.
        """

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, groups=None, **fit_params):
        """Simulate deployment and retraining on a base population until stable.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population, handed to the estimator as they are.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the base population.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the base population.

        groups : array-like of shape (n_samples,), default=None
            The person of each row, where a person has several. Shifts hand it on with
            the rows that they make.

        **fit_params : dict
            Passed to every ``fit`` of the wrapped estimator. A shift makes new rows, so
            arrays with one entry a row are refused.

        Returns
        -------
        self : object
            The fitted minimizer. If a round fails or is interrupted, it stays usable at
            the last finished round.

        Raises
        ------
        ValueError
            If there is no shift, or if the shift gives weights and the estimator takes
            none.
        """
        base = check_population(X, y, sample_weight, groups)
        world = self._bind_shift(base)
        fit_params = route_fit_params(self, "fit", fit_params, base)
        learner = self.__skperf_learner__(world, fit_params)
        tasks = self._tasks(base, max_fits=self.max_iter + 1)
        retraining = Retraining(
            SimulatedWorld(world, self.shift),
            [learner],
            tasks,
            self._publish,
            _NOTE,
            n_rounds_per_deployment=self.n_rounds_per_deployment,
        )
        standing = retraining.start([base])
        self._publish(standing)
        standing = self.__skperf_run__(retraining, standing)
        (path,) = standing.paths
        self.__skperf_judge__(path, path.measured, random=world.is_random)
        stalled = self._blame_solver(retraining, standing)
        tasks.finish(self.estimator_)
        if not self.converged_ and not tasks.stopped:
            self._warn(stalled or self._advise(random=world.is_random))
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self,
        X,
        y,
        classes=None,
        sample_weight=None,
        *,
        groups=None,
        period=None,
        deployed=None,
        **fit_params,
    ):
        """Retrain once on data that were seen while the current model was deployed.

        No shift is needed: the world is the shift. The first call trains the first
        model, and models are compared on its X from then on. After ``fit`` the fitted
        model counts as deployed and a new record begins. What is remembered is copied.
        Parameters of the estimator that are set between two calls count from the next
        one on; another estimator, `response_method` or `pos_label` begins a new record.

        With a `store` the rows are on disk before training begins, and the model
        before this method ends: whatever happens, the store's ``resume`` goes on.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features seen under the current model. The columns of a data frame are told
            by name.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets seen under the current model.

        classes : array-like, default=None
            Not used, present for API consistency: every model is trained anew on whole
            samples and knows the labels in them.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        groups : array-like of shape (n_samples,), default=None
            The person of each row, where a person has several.

        period : hashable, default=None
            What the period is called, such as "2026-11". None takes the number of the
            round. A period that was seen before is refused: no row counts twice. A
            store needs a name.

        deployed : int, default=None
            The round whose model the rows were seen under, as `n_iter_` was then, for
            labels that come late: the last or the one before, or with a store any of
            this record. None means the last.

        **fit_params : dict
            Passed to the ``fit`` of the wrapped estimator; single values, no arrays
            with one entry a row.

        Returns
        -------
        self : object
            The minimizer with the new model deployed. If retraining fails, it stays as
            it was; rows that a store has by then wait there.

        Raises
        ------
        SchemaError
            If the table does not fit those of the periods before it.
        StoreConflictError
            If the newest model of the store is not the one of this minimizer.
        ValueError
            If the period was seen before, or if the model of `deployed` is no longer
            remembered.
        """
        seen = check_population(X, y, sample_weight, groups)
        fit_params = route_fit_params(self, "partial_fit", fit_params, seen)
        call = Call(period, deployed, fit_params)
        if self.store is None:
            log = getattr(self, "_log", None)
            log, seen = self.__skperf_admit__(log, seen, period)
            self.__skperf_retrain__(log, seen, call)
        else:
            self.__skperf_become__(
                self.store, self.store.__skperf_train__(self, seen, call)
            )
        return self

    def __skperf_admit__(self, log, seen, period):
        """Return the log with one more period, and its data in the log's form."""
        asked = (self._changes(), self.response_method, self.pos_label)
        return continue_log(log, seen, *asked).admit(seen, period)

    def __skperf_retrain__(self, log, seen, call):
        """Retrain once on data that were admitted."""
        learner = make_learner(
            self,
            call.fit_params,
            period=call.period,
            changes=self._changes(),
            seen_under=call.deployed,
        )
        tasks = self._tasks(seen, max_fits=1)
        publish = partial(self._publish, log=log)
        retraining = Retraining(ObservedWorld(seen), [learner], tasks, publish, _NOTE)
        path = self._retrain_once(retraining, log, seen)
        self.__skperf_judge__(path, path.seen, random=True)
        tasks.finish(self.estimator_)

    def __skperf_become__(self, store, head):
        """Be what a store has stored; it knows what retraining goes on from."""
        vars(self).update(store=store, _log=None, _head=head)

    def _validate_params(self):
        """Name what was probably meant, before scikit-learn says what was expected."""
        require_estimator(self.estimator)
        if isinstance(self.shift, type) or callable(self.shift):
            require_shift(self.shift)
        require_one_score(self.scoring)
        super()._validate_params()

    def _changes(self):
        """Return the parameters that were set since the deployed model was trained."""
        fitted = hasattr(self, "estimator_")
        return changed_params(self.estimator, self.estimator_) if fitted else {}

    def _retrain_once(self, retraining, log, seen):
        """Train the first model, or retrain the deployed one; return its path."""
        (learner,) = retraining.learners
        if not hasattr(self, "estimator_"):
            if learner.seen_under is not None:
                raise ValueError(
                    f"deployed={learner.seen_under!r}, but no model has been deployed "
                    "yet: the first call trains the first one. Leave deployed out."
                )
            standing = retraining.start([seen])
            retraining.publish(standing)
            return standing.paths[0]
        standing = log.standing
        if standing is None:
            deployed = DeployedModel.restore(
                self.estimator_, self.response_method, self._deployed_label()
            )
            standing = Standing((learner.begin(seen, deployed),), None)
        return retraining.run(standing, max_rounds=1, tol=self.tol).paths[0]

    def _deployed_label(self):
        """Return the class that people react to from now on."""
        if self.pos_label is None:
            return self.pos_label_
        return choose_pos_label(self.estimator_, self.pos_label)

    @property
    def __skperf_pos_label__(self):
        """What the minimizer has settled on, for predictors of it."""
        return getattr(self, "pos_label_", None)

    def _bind_shift(self, base):
        """Return the world of the base population."""
        if self.shift is None:
            raise ValueError(
                f"{type(self).__name__}.fit simulates how the population reacts and "
                "needs a shift, such as ResampleIfRejected(delta=0.5). To retrain on "
                "data that were observed, call partial_fit."
            )
        rng = check_random_state(self.random_state)
        return bind_to_sample(self.shift, base, rng)

    def __skperf_learner__(self, world, fit_params):
        """Return how the model is retrained in a world."""
        return make_learner(self, fit_params)

    def __skperf_run__(self, retraining, standing):
        """Play the rounds of ``fit``, after the first training."""
        return retraining.run(standing, max_rounds=self.max_iter, tol=self.tol)

    def _tasks(self, base, max_fits):
        task = self._init_callback_context(max_subtasks=max_fits)
        return MinimizerTasks(self, base, task)

    def _publish(self, standing, log=None):
        """Publish a finished round, all of it or nothing."""
        log = log and log._replace(standing=standing)
        vars(self).update(fitted_attributes(standing) | {"_log": log})

    def __skperf_judge__(self, path, measured, random):
        """Say how retraining ended, of a model that was measured."""
        how = verdict(
            path.history,
            measured,
            self.tol,
            random=random,
            cycles=path.cycles,
            at_rest=path.at_rest,
            errors=path.risk_errors,
        )
        vars(self).update(how)

    def _blame_solver(self, retraining, standing):
        """Return advice where the gap is what the solver's tolerance leaves, or None.

        Models that go round or jump are then a plateau: their solver is the cause.
        """
        if self.diagnosis_ not in MAY_BE_SOLVER:
            return None
        advice = retraining.blame_solver(standing)
        if advice is not None:
            vars(self).update(diagnosis_="plateau", settled_risk_=None)
        return advice

    def _advise(self, random):
        if self.diagnosis_ == "settled in risk":
            return advise_settled(self.settled_risk_)
        return advise(self.diagnosis_, self.__skperf_way__(), random=random)

    def __skperf_way__(self):
        """Return what each round trains on, for advice on what else to try."""
        return "other"

    def _warn(self, advice):
        warnings.warn(
            f"Retraining is not stable after {self.n_iter_} rounds: the stability "
            f"residual is {self.stability_residual_:.2g} with tol={self.tol:g}. "
            f"Diagnosis: {self.diagnosis_}. {advice}",
            ConvergenceWarning,
            stacklevel=4,  # past _warn, fit and its wrapper
        )

    def __getstate__(self):
        """Return one dict of plain values, whatever the attributes are called."""
        return to_stored(vars(self), self._get_param_names())

    def __setstate__(self, stored):
        """Become the minimizer that was stored."""
        vars(self).update(from_stored(stored))


def make_learner(minimizer, fit_params, kind=Learner, **which):
    """Return how the model of a minimizer is retrained."""
    return kind(
        minimizer.estimator,
        minimizer.pool,
        minimizer.scoring,
        minimizer.response_method,
        minimizer.pos_label,
        fit_params,
        minimizer.tol,
        **which,
    )


_NOTE = (
    "Raised in retraining round {}. The rounds before it are kept: history_ records "
    "them and estimator_ is the model of the last."
)
