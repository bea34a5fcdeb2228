# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Outcome shift: predictions move the targets, as self-fulfilling forecasts do."""

from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier

from skperf.shift._base import PopulationShift
from skperf.shift._predictor import PredictionFunction
from skperf.shift._sample import (
    Floats,
    Sample,
    Table,
    as_weights,
    base_sample,
    keep_labels,
    new_key,
    persons,
)
from skperf.shift._world import FixedWorld, World
from skperf.utils._sklearn import Interval
from skperf.utils._tables import concatenate


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

    def __init__(
        self, feedback: float | ArrayLike, *, spread: float | None = None
    ) -> None:
        self.feedback = feedback
        self.spread = spread

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
        targets = _as_numbers(y)
        base = base_sample(X, targets, sample_weight, groups)
        feedback = _check_feedback(self.feedback, len(targets))
        if self.spread is None:
            return _MovedTargets(base, partial(_move_targets, feedback, base, targets))
        if targets.size > len(targets):
            raise ValueError(
                f"spread moves one target a row; y has the shape {targets.shape}. Set "
                "spread=None, or give the targets one by one."
            )
        support = _both_labels(base, targets, self.spread)
        weights = as_weights(sample_weight, len(targets))
        respond = partial(
            _reweight_labels, feedback, self.spread, weights, support, targets
        )
        return FixedWorld(base, respond)


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


def _move_targets(feedback: Floats, base: Sample, y: Floats, y_pred: Floats) -> Sample:
    """Return the rows with other targets."""
    return base._replace(y=y + _move(feedback, y_pred, y), support=None)


def _reweight_labels(
    feedback: Floats,
    spread: float,
    base_weight: Floats,
    support: Sample,
    y: Floats,
    y_pred: Floats,
) -> Sample:
    """Return the rows with both of their targets, by their probabilities."""
    tilt = _move(feedback, y_pred, y).reshape(len(y)) / spread
    if not np.abs(tilt).max() <= 1:
        raise ValueError(
            "OutcomeShift cannot move targets further than spread: got moves "
            f"up to {np.abs(tilt).max() * spread:.4g} with spread={spread:.4g}. "
            "Raise spread."
        )
    halves = [base_weight * (1 + tilt) / 2, base_weight * (1 - tilt) / 2]
    return support._replace(sample_weight=np.concatenate(halves))


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


def _as_numbers(y: Table) -> Floats:
    """Return targets as numbers, or say that they must be."""
    try:
        return np.asarray(y, dtype=float)
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


def _both_labels(base: Sample, y: Floats, spread: float) -> Sample:
    """Return each row twice, with its target moved up and down."""
    X = concatenate([base.X, base.X])
    twice = Sample(
        X, np.concatenate([y + spread, y - spread]), groups=np.tile(persons(base), 2)
    )
    return keep_labels(twice, base)._replace(support=new_key("both labels"))
