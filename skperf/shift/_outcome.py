# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Outcome shift: predictions move the targets, as self-fulfilling forecasts do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier

from skperf.shift._base import PopulationShift
from skperf.shift._deployment import Deployment
from skperf.shift._predictor import PredictionFunction
from skperf.shift._pull_back import Cotangent, require_part, sum_copies
from skperf.shift._rowwise_world import RowwiseWorld
from skperf.shift._sample import (
    Floats,
    Sample,
    Table,
    as_weights,
    base_sample,
    stand_twice,
)
from skperf.shift._strength import Strength
from skperf.shift._world import FixedWorld, World
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._outcomes import outcome_equations
from skperf.utils._arrays import to_numpy
from skperf.utils._by_rows import in_blocks
from skperf.utils._sklearn import Interval


class OutcomeShift(PopulationShift):
    r"""Targets move with the predictions: :math:`\mathbb{E}\,y' = y + A\,\hat y`.

    A forecast of demand changes demand, a price prediction changes the price. The
    features stay. This is the outcome performativity behind the field's closed-form
    cases: with least squares retraining becomes the linear map
    :math:`\hat y_{t+1} = y + A\,\hat y_t` wherever the model can express it.

    Parameters
    ----------
    feedback : float or array-like of shape (n_samples,) or (n_samples, n_samples)
        Strength A of the response. A number acts row by row, and so does a vector, with
        a strength for each row. A matrix lets each row respond to all predictions, for
        tables with one row a group.

    spread : float, default=None
        None moves each target by exactly ``feedback @ y_pred``. With a number b each
        row stands twice, with the targets ``y + b`` and ``y - b``, weighted by their
        probabilities ``(1 + feedback @ y_pred / b) / 2`` and the rest (label shift).
        Only the weights depend on the model then, so that mixtures with negative
        coefficients are possible; b must exceed every ``|feedback @ y_pred|``.

    References
    ----------
    .. [1] J. Perdomo, T. Zrnic, C. Mendler-Dünner, M. Hardt, "Performative
       Prediction", ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.ones((2, 1)), np.array([1.0, 3.0])
    >>> OutcomeShift(feedback=0.5).sample(X, y, y_pred=np.array([2.0, 2.0])).y
    array([2., 4.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "feedback": [Real, "array-like"],
        "spread": [Interval(Real, 0, None, closed="neither"), None],
    }

    is_differentiable = True
    by_rows = ("y",)
    strengths: ClassVar[Mapping[str, Strength]] = {"feedback": Strength()}
    perturbed_within = (-np.inf, np.inf)

    def __init__(
        self, feedback: float | ArrayLike, *, spread: float | None = None
    ) -> None:
        self.feedback = feedback
        self.spread = spread

    def reaction_equations(self, deployments: Sequence[Deployment]) -> list[Equations]:
        """Return estimating equations of `feedback`, for :func:`estimate_shift`.

        Parameters
        ----------
        deployments : list of Deployment
            Pairs, perturbed predictions, or several arms.

        Returns
        -------
        equations : list
            One for each pair of samples or perturbation, one for all arms.
        """
        return outcome_equations(deployments)

    def bind(
        self,
        X: Table,
        y: Table,
        *,
        sample_weight: Floats | None = None,
        groups: NDArray | None = None,
        random_state: int | RandomState | None = None,
    ) -> World:
        """Return the world that this shift makes of one population.

        Parameters
        ----------
        X, y, sample_weight, groups, random_state
            As in :meth:`BaseShift.bind`. The targets must be numbers.

        Returns
        -------
        world : World
            The shift on this population. It raises a ValueError where a move exceeds
            `spread`.
        """
        self._validate_params()
        if in_blocks(X, y):
            return self._bind_blocks(base_sample(X, y, sample_weight, groups))
        targets = _as_numbers(y)
        base = base_sample(X, targets, sample_weight, groups)
        feedback = _check_feedback(self.feedback, len(targets))
        if self.spread is None:
            moved = _Moved(feedback, base, targets)
            return _MovedTargets(base, moved, moved.pull_back)
        if targets.size > len(targets):
            raise ValueError(
                f"spread moves one target a row; y has the shape {targets.shape}. Set "
                "spread=None, or give the targets one by one."
            )
        both = np.concatenate([targets + self.spread, targets - self.spread])
        tilted = _Tilted(
            feedback,
            self.spread,
            targets,
            as_weights(sample_weight, len(targets)),
            stand_twice(base, both),
        )
        return FixedWorld(base, tilted, tilted.pull_back)

    def _bind_blocks(self, base: Sample) -> World:
        """Return the world of a population that is not in memory as a whole."""
        if self.spread is not None or np.ndim(self.feedback):
            raise TypeError(
                "OutcomeShift moves targets of tables that are read in batches by one "
                "strength for all and without spread. Set feedback to a number and "
                "spread=None."
            )
        return RowwiseWorld(self, base)


class _MovedTargets(FixedWorld):
    """A world whose targets take any value, which are no labels of a classifier."""

    def react(self, state: None, predictor: PredictionFunction) -> tuple[Sample, None]:
        """Return the rows with other targets."""
        model = getattr(predictor, "estimator", None)  # a plain function has none
        if model is not None and is_classifier(model):
            raise ValueError(
                "OutcomeShift moves targets by fractions, and the deployed model, a "
                f"{type(model).__name__}, is a classifier, which needs "
                "labels. Use a regressor, a spread for which y + spread and y - spread "
                "are the labels, or a shift that keeps labels, such as "
                "ResampleIfRejected or StrategicResponse."
            )
        return super().react(state, predictor)


@dataclass(frozen=True, eq=False)
class _Moved:
    """The rows with other targets, as a function of the predictions."""

    feedback: Floats
    base: Sample
    y: Floats

    def __call__(self, y_pred: Floats) -> Sample:
        """Return the rows with other targets."""
        y = self.y + _move(self.feedback, y_pred, self.y)
        return self.base._replace(y=y, support=None)

    def pull_back(
        self, y_pred: Floats, cotangent: Cotangent
    ) -> tuple[Cotangent, Floats]:
        """Return the derivatives by the rows and by the predictions."""
        by_target = require_part(cotangent.y, "y", "OutcomeShift")
        return cotangent, _move_back(self.feedback, y_pred, by_target)


@dataclass(frozen=True, eq=False)
class _Tilted:
    """The rows with both of their targets, weighted by their probabilities."""

    feedback: Floats
    spread: float
    y: Floats
    weights: Floats
    support: Sample

    def __call__(self, y_pred: Floats) -> Sample:
        """Return the weights."""
        tilt = self._tilt(y_pred)
        if not np.abs(tilt).max() <= 1:
            raise ValueError(
                "OutcomeShift cannot move targets further than spread: got moves up to "
                f"{np.abs(tilt).max() * self.spread:.4g} with "
                f"spread={self.spread:.4g}. Raise spread."
            )
        halves = [self.weights * (1 + tilt) / 2, self.weights * (1 - tilt) / 2]
        return self.support._replace(sample_weight=np.concatenate(halves))

    def pull_back(
        self, y_pred: Floats, cotangent: Cotangent
    ) -> tuple[Cotangent, Floats]:
        """Return the derivatives by the rows and by the predictions."""
        tilt = self._tilt(y_pred)
        up, down = np.split(cotangent.weight, 2)
        by_tilt = self.weights * (up - down) / 2
        back = Cotangent(
            (up * (1 + tilt) + down * (1 - tilt)) / 2,
            sum_copies(cotangent.y, len(tilt)),
            sum_copies(cotangent.X, len(tilt)),
        )
        return back, _move_back(self.feedback, y_pred, by_tilt / self.spread)

    def _tilt(self, y_pred: Floats) -> Floats:
        """Return how much more probable the higher target is, in [-1, 1]."""
        move = _move(self.feedback, y_pred, self.y)
        return move.reshape(len(self.y)) / self.spread


def _move(feedback: Floats, y_pred: Floats, y: Floats) -> Floats:
    """Return how far the targets y move, in their shape."""
    y_pred = np.asarray(y_pred)
    if y_pred.shape != y.shape and y.size == len(y) == y_pred.size:
        y_pred = y_pred.reshape(y.shape)  # one column of targets or none
    if y_pred.shape != y.shape:
        raise ValueError(
            "OutcomeShift needs a prediction for each target: got predictions of shape "
            f"{y_pred.shape} and targets of shape {y.shape}. Predict what y holds, or "
            "reduce the predictions with TransformedPredictionShift."
        )
    if feedback.ndim == 2:
        return feedback @ y_pred
    return (feedback * y_pred.T).T  # a strength for each row, or one for all


def _move_back(feedback: Floats, y_pred: Floats, by_move: Floats) -> Floats:
    """Return the derivatives by the predictions, given those by the moves."""
    by_move = by_move.reshape(np.shape(y_pred))
    if feedback.ndim == 2:
        return feedback.T @ by_move
    return (feedback * by_move.T).T


def _as_numbers(y: Table) -> Floats:
    """Return targets as numbers, or say that they must be."""
    try:
        return to_numpy(y, float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"OutcomeShift moves targets by numbers, and y holds others ({error}). It "
            "is meant for regressors. Encode labels as numbers, or use a shift that "
            "keeps labels, such as ResampleIfRejected or StrategicResponse."
        ) from error


def _check_feedback(feedback: float | ArrayLike, n_samples: int) -> Floats:
    """Return the strengths as an array: one, one a row, or a matrix."""
    strengths = np.asarray(feedback, dtype=float)
    if strengths.shape not in ((), (n_samples,), (n_samples, n_samples)):
        raise ValueError(
            f"feedback has the shape {strengths.shape}, and the population has "
            f"{n_samples} rows. Expected a number, a strength for each row of shape "
            f"({n_samples},), or a matrix of shape ({n_samples}, {n_samples})."
        )
    return strengths
