# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One model that is retrained: what it learns from, how it is fitted and deployed."""

from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeAlias

import numpy as np
from sklearn.base import BaseEstimator, clone

from skperf.retraining._history import extend_history
from skperf.retraining._losses import root_mean_square
from skperf.retraining._model import DeployedModel
from skperf.retraining._path import Path, Pool
from skperf.retraining._persons import groups_parameter, repeats, warn_if_counted
from skperf.retraining._scoring import Scoring
from skperf.retraining._store import Store
from skperf.retraining._weights import fit_with_weights
from skperf.shift import Sample
from skperf.shift._labels import Label
from skperf.utils._sklearn import _num_samples

#: Tells callbacks of a training: takes the model and the name of the task.
Watch: TypeAlias = Callable[[BaseEstimator, str], AbstractContextManager[None]]


@dataclass(frozen=True)
class Learner:
    """How one model is retrained; where it stands is told by its path."""

    estimator: BaseEstimator
    pool: Callable[[Store, int], Pool]
    scoring: Scoring = None
    response_method: str = "auto"
    pos_label: Label | None = None
    fit_params: Mapping[str, object] = field(default_factory=dict)
    period: Hashable = None  # None: the number of the round
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

    def learn(self, path: Path, sample: Sample, watch: Watch) -> Path:
        """Retrain on what was seen, mixed with what the path remembers, and deploy."""
        risk_before = self._risk_before(path, sample)
        store = self._remember(path, sample)
        pool = self.pool(store, path.n_rounds + 1)
        told = path.told_of_persons or self._tell_of_persons(pool.sample)
        model = copy_model(path.predictor.estimator)
        seconds = self._train(model, pool.sample, watch, "retrain")
        predictor = path.predictor.succeed(model)
        risk_after = predictor.risk(sample, self.scoring)
        new = path.deploy(predictor, pool, store, risk_after)
        history = extend_history(
            path.history,
            risk_before=risk_before,
            risk_after=risk_after,
            loss_shift=abs(risk_before - path.risk),
            prediction_gap=new.gap(path.y_pred),
            two_back_gap=new.gap(path.previous),
            stability_residual=root_mean_square(new.residual),
            n_rows=_num_samples(pool.sample.X),
            n_rows_new=_num_samples(sample.X),
            fit_time=seconds,
        )
        late = self._is_late(path)
        return new._replace(history=history, is_late=late, told_of_persons=told)

    def measure(self, path: Path, sample: Sample) -> float:
        """Return how far a retraining on `sample` alone would move the model."""
        model = copy_model(path.predictor.estimator)
        self._fit(model, sample)
        return path.gap(path.predictor.succeed(model)(path.X))

    def _risk_before(self, path: Path, sample: Sample) -> float:
        """Return the risk of the deployed model, NaN where people met another one."""
        return (
            np.nan if self._is_late(path) else path.predictor.risk(sample, self.scoring)
        )

    def _is_late(self, path: Path) -> bool:
        """Return whether the data were seen under an older model than the last."""
        return self.seen_under not in (None, path.n_rounds)

    def _remember(self, path: Path, sample: Sample) -> Store:
        """Return the path's store with what was seen, and under which model."""
        period = path.n_rounds + 1 if self.period is None else self.period
        y_pred, residual = path.of_round(self.seen_under)
        return path.store.append(period, sample, y_pred, {"residual": residual})

    def _train(
        self, model: BaseEstimator, sample: Sample, watch: Watch, task_name: str
    ) -> float:
        """Fit `model` in place; return the seconds that this took."""
        with watch(model, task_name):
            start = perf_counter()
            self._fit(model, sample)
            return perf_counter() - start

    def _fit(self, model: BaseEstimator, sample: Sample) -> None:
        """Fit `model` in place, and hand it the persons if it splits by them."""
        handed = {}
        if sample.groups is not None:
            name = groups_parameter(model)
            handed = {} if name is None else {name: sample.groups}
        fit_with_weights(model, sample, **self.fit_params, **handed)

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
