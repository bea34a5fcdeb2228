# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People who move just as far as changes the decision, if they can afford it."""

from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike

from skperf.shift._base import BaseShift
from skperf.shift._differences import central_differences
from skperf.shift._predictor import Columns, PredictionFunction, require_predictor
from skperf.shift._responders import Mask, Responds, responders
from skperf.shift._sample import Floats, Rows, Sample, Table
from skperf.utils._sklearn import Interval, _num_samples
from skperf.utils._tables import add_to_columns, column_indices, take_rows

_HALVINGS = 32  # of the budget, until the cheapest move is known
_BEYOND = 2.0**-30  # of the budget: so far past the threshold that rounding is nothing


class BudgetedResponse(BaseShift):
    r"""Rejected people move just far enough to be accepted, if they can afford it.

    A person is rejected where the prediction is above `threshold`. A move of the
    strategic columns by :math:`\Delta` costs

    .. math:: \sqrt{\textstyle\sum_j c_j^2 \Delta_j^2},

    and pays only if it changes the decision. Whoever can be accepted for at most
    `budget` makes the cheapest such move; all others stay. For a linear score this is
    the best response [1]_; for others the cheapest move along the direction in which
    the score falls fastest for its cost, which may be dearer than the best one.

    Parameters
    ----------
    budget : float
        What people can spend at most, not negative.

    threshold : float, default=0.5
        The largest prediction that is accepted. Inside of a :class:`ThresholdPolicy` or
        :class:`QuantilePolicy`, whose decisions are 0 and 1, leave it as it is.

    cost : float or array-like of shape (n_strategic_features,), default=1.0
        The price :math:`c_j` of one unit of each strategic column, positive.

    strategic_features : int, str, slice or array-like, default=None
        The columns that people can change, all numeric: positions, names of a
        DataFrame's columns, or a mask. None means all columns.

    responds : label, array-like or callable, default=None
        Who may move, as in :class:`StrategicResponse`. None means everybody.

    See Also
    --------
    StrategicResponse : Everybody moves, whatever the decision.

    Notes
    -----
    The gradient gives the direction; it is that of :class:`StrategicResponse`, and
    trees, which have none, move nobody. How far is found by halving, which asks the
    model 33 times about the people who can be accepted.

    People who were moved sit at the threshold, a billionth of the budget beyond it.
    There is no slope to follow to an optimum: who can just not afford to move jumps.

    References
    ----------
    .. [1] M. Hardt, N. Megiddo, C. Papadimitriou, M. Wootters, "Strategic
       Classification", ITCS 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import BudgetedResponse
    >>> X, y = np.array([[0.2], [0.7], [1.9]]), np.array([0, 1, 1])
    >>> shift = BudgetedResponse(budget=1.0, threshold=0.5)
    >>> first = lambda X: X[:, 0]
    >>> shift.sample(X, y, first(X), predictor=first).X.round(6)
    array([[0.2],
           [0.5],
           [1.9]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "budget": [Interval(Real, 0, None, closed="left")],
        "threshold": [Interval(Real, None, None, closed="neither")],
        "cost": [Interval(Real, 0, None, closed="neither"), "array-like"],
        "strategic_features": [Integral, str, slice, "array-like", None],
        "responds": "no_validation",  # labels may be anything
    }

    is_random = False
    jumps = True

    def __init__(
        self,
        budget: float,
        *,
        threshold: float = 0.5,
        cost: float | ArrayLike = 1.0,
        strategic_features: Columns | None = None,
        responds: Responds = None,
    ) -> None:
        self.budget = budget
        self.threshold = threshold
        self.cost = cost
        self.strategic_features = strategic_features
        self.responds = responds

    def sample(
        self,
        X: Table,
        y: Table,
        y_pred: Floats,
        *,
        predictor: Callable[[Table], Floats] | None = None,
        sample_weight: Floats | None = None,
        random_state: int | RandomState | None = None,
    ) -> Sample:
        """Return the population after its move.

        Parameters
        ----------
        X, y, y_pred, predictor, sample_weight, random_state
            As in :meth:`BaseShift.sample`.

        Returns
        -------
        sample : Sample
            The moved features with the same targets and weights.

        Raises
        ------
        ValueError
            If `predictor` is None, `cost` does not fit the strategic columns, or
            `responds` does not tell who moves.
        """
        self._validate_params()
        model = require_predictor(type(self).__name__, predictor)
        features = self.strategic_features
        columns = column_indices(X, slice(None) if features is None else features)
        prices = _as_prices(self.cost, columns)
        rejected = np.asarray(y_pred) > self.threshold
        who = responders(self.responds, X, y)
        rows = np.flatnonzero(rejected if who is None else rejected & who)
        moves = np.zeros((_num_samples(X), len(columns)))
        if len(rows) and self.budget:
            moves[rows] = self._cheapest(model, take_rows(X, rows), columns, prices)
        moved = add_to_columns(X, columns, moves)
        return Sample(moved, y, sample_weight, groups=np.arange(len(moves)))

    def _cheapest(
        self, model: PredictionFunction, X: Table, columns: Rows, prices: Floats
    ) -> Floats:
        """Return the moves of rejected people, zero for who cannot be accepted."""
        slopes = model.gradient(X, columns)
        if slopes is None:
            slopes = central_differences(model.score, X, columns)
        ways = _ways_down(slopes, prices)

        def accepts(rows: Rows, spent: Floats) -> Mask:
            there = take_rows(X, rows)
            tried = add_to_columns(there, columns, spent[:, None] * ways[rows])
            return np.asarray(model(tried)) <= self.threshold

        rows = np.flatnonzero(ways.any(axis=1))
        spent = np.zeros(len(ways))
        if len(rows):
            able = rows[accepts(rows, np.full(len(rows), self.budget))]
            spent[able] = _least(partial(accepts, able), len(able), self.budget)
        return spent[:, None] * ways


def _least(suffices: Callable[[Floats], Mask], n_samples: int, budget: float) -> Floats:
    """Return the least that suffices for each of people whose budget does."""
    enough, too_little = np.full(n_samples, budget, dtype=float), np.zeros(n_samples)
    for _ in range(_HALVINGS if n_samples else 0):
        middle = (enough + too_little) / 2
        does = suffices(middle)
        enough = np.where(does, middle, enough)
        too_little = np.where(does, too_little, middle)
    return np.minimum(enough + _BEYOND * budget, budget)


def _as_prices(cost: float | ArrayLike, columns: Rows) -> Floats:
    """Return the price of a unit of each column."""
    prices = np.asarray(cost, dtype=float)
    if prices.ndim and prices.shape != columns.shape:
        raise ValueError(
            f"cost has the shape {prices.shape}, and there are {len(columns)} "
            "strategic columns; expected one number, or a price for each of them."
        )
    if not (np.isfinite(prices) & (prices > 0)).all():
        raise ValueError(
            "The prices in cost must be positive and finite. A column that nobody can "
            "change is left out of strategic_features."
        )
    return np.broadcast_to(prices, columns.shape)


def _ways_down(slopes: Floats, prices: Floats) -> Floats:
    """Return the moves of cost 1 along which the score falls fastest."""
    fall = -slopes / prices
    lengths = np.linalg.norm(fall, axis=1, keepdims=True)
    still = lengths == 0
    return np.where(still, 0.0, fall / np.where(still, 1.0, lengths)) / prices
