# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Retraining on samples that know how the data react to the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from sklearn.base import is_classifier

from skperf.retraining._learner import Choice, Learner
from skperf.retraining._losses import weighted_mean
from skperf.retraining._measured import Measured
from skperf.retraining._model import DeployedModel
from skperf.retraining._path import Path
from skperf.retraining._performative_slope import (
    correction_size,
    no_slope,
    settle,
)
from skperf.retraining._store import Store
from skperf.risk_minimization._correction_rows import (
    correct_labels,
    correct_targets,
    sum_corrections,
)
from skperf.risk_minimization._damping import next_damping
from skperf.risk_minimization._support import Support, find_support, weights_of
from skperf.shift import Cotangent, PullBack, Sample, World

#: What a round records besides the columns of every minimizer.
MORE_COLUMNS = ("performative_risk", "correction", "damping")


@dataclass(frozen=True)
class CorrectedLearner(Learner):
    """A learner that trains on what was seen and on what its world does about it."""

    world: World = field(kw_only=True)
    damping: float | Literal["auto"] = "auto"
    _supports: dict[tuple, Support] = field(default_factory=dict)  # the last one

    def begin(self, base: Sample, predictor: DeployedModel) -> Path:
        """Begin a path whose record has our columns too."""
        path = super().begin(base, predictor)
        more = {name: np.empty(0) for name in MORE_COLUMNS}
        return path._replace(history=path.history | more)

    def choose(self, path: Path, sample: Sample, store: Store) -> Choice:
        """Return the corrected sample, on which an undamped round measures a model."""
        damping = self.damping
        if damping == "auto":
            damping = next_damping(path.history)
        corrected, size = self._correct(path.predictor, sample, float(damping))
        pool = super().choose(path, sample, store).pool._replace(sample=corrected)
        noted = {"correction": size, "damping": float(damping)}
        return Choice(pool, noted, measures=not damping)

    def note_risk(self, new: Path, noted: Mapping[str, float]) -> Mapping[str, float]:
        """Return the risk of the new model on its own data too."""
        risk = new.predictor.risk(settle(self.world, new.predictor), self.scoring)
        return {**noted, "performative_risk": risk}

    def measure(self, path: Path, sample: Sample) -> Measured:
        """Measure how far a corrected retraining, undamped, would move the model."""
        corrected, _ = self._correct(path.predictor, sample, 0.0)
        return super().measure(path, corrected)

    def _correct(
        self, predictor: DeployedModel, sample: Sample, damping: float
    ) -> tuple[Sample, float]:
        """Return the corrected sample and the root mean square of the correction."""
        pull_backs = pull_back_risk(self.world, predictor, sample)
        support = self._support(sample, pull_backs)
        v = sum_corrections(support, pull_backs, weights_of(sample).sum())
        correct = (
            correct_labels if is_classifier(predictor.estimator) else correct_targets
        )
        return correct(sample, support, v, predictor, damping), correction_size(
            pull_backs
        )

    def _support(self, sample: Sample, pull_backs: Sequence[PullBack]) -> Support:
        """Return the support, which is looked for once where rows have a key."""
        key = (sample.support, *[id(pull_back.X) for pull_back in pull_backs])
        known = self._supports.get(key)
        if known is None:
            known = find_support(self.world.base, sample, pull_backs)
            self._supports.clear()
            if sample.support is not None:
                self._supports[key] = known  # it holds the tables, and so their ids
        return known


def pull_back_risk(
    world: World, predictor: DeployedModel, sample: Sample
) -> list[PullBack]:
    """Return the derivatives of the risk by predictions, through the reaction.

    The features are given a derivative of zero, with which whoever has moved them
    answers that they move.
    """
    losses = predictor.row_losses(sample)
    weights = weights_of(sample)
    total = weights.sum()
    y = None
    if not is_classifier(predictor.estimator):
        targets = np.asarray(sample.y, dtype=float)
        errors = targets - predictor(sample.X).reshape(targets.shape)
        share = 2 * weights / (total * targets[:1].size)
        y = (share * errors.T).T
    cotangent = Cotangent(
        (losses - weighted_mean(losses, sample.sample_weight)) / total,
        y,
        no_slope(sample),
    )
    _, pull_backs = world.pull_back(world.start(), predictor, cotangent)
    if any(pull_back.U is not None for pull_back in pull_backs):
        raise ValueError(
            "method='retrain' cannot follow people who move their features along the "
            "gradient of the score: what the model does to that gradient is no weight "
            "or target of a row. Use method='gradient' with a linear model or a torch "
            "module."
        )
    return pull_backs
