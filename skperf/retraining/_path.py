# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where a retraining path stands between two rounds."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from skperf.retraining._history import History, empty_history
from skperf.retraining._losses import (
    blend,
    distance,
    root_mean_square,
    scaled_difference,
    spread,
)
from skperf.retraining._measured import Measured
from skperf.retraining._model import DeployedModel
from skperf.retraining._orbit import NOWHERE, extend_orbit, period_of
from skperf.retraining._scoring import Scoring
from skperf.retraining._store import MemoryStore, Snapshot, Store
from skperf.shift import Sample
from skperf.shift._sample import Floats, Table

_JUMP = 0.1  # of the spread of predictions: smaller steps are no cycle


class Pool(NamedTuple):
    """Snapshots mixed with coefficients, and the sample that this gives.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        What was mixed, the newest last; a store in memory keeps no others.

    coefficients : ndarray of shape (n_snapshots,)
        How much each counts, with sum 1.

    sample : Sample
        The mixture, on which the next model is trained.

    Examples
    --------
    What a solver of one's own returns, here to train on the newest data alone:

    >>> import numpy as np
    >>> from skperf.retraining import Pool, Snapshot
    >>> from skperf.shift import Sample
    >>> sample = Sample(np.ones((2, 1)), np.array([0.0, 1.0]))
    >>> newest = Snapshot(sample, y_pred=np.full(2, 0.5))
    >>> Pool([newest], np.ones(1), newest.sample).coefficients
    array([1.])
    """

    snapshots: Sequence[Snapshot]
    coefficients: Floats
    sample: Sample


class Path(NamedTuple):
    """The deployed model and what must be remembered; each round makes a new one."""

    X: Table  # the base population, on which models are compared
    sample_weight: Floats | None
    predictor: DeployedModel  # the deployed model
    risk: float  # its risk on the data before people reacted to it
    y_pred: Floats  # its predictions on X
    history: History  # the record of the rounds so far
    residual: Floats | None = None  # as in Snapshot
    previous: Floats | None = None  # the predictions of the model before it
    previous_residual: Floats | None = None
    moved: float = np.nan  # the distance of their predictions
    store: Store = MemoryStore()
    share: float = 1.0  # of the newest snapshot in the mixture trained on
    told_of_persons: bool = False  # the estimator was looked at, and the user told
    is_late: bool = False  # the newest data were seen under an older model
    measured: Measured = Measured()  # the deployed model, if the world was asked
    risk_errors: tuple[Floats | None, ...] = ()  # of each round, by persons
    orbit: Floats = NOWHERE  # the last models
    seen: Measured = Measured()  # the model before it, on the data seen under it
    at_rest: bool = True  # people had done all that it made them do

    @classmethod
    def start(cls, base: Sample, predictor: DeployedModel, scoring: Scoring) -> Self:
        """Deploy a first model on a base population."""
        risk, y_pred = predictor.risk(base, scoring), predictor(base.X)
        return cls(
            X=base.X,
            sample_weight=base.sample_weight,
            predictor=predictor,
            risk=risk,
            y_pred=y_pred,
            history=empty_history(),
            orbit=extend_orbit(NOWHERE, y_pred, base.sample_weight),
        )

    def deploy(
        self, predictor: DeployedModel, pool: Pool, store: Store, risk: float
    ) -> Self:
        """Deploy the model that was trained on `pool`."""
        y_pred = predictor(self.X)
        known = [snapshot.y_pred for snapshot in pool.snapshots]
        mixture = blend(pool.coefficients, known)
        return self._replace(
            predictor=predictor,
            risk=risk,
            y_pred=y_pred,
            previous=self.y_pred,
            previous_residual=self.residual,
            orbit=extend_orbit(self.orbit, y_pred, self.sample_weight),
            moved=_distance(y_pred, self.y_pred, self.sample_weight),
            residual=scaled_difference(y_pred, mixture, self.sample_weight),
            store=store.keep(pool.snapshots),
            share=abs(pool.coefficients[-1]) / pool.snapshots[-1].n_models,
            measured=Measured(),
        )

    @property
    def n_rounds(self) -> int:
        """Number of finished rounds."""
        return len(self.history["n_fits"])

    def of_round(self, number: int | None) -> tuple[Floats, Floats | None]:
        """Return predictions and residual of the model that a round has deployed."""
        if number is None or number == self.n_rounds:
            return self.y_pred, self.residual
        if number == self.n_rounds - 1 and self.previous is not None:
            return self.previous, self.previous_residual
        try:
            return self.store.of_round(number)
        except KeyError as error:
            raise ValueError(
                f"deployed={number!r} is not a round whose model is remembered. "
                f"Expected {self.n_rounds}, the number of the model that is deployed "
                "now, or that of the model before it. Leave out rows that were seen "
                "under older ones, or keep all models with a SnapshotStore."
            ) from error

    @property
    def cycles(self) -> bool:
        """Whether the same models come again, and are not nearly one."""
        return cycle_together([self])

    @property
    def estimate(self) -> float:
        """Estimate of how far a retraining on D(f) alone would move the model f."""
        return (
            self.history["stability_residual_estimate"][-1] if self.n_rounds else np.inf
        )

    def estimate_residual(self) -> float:
        """Estimate how far a retraining on D(f) alone would move the model f.

        After a retraining on one snapshot it is the gap to the model before. A mixture
        moves only by the share of its newest snapshot, so the gap is divided by it; the
        distance to the mixture bounds the residual where retraining contracts. Data
        that an older model has induced say nothing by the gap.
        """
        to_mixture = root_mean_square(self.residual)
        if self.is_late:
            return to_mixture
        return min(self.moved / max(self.share, 1e-300), max(self.moved, to_mixture))

    @property
    def spread(self) -> float:
        """Standard deviation of the predictions over people."""
        return spread(self.y_pred, self.sample_weight)

    def gap(self, y_pred: Floats | None) -> float:
        """Return the root mean squared distance of the deployed model to `y_pred`."""
        return _distance(self.y_pred, y_pred, self.sample_weight)


def cycle_together(paths: Sequence[Path]) -> bool:
    """Return whether the same models come again, of all paths at once.

    Models that differ by little, as trees whose splits jump do, are no cycle to break.
    """
    period = period_of(np.hstack([path.orbit for path in paths]))
    if period is None:
        return False
    steps = (path.history["prediction_gap"][-period:].max() for path in paths)
    jumps = (_JUMP * path.spread for path in paths)
    return any(step > jump for step, jump in zip(steps, jumps, strict=True))


def _distance(
    first: Floats, second: Floats | None, sample_weight: Floats | None
) -> float:
    if second is None:
        return np.nan
    return distance(first, second, sample_weight)
