# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Outcome shift: predictions move the targets, as self-fulfilling forecasts do."""

from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray

from skperf.shift._base import PopulationShift
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
    feedback : float or array-like of shape (n_samples, n_samples)
        Strength A of the response. A number acts row by row; a matrix lets each row
        respond to all predictions, for tables with one row a group.

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
        targets = np.asarray(y, dtype=float)
        base = base_sample(X, targets, sample_weight, groups)
        feedback = np.asarray(self.feedback)
        if self.spread is None:
            return FixedWorld(base, partial(_move_targets, feedback, base, targets))
        support = _both_labels(base, targets, self.spread)
        weights = as_weights(sample_weight, len(targets))
        respond = partial(_reweight_labels, feedback, self.spread, weights, support)
        return FixedWorld(base, respond)


def _move_targets(feedback: Floats, base: Sample, y: Floats, y_pred: Floats) -> Sample:
    """Return the rows with other targets."""
    return base._replace(y=y + _move(feedback, y_pred), support=None)


def _reweight_labels(
    feedback: Floats,
    spread: float,
    base_weight: Floats,
    support: Sample,
    y_pred: Floats,
) -> Sample:
    """Return the rows with both of their targets, by their probabilities."""
    tilt = _move(feedback, y_pred) / spread
    if not np.abs(tilt).max() <= 1:
        raise ValueError(
            "OutcomeShift cannot move targets further than spread: got moves "
            f"up to {np.abs(tilt).max() * spread:.4g} with spread={spread:.4g}. "
            "Raise spread."
        )
    halves = [base_weight * (1 + tilt) / 2, base_weight * (1 - tilt) / 2]
    return support._replace(sample_weight=np.concatenate(halves))


def _move(feedback: Floats, y_pred: Floats) -> Floats:
    return feedback @ y_pred if feedback.ndim else feedback * y_pred


def _both_labels(base: Sample, y: Floats, spread: float) -> Sample:
    """Return each row twice, with its target moved up and down."""
    X = concatenate([base.X, base.X])
    twice = Sample(
        X, np.concatenate([y + spread, y - spread]), groups=np.tile(persons(base), 2)
    )
    return keep_labels(twice, base)._replace(support=new_key("both labels"))
