# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What people meet of a model is often a decision: policies make one of predictions."""

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from numbers import Real
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from skperf.shift._base import BaseShift, PopulationShift
from skperf.shift._binding import bind_to_sample
from skperf.shift._policy_world import PolicyWorld, Rule, RuleMaker
from skperf.shift._sample import Floats, Sample, Table, as_weights
from skperf.shift._strength import Strength
from skperf.shift._world import World
from skperf.utils._arguments import require_shift
from skperf.utils._sklearn import HasMethods, Interval


class DecisionPolicy(PopulationShift):
    """Base class of shifts whose people meet a decision, 1 for those turned down."""

    shift: BaseShift
    jumps = True

    @property
    def strengths(self) -> Mapping[str, Strength]:  # type: ignore[override]
        """The strengths of the shift, as ``shift__<parameter>``."""
        own = getattr(self.shift, "strengths", {})
        return {f"shift__{name}": strength for name, strength in own.items()}

    @property
    def is_differentiable(self) -> bool:
        """Decisions have no derivative."""
        return False

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
            As in :meth:`BaseShift.bind`.

        Returns
        -------
        world : World
            The shift on this population.
        """
        require_shift(self.shift)
        self._validate_params()
        people = Sample(X, y, sample_weight, groups)
        world = bind_to_sample(self.shift, people, random_state)
        return PolicyWorld(world, self._rule())

    @abstractmethod
    def _rule(self) -> RuleMaker:
        """Return what makes a rule of the predictions about everybody."""


class ThresholdPolicy(DecisionPolicy):
    """People meet a decision: turned down where the prediction is above a threshold.

    The shift inside sees 1 for those who are turned down and 0 for all others, in
    place of the predictions. The score and its gradient stay those of the model.

    Parameters
    ----------
    shift : BaseShift
        How people react to the decision.

    threshold : float, default=0.5
        The largest prediction that is let through.

    See Also
    --------
    QuantilePolicy : Turns down a given share of people.
    BudgetedResponse : People who move if that changes the decision.
    TransformedPredictionShift : For any other function of the predictions.

    Notes
    -----
    A decision does not change with small changes of the model, or it jumps. So there is
    nothing to follow to an optimum, and :class:`~skperf.PerformativeRiskMinimizer`
    refuses: compare models by :func:`~skperf.metrics.performative_risk`. Retraining may
    go in circles where it would settle with probabilities, as people whose prediction
    is near the threshold change sides.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import ResampleIfRejected, ThresholdPolicy
    >>> shift = ThresholdPolicy(ResampleIfRejected(delta=0.0), threshold=0.3)
    >>> X, y = np.zeros((4, 1)), np.array([0, 0, 1, 1])
    >>> shift.sample(X, y, np.array([0.1, 0.3, 0.4, 0.9])).sample_weight
    array([1.5, 1.5, 0.5, 0.5])
    """

    _parameter_constraints: ClassVar[dict] = {
        "shift": [HasMethods(["bind", "sample"])],
        "threshold": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(self, shift: BaseShift, threshold: float = 0.5) -> None:
        self.shift = shift
        self.threshold = threshold

    def _rule(self) -> RuleMaker:
        """Return what makes the rule of the threshold."""
        return partial(_above, self.threshold)


class QuantilePolicy(DecisionPolicy):
    """People meet a decision: the worst share of them is turned down.

    The threshold is a quantile of the predictions about the people who are there, so
    the same number is turned down whatever the model. The shift inside sees 1 for
    those above it and 0 for those below. People *at* the threshold see the probability
    that leaves exactly the share; all see it where a model tells nobody apart.

    Parameters
    ----------
    shift : BaseShift
        How people react to the decision.

    rate : float
        The share of people that is turned down, those of the highest predictions, in
        [0, 1]. People count by their sample weights.

    See Also
    --------
    ThresholdPolicy : Turns down those above a fixed prediction.

    Notes
    -----
    As for :class:`ThresholdPolicy` there is no optimum that could be followed to. The
    share is of the population that the shift is bound to: of a test set, when a model
    is judged on one.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import QuantilePolicy, ResampleIfRejected
    >>> shift = QuantilePolicy(ResampleIfRejected(delta=0.0), rate=0.25)
    >>> X, y = np.zeros((4, 1)), np.array([0, 0, 1, 1])
    >>> shift.sample(X, y, np.array([0.1, 0.2, 0.3, 0.9])).sample_weight
    array([1.25, 1.25, 1.25, 0.25])
    """

    _parameter_constraints: ClassVar[dict] = {
        "shift": [HasMethods(["bind", "sample"])],
        "rate": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, shift: BaseShift, rate: float) -> None:
        self.shift = shift
        self.rate = rate

    def _rule(self) -> RuleMaker:
        """Return what makes the rule of the share."""
        return partial(_worst, self.rate)


def _above(threshold: float, y_pred: Floats, sample_weight: Floats | None) -> Rule:
    """Return the rule that turns down who is above a threshold."""
    _as_ranks(y_pred)
    return partial(_turn_down, threshold, 0.0)


def _worst(rate: float, y_pred: Floats, sample_weight: Floats | None) -> Rule:
    """Return the rule that turns down a share, by a threshold and a chance at it."""
    ranks = _as_ranks(y_pred)
    weights = as_weights(sample_weight, len(ranks))
    levels, where = np.unique(-ranks, return_inverse=True)
    at_level = np.bincount(where, weights)
    room = rate * weights.sum() - (np.cumsum(at_level) - at_level)
    chances = np.divide(room, at_level, where=at_level > 0, out=np.ones_like(room))
    last = np.flatnonzero(room > 0)
    if not len(last):  # nobody is turned down
        return partial(_turn_down, -levels[0], 0.0)
    return partial(_turn_down, -levels[last[-1]], min(chances[last[-1]], 1.0))


def _turn_down(threshold: float, chance: float, y_pred: Floats) -> Floats:
    """Return 1 above the threshold, a chance at it, and 0 below."""
    ranks = _as_ranks(y_pred)
    return np.where(ranks == threshold, chance, (ranks > threshold).astype(float))


def _as_ranks(y_pred: Floats) -> Floats:
    """Return predictions by which people can be put in order."""
    ranks = np.asarray(y_pred, dtype=float)
    if ranks.ndim != 1:
        raise ValueError(
            "A policy decides by one prediction for each person; got an array of shape "
            f"{ranks.shape}. Wrap it in a TransformedPredictionShift that takes one."
        )
    if not np.isfinite(ranks).all():
        raise ValueError(
            "A policy decides by predictions, and some of them are not finite."
        )
    return ranks
