# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One model that is retrained: what it learns from, how it is fitted and deployed."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, clone

from skperf.retraining._fits import fit_and_listen
from skperf.retraining._history import History, extend_history
from skperf.retraining._losses import are_finite
from skperf.retraining._measured import Measured
from skperf.retraining._model import DeployedModel
from skperf.retraining._path import Path, Pool
from skperf.retraining._persons import groups_parameter, repeats, warn_if_counted
from skperf.retraining._scoring import Scoring
from skperf.retraining._settled import risk_errors
from skperf.retraining._store import SnapshotMeta, Store
from skperf.shift import Sample
from skperf.shift._labels import Label
from skperf.shift._sample import Floats
from skperf.utils._sklearn import _num_samples

#: Tells callbacks of a training: takes the model and the name of the task.
Watch: TypeAlias = Callable[[BaseEstimator, str], AbstractContextManager[None]]


class Training(NamedTuple):
    """What one fit has taken, and whether the estimator calls it unfinished."""

    seconds: float
    unfinished: bool


class Choice(NamedTuple):
    """What a model is trained on, and what is recorded of it."""

    pool: Pool
    noted: Mapping[str, float]  # further columns of the record
    measures: bool  # whether the training tells how far the model is from rest


@dataclass(frozen=True)
class Learner:
    """How one model is retrained; where it stands is told by its path."""

    estimator: BaseEstimator
    pool: Callable[[Store, int], Pool]
    scoring: Scoring = None
    response_method: str = "auto"
    pos_label: Label | None = None
    fit_params: Mapping[str, object] = field(default_factory=dict)
    tol: float = 0.0  # the residual at which a model counts as stable
    period: Hashable = None  # None: the number of the round
    changes: Mapping[str, object] | None = field(default_factory=dict)  # None: new kind
    seen_under: int | None = None  # the round whose model was met; None: the last
    note: str | None = None  # added to errors, to say whose they are

    def start(self, base: Sample, watch: Watch) -> Path:
        """Train a first model on data that nobody has reacted to."""
        model = clone(self.estimator)
        self._train(model, base, watch, "fit")
        predictor = DeployedModel(model, self.response_method, self.pos_label)
        return self.begin(base, predictor)

    def begin(self, base: Sample, predictor: DeployedModel) -> Path:
        """Begin a path with a model that is deployed already."""
        return Path.start(base, predictor, self.scoring)

    def learn(
        self, path: Path, sample: Sample, watch: Watch, *, at_rest: bool = True
    ) -> Path:
        """Retrain on what was seen, mixed with what the path remembers, and deploy.

        `at_rest`: whether people have done all that the deployed model makes them do.
        """
        risk_before = np.nan  # where people have met an older model
        if not self._is_late(path):
            risk_before = path.predictor.risk(sample, self.scoring)
        store = self._remember(path, sample)
        pool, noted, alone = self.choose(path, sample, store)
        told = path.told_of_persons or self._tell_of_persons(pool.sample)
        model = self._next_model(path)
        training = self._train(model, pool.sample, watch, "retrain")
        predictor = path.predictor.succeed(model)
        risk_after = predictor.risk(sample, self.scoring)
        new = path.deploy(predictor, pool, store, risk_after)
        new = new._replace(is_late=self._is_late(path), at_rest=at_rest)
        seen = path.measured
        if at_rest and not new.is_late:
            seen = self._measure_seen(path, new, sample, training if alone else None)
        errors = (*path.risk_errors, self._risk_errors(path, new, sample))
        new = new._replace(seen=seen, risk_errors=errors, told_of_persons=told)
        noted = self.note_risk(new, noted)
        history = self._record(path, new, sample, pool, training, risk_before, noted)
        return new._replace(history=history)

    def choose(self, path: Path, sample: Sample, store: Store) -> Choice:
        """Return what the next model is trained on, after `sample` was seen."""
        pool = self.pool(store, path.n_rounds + 1)
        newest = pool.snapshots[-1]
        is_newest = newest.period == self._period(path) and newest.n_models == 1
        return Choice(pool, {}, is_newest and pool.sample is newest.sample)

    def note_risk(self, new: Path, noted: Mapping[str, float]) -> Mapping[str, float]:
        """Return what else is recorded of a round, in the columns of :meth:`begin`."""
        return noted

    def measure(self, path: Path, sample: Sample) -> Measured:
        """Measure how far a retraining on `sample` alone would move the model."""
        model = _without_callbacks(copy_model(path.predictor.estimator))
        unfinished = self._fit(model, sample)
        move = path.gap(path.predictor.succeed(model)(path.X))
        return self._weigh(path, sample, move, unfinished=unfinished)

    def predict_anew(self, path: Path, sample: Sample, **params: object) -> Floats:
        """Return what a clone predicts that is trained on a sample."""
        model = _without_callbacks(clone(self.estimator).set_params(**params))
        self._fit(model, sample)
        return path.predictor.succeed(model)(path.X)

    def _weigh(
        self, path: Path, sample: Sample, move: float, *, unfinished: bool
    ) -> Measured:
        """Return what the move of a retraining proves.

        One of exactly zero may come from a warm start that trains nothing, on whatever
        data: a clone, which has to train, tells. An estimator that has moved before
        does train, and has been given nothing new.
        """
        if move == 0 and not path.history["prediction_gap"].any():
            move = path.gap(self.predict_anew(path, sample))
            if move > self.tol:
                return Measured(move, "untrained")
        return Measured(move, "small steps" if unfinished else None)

    def _measure_seen(
        self, path: Path, new: Path, sample: Sample, training: Training | None
    ) -> Measured:
        """Measure the model that people have met, by the `training` that it was if any.

        A training for this alone is paid for where the estimate is small enough.
        """
        if training is not None:
            return self._weigh(path, sample, new.moved, unfinished=training.unfinished)
        if np.isnan(path.measured.residual) and path.estimate <= self.tol:
            return self.measure(path, sample)
        return path.measured

    def _record(
        self,
        path: Path,
        new: Path,
        sample: Sample,
        pool: Pool,
        training: Training,
        risk_before: float,
        noted: Mapping[str, float],
    ) -> History:
        """Return the record with one more round, from `path` to `new`."""
        return extend_history(
            path.history,
            risk_before=risk_before,
            risk_after=new.risk,
            loss_shift=abs(risk_before - path.risk),
            prediction_gap=new.moved,
            two_back_gap=new.gap(path.previous),
            stability_residual=new.seen.residual,
            stability_residual_estimate=new.estimate_residual(),
            n_rows=_num_samples(pool.sample.X),
            n_rows_new=_num_samples(sample.X),
            fit_time=training.seconds,
            **noted,
        )

    def _risk_errors(self, path: Path, new: Path, sample: Sample) -> Floats | None:
        """Return the errors of the risk before, of which scorers tell nothing."""
        if new.is_late or self.scoring is not None:
            return None
        losses = path.predictor.row_losses(sample)
        return risk_errors(losses, sample) if are_finite(losses) else None

    def _next_model(self, path: Path) -> BaseEstimator:
        """Return what is to be retrained, with what was set since the last round."""
        if self.changes is None:
            return clone(self.estimator)
        model = copy_model(path.predictor.estimator)
        return model.set_params(**self.changes) if self.changes else model

    def _is_late(self, path: Path) -> bool:
        """Return whether the data were seen under an older model than the last."""
        return self.seen_under not in (None, path.n_rounds)

    def _period(self, path: Path) -> Hashable:
        """Return what the next period is called."""
        return path.n_rounds + 1 if self.period is None else self.period

    def _remember(self, path: Path, sample: Sample) -> Store:
        """Return the path's store with what was seen, and under which model."""
        y_pred, residual = path.of_round(self.seen_under)
        meta: SnapshotMeta = {"residual": residual}
        return path.store.append(self._period(path), sample, y_pred, meta)

    def _train(
        self, model: BaseEstimator, sample: Sample, watch: Watch, task_name: str
    ) -> Training:
        """Fit `model` in place."""
        with watch(model, task_name):
            start = perf_counter()
            unfinished = self._fit(model, sample)
            return Training(perf_counter() - start, unfinished)

    def _fit(self, model: BaseEstimator, sample: Sample) -> bool:
        """Fit `model` in place; return whether it calls itself unfinished.

        It is handed the persons if it splits by them.
        """
        handed = {}
        if sample.groups is not None:
            name = groups_parameter(model)
            handed = {} if name is None else {name: sample.groups}
        return bool(fit_and_listen(model, sample, **self.fit_params, **handed))

    def _tell_of_persons(self, sample: Sample) -> bool:
        """Say so, once, if the estimator takes the rows of a person for persons."""
        if not repeats(sample.groups):
            return False
        warn_if_counted(self.estimator, sample)
        return True


def copy_model(model: BaseEstimator) -> BaseEstimator:
    """Copy a fitted model, so that its own warm start works; share its callbacks."""
    callbacks = getattr(model, "_skl_callbacks", ())
    return deepcopy(model, {id(callback): callback for callback in callbacks})


def _without_callbacks(model: BaseEstimator) -> BaseEstimator:
    """Return the model, whose next training is a question and nobody's task."""
    vars(model).pop("_skl_callbacks", None)
    return model
