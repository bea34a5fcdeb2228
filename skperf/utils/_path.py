# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where a retraining path stands between two rounds."""

from typing import Any, NamedTuple

import numpy as np

from skperf.utils._history import empty_history
from skperf.utils._predictor import Predictor


class Snapshot(NamedTuple):
    """What was seen while a model was deployed.

    Parameters
    ----------
    sample : Sample
        The data.

    y_pred : ndarray of shape (n_base_samples,)
        What the model predicted on the base population.

    residual : ndarray or None
        How far the model moved from the mixture of models whose data it was trained
        on, scaled so that its Euclidean norm is a root mean square. None for the first
        model, whose data nobody had reacted to.

    n_models : int, default=1
        Number of models averaged in this snapshot.
    """

    sample: Any
    y_pred: np.ndarray
    residual: np.ndarray | None = None
    n_models: int = 1


class Pool(NamedTuple):
    """Snapshots mixed with coefficients, and the sample that this gives."""

    snapshots: tuple
    coefficients: np.ndarray
    sample: Any


class Path(NamedTuple):
    """The deployed model and what must be remembered; each round makes a new one."""

    X: Any  # the base population, on which models are compared
    sample_weight: np.ndarray | None
    predictor: Predictor  # the deployed model
    risk: float  # its risk on the data before people reacted to it
    y_pred: np.ndarray  # its predictions on X
    history: dict  # the record of the rounds so far
    previous: np.ndarray | None = None  # those of the model before it
    residual: np.ndarray | None = None  # as in Snapshot
    snapshots: tuple = ()
    share: float = 1.0  # of the newest snapshot in the mixture trained on

    @classmethod
    def start(cls, base, predictor, scoring):
        """Deploy a first model on a base population."""
        return cls(
            X=base.X,
            sample_weight=base.sample_weight,
            predictor=predictor,
            risk=predictor.risk(base, scoring),
            y_pred=predictor(base.X),
            history=empty_history(),
        )

    def deploy(self, predictor, pool, risk):
        """Deploy the model that was trained on `pool`."""
        y_pred = predictor(self.X)
        mixture = sum(
            coefficient * snapshot.y_pred
            for coefficient, snapshot in zip(
                pool.coefficients, pool.snapshots, strict=True
            )
        )
        return self._replace(
            predictor=predictor,
            risk=risk,
            y_pred=y_pred,
            previous=self.y_pred,
            residual=_scaled_difference(y_pred, mixture, self.sample_weight),
            snapshots=pool.snapshots,
            share=abs(pool.coefficients[-1]) / pool.snapshots[-1].n_models,
        )

    @property
    def n_rounds(self):
        """Number of finished rounds."""
        return len(self.history["n_fits"])

    @property
    def mixed(self):
        """Whether the deployed model was trained on the data of several models."""
        return sum(snapshot.n_models for snapshot in self.snapshots) > 1

    def estimate_residual(self):
        """Estimate how far a retraining on D(f) alone would move the model f.

        After a retraining on one snapshot it is the gap. A mixture moves only by the
        share of its newest snapshot, so the gap is divided by it; the distance to the
        mixture bounds the residual where retraining contracts.
        """
        gap = self.history["prediction_gap"][-1]
        distance = np.linalg.norm(self.residual)
        return min(gap / max(self.share, 1e-300), max(gap, distance))

    def gap(self, y_pred):
        """Return the root mean squared distance of the deployed model to `y_pred`."""
        if y_pred is None:
            return np.nan
        difference = _scaled_difference(self.y_pred, y_pred, self.sample_weight)
        return float(np.linalg.norm(difference))


def _scaled_difference(first, second, sample_weight):
    """Return the difference, scaled so that its norm is the root mean square."""
    difference = (first - second).reshape(len(first), -1)
    if sample_weight is None:
        return difference.ravel() / np.sqrt(difference.size)
    scale = np.sqrt(sample_weight / (sample_weight.sum() * difference.shape[1]))
    return (difference * scale[:, None]).ravel()
