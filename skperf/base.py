# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The retraining loop: deploy a model, let the population react, retrain."""

import warnings
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state, indexable

from skperf.shift import Sample
from skperf.shift._base import check_sample
from skperf.utils._delegate import DelegatingMixin
from skperf.utils._diagnosis import ADVICE, verdict
from skperf.utils._history import extend_history
from skperf.utils._path import Path, Snapshot
from skperf.utils._predictor import Predictor
from skperf.utils._sklearn import (
    HasMethods,
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
    _num_samples,
)
from skperf.utils._trainer import Trainer, copy_model


class BaseRiskMinimizer(
    CallbackSupportMixin, DelegatingMixin, BaseEstimator, metaclass=ABCMeta
):
    """The loop that the minimizers share; they differ in how they pool snapshots."""

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "shift": [HasMethods(["bind", "sample"]), None],
        "response_method": [
            StrOptions({"auto", "predict_proba", "decision_function", "predict"})
        ],
        "pos_label": [Real, str, "boolean", None],
        "scoring": [str, callable, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
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
        tol=1e-4,
        random_state=None,
    ):
        self.estimator = estimator
        self.shift = shift
        self.response_method = response_method
        self.pos_label = pos_label
        self.scoring = scoring
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @abstractmethod
    def _pool(self, path, newest):
        """Mix the newest snapshot with past ones of the path into a `Pool`."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Simulate deployment and retraining on a base population until stable.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the base population, handed to the estimator as they are.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets of the base population.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the base population.

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
        base = check_population(X, y, sample_weight)
        respond = self._bind_shift(base)
        trainer = Trainer(
            self, base, fit_params, caller="fit", max_fits=self.max_iter + 1
        )
        path = self._deploy_first(base, trainer)
        residual = np.inf
        while residual > self.tol and self.n_iter_ < self.max_iter:
            if trainer.stopped:
                break
            with _named_round(self.n_iter_ + 1):
                sample = respond(path.y_pred, path.predictor)
                path = self._retrain(path, sample, trainer)
                residual = self._stability_residual(path, respond, trainer)
        random = residual > self.tol and _is_random(respond, path)
        self._judge(residual, random)
        trainer.finish()
        if not self.converged_ and not trainer.stopped:
            self._warn()
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y, classes=None, sample_weight=None, **fit_params):
        """Retrain once on data that were seen while the current model was deployed.

        No shift is needed: the world is the shift. The first call trains the first
        model, and models are compared on its X from then on. After ``fit`` the fitted
        model counts as deployed and a new record begins.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features seen under the current model.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets seen under the current model.

        classes : array-like, default=None
            Not used, present for API consistency: every model is trained anew on whole
            samples and knows the labels in them.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        **fit_params : dict
            Passed to the ``fit`` of the wrapped estimator; single values, no arrays
            with one entry a row.

        Returns
        -------
        self : object
            The minimizer with the new model deployed. If retraining fails, it stays as
            it was.
        """
        seen = check_population(X, y, sample_weight)
        trainer = Trainer(self, seen, fit_params, caller="partial_fit", max_fits=1)
        if not hasattr(self, "estimator_"):
            path = self._deploy_first(seen, trainer)
            residual = np.inf
        else:
            path = getattr(self, "_path", None) or self._start(seen, self.estimator_)
            with _named_round(path.n_rounds + 1):
                path = self._retrain(path, seen, trainer)
            residual = path.estimate_residual()
        self._path = path
        self._judge(residual, random=True)
        trainer.finish()
        return self

    def _bind_shift(self, base):
        """Return the checked response of the base population to predictions."""
        if self.shift is None:
            raise ValueError(
                f"{type(self).__name__}.fit simulates how the population reacts and "
                "needs a shift, such as ResampleIfRejected(delta=0.5). To retrain on "
                "data that were observed, call partial_fit."
            )
        rng = check_random_state(self.random_state)
        X, y, sample_weight = base
        respond = self.shift.bind(X, y, sample_weight=sample_weight, random_state=rng)
        return lambda *deployed: check_sample(respond(*deployed), self.shift)

    def _deploy_first(self, base, trainer):
        """Train on data that nobody has reacted to."""
        model = clone(self.estimator)
        trainer.train(model, base, "fit")
        path = self._start(base, model)
        self.__dict__.pop("_path", None)  # what partial_fit remembers of another one
        self._publish(path)
        return path

    def _start(self, base, model):
        return Path.start(base, self._predictor(model), self.scoring)

    def _retrain(self, path, sample, trainer):
        """Train a new model on the pooled samples and deploy it."""
        risk_before = path.predictor.risk(sample, self.scoring)
        newest = Snapshot(sample, path.y_pred, path.residual)
        pool = self._pool(path, newest)
        model = copy_model(self.estimator_)
        seconds = trainer.train(model, pool.sample, "retrain")
        predictor = self._predictor(model)
        risk_after = predictor.risk(sample, self.scoring)
        new = path.deploy(predictor, pool, risk_after)
        history = extend_history(
            path.history,
            risk_before=risk_before,
            risk_after=risk_after,
            loss_shift=abs(risk_before - path.risk),
            prediction_gap=new.gap(path.y_pred),
            two_back_gap=new.gap(path.previous),
            stability_residual=float(np.linalg.norm(new.residual)),
            n_rows=_num_samples(pool.sample.X),
            n_rows_new=_num_samples(sample.X),
            fit_time=seconds,
        )
        new = new._replace(history=history)
        self._publish(new)
        return new

    def _publish(self, path):
        """Publish a finished round, all of it or nothing."""
        self.__dict__.update(
            estimator_=path.predictor.estimator,
            history_=path.history,
            n_iter_=path.n_rounds,
            stability_residual_=np.nan,
            converged_=False,
            diagnosis_="interrupted",
        )

    def _stability_residual(self, path, respond, trainer):
        """Return how far one retraining on D(f) alone would move the model f.

        After a mixture that is estimated, and measured by such a retraining before the
        model is called stable.
        """
        residual = path.estimate_residual()
        if residual > self.tol or not path.mixed:
            return residual
        model = copy_model(self.estimator_)
        trainer.refit(model, respond(path.y_pred, path.predictor))
        return path.gap(self._predictor(model)(path.X))

    def _judge(self, residual, random):
        how = verdict(self.history_, residual, self.tol, random=random)
        self.__dict__.update(how)

    def _warn(self):
        warnings.warn(
            f"Retraining is not stable after {self.n_iter_} rounds: the stability "
            f"residual is {self.stability_residual_:.2g} with tol={self.tol:g}. "
            f"Diagnosis: {self.diagnosis_}. {ADVICE[self.diagnosis_]}",
            ConvergenceWarning,
            stacklevel=4,  # past _warn, fit and its wrapper
        )

    def _predictor(self, model):
        return Predictor(
            model, response_method=self.response_method, pos_label=self.pos_label
        )


def check_population(X, y, sample_weight):
    """Return a population whose rows belong together, with valid weights."""
    X, y = indexable(X, y)
    if sample_weight is not None:
        sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
    return Sample(X, y, sample_weight)


def _is_random(respond, path):
    """Return whether the same model can see different data."""
    samples = [respond(path.y_pred, path.predictor) for _ in range(2)]
    (_, *first), (_, *second) = samples
    same = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    first_pred, second_pred = (path.predictor(sample.X) for sample in samples)
    return not (same and np.array_equal(first_pred, second_pred))


def _named_round(number):
    """Say in which round an error was raised and what is left."""
    return noted(
        f"Raised in retraining round {number}. The rounds before it are kept: "
        "history_ records them and estimator_ is the model of the last."
    )


@contextmanager
def noted(note):
    """Add a note to an error that is raised inside."""
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise
