# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Resample-if-Rejected: rejected people come back with other features."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from typing import ClassVar, Literal

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from skperf.shift._base import PopulationShift
from skperf.shift._dice import Dice
from skperf.shift._predictor import Columns
from skperf.shift._random_world import RandomWorld
from skperf.shift._sample import (
    Floats,
    Rows,
    Sample,
    Table,
    as_weights,
    base_sample,
    keep_labels,
    new_key,
)
from skperf.shift._world import FixedWorld, World
from skperf.utils._sklearn import Interval, StrOptions, _num_samples
from skperf.utils._tables import column_indices, replace_columns, take_rows

_SLACK = 1e-8  # rounding that a calibrator or a sum of probabilities may leave


class ResampleIfRejected(PopulationShift):
    r"""Rows that the model rejects are replaced by random rows of the population.

    A row with prediction :math:`\hat y \in [0, 1]` is rejected with probability
    :math:`g = \delta + (1 - \delta)\,\hat y`. A rejected row gets its strategic
    columns, jointly, from a random row of the base population; its other columns and
    its target stay. With ``strategic_features=None`` the whole row is redrawn, target
    included. The papers write :math:`f = (1 - \delta)\,\hat y` and
    :math:`g = f + \delta`.

    Parameters
    ----------
    delta : float
        Rejection probability at prediction 0, in [0, 1]. The larger, the more rows are
        redrawn and the *less* this depends on the model; at 1 not at all.

    strategic_features : int, str, slice or array-like, default=None
        The columns that people can change: positions, names of a DataFrame's columns,
        or a mask. A column that is named several times counts once. None means the
        whole row, target included.

    resampling : {"expected", "common", "drawn"}, default="expected"
        How a sample is made.

        - "expected": the expectation over all outcomes, as sample weights. Whole rows
          keep their places and get the weight ``1 - g + mean(g)``, which is exact.
          With strategic columns row i keeps the weight ``1 - g[i]`` and ``n_donors``
          copies of it, with columns of random donors, share ``g[i]``. The donors are
          the same in every round, so retraining can converge to machine precision; how
          near that point is to the true one is set by ``n_donors`` and the number of
          rows.
        - "common": one outcome a row, with the same random numbers in every round. No
          sample weights, but the sample is piecewise constant in the predictions.
        - "drawn": fresh outcomes in every round, as the world would do it. Retraining
          then ends at a noise floor.

    n_donors : int, default=4
        Donors for each row; used by "expected" with strategic columns only.

    See Also
    --------
    StrategicResponse : People move along the gradient of the score instead.

    Notes
    -----
    With whole rows the data have the density
    :math:`p_f(x) = p(x)\,(1 - g(x) + \mathbb{E}_p\,g)` (section 3 of [1]_), which lies
    between :math:`\delta` and :math:`2 - \delta` times :math:`p`.

    References
    ----------
    .. [1] M. Mofakhami, I. Mitliagkas, G. Gidel, "Performative Prediction with Neural
       Networks", AISTATS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import ResampleIfRejected
    >>> X, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> shift = ResampleIfRejected(delta=0.5)
    >>> shift.sample(X, y, y_pred=np.array([0.0, 1.0])).sample_weight
    array([1.25, 0.75])
    """

    _parameter_constraints: ClassVar[dict] = {
        "delta": [Interval(Real, 0, 1, closed="both")],
        "strategic_features": [Integral, str, slice, "array-like", None],
        "resampling": [StrOptions({"expected", "common", "drawn"})],
        "n_donors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        delta: float,
        *,
        strategic_features: Columns | None = None,
        resampling: Literal["expected", "common", "drawn"] = "expected",
        n_donors: int = 4,
    ) -> None:
        self.delta = delta
        self.strategic_features = strategic_features
        self.resampling = resampling
        self.n_donors = n_donors

    def rejection_probability(self, y_pred: ArrayLike) -> Floats:
        """Return the probability g that each row is rejected.

        Parameters
        ----------
        y_pred : array-like of shape (n_samples,)
            Predictions in [0, 1].

        Returns
        -------
        probability : ndarray of shape (n_samples,)
            ``delta + (1 - delta) * y_pred``.

        Raises
        ------
        ValueError
            If the predictions are not one number a row in [0, 1].
        """
        return _rejection_probability(self.delta, y_pred)

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
            As in :meth:`BaseShift.bind`. Donors are drawn in proportion to the weights.
            "expected" and "common" read from the random state without advancing it, so
            that the same state always means the same numbers.

        Returns
        -------
        world : World
            The shift on this population.
        """
        self._validate_params()
        columns = None
        if self.strategic_features is not None:
            columns = column_indices(X, self.strategic_features)
        base = base_sample(X, y, sample_weight, groups)
        if self.resampling == "drawn":
            draw = partial(_draw, self.delta, base, columns)
            return RandomWorld(base, draw, Dice.from_random_state(random_state))
        rng = deepcopy(check_random_state(random_state))
        return FixedWorld(base, self._response(base, columns, rng))

    def _response(
        self, base: Sample, columns: Rows | None, rng: RandomState
    ) -> Callable[[Floats], Sample]:
        """Return the sample as a function of predictions, all else being fixed."""
        n_samples = _num_samples(base.X)
        if self.resampling == "common":
            chances = rng.uniform(size=n_samples)
            donors = _donors(rng.uniform(size=n_samples), base.sample_weight)
            return partial(
                _replace_rejected, self.delta, base, columns, chances, donors
            )
        if columns is None:
            return partial(_reweight_rows, self.delta, base)
        uniforms = rng.uniform(size=(self.n_donors, n_samples))
        donors = _donors(uniforms, base.sample_weight)
        copies = _with_copies(base, columns, donors)
        weights = as_weights(base.sample_weight, n_samples)
        return partial(_reweight_copies, self.delta, weights, copies)


def _rejection_probability(delta: float, y_pred: ArrayLike) -> Floats:
    y_pred = np.asarray(y_pred)
    if y_pred.ndim != 1:
        raise ValueError(
            "ResampleIfRejected needs one prediction a row; got predictions of "
            f"shape {y_pred.shape}. Reduce them with TransformedPredictionShift."
        )
    low, high = y_pred.min(), y_pred.max()
    if not (low >= -_SLACK and high <= 1 + _SLACK):
        raise ValueError(
            "ResampleIfRejected needs predictions in [0, 1], the probability of "
            f"being rejected; got values from {low:.4g} to {high:.4g}. Use a "
            "classifier with predict_proba, or TransformedPredictionShift to map "
            "scores or values into [0, 1]."
        )
    return delta + (1 - delta) * np.clip(y_pred, 0, 1)


def _draw(
    delta: float, base: Sample, columns: Rows | None, y_pred: Floats, dice: Dice
) -> Sample:
    """Return the outcome of one throw."""
    chances, uniforms = (dice.uniform(len(y_pred), stream=s) for s in range(2))
    donors = _donors(uniforms, base.sample_weight)
    return _replace_rejected(delta, base, columns, chances, donors, y_pred)


def _replace_rejected(
    delta: float,
    base: Sample,
    columns: Rows | None,
    chances: Floats,
    donors: Rows,
    y_pred: Floats,
) -> Sample:
    """Return one outcome for every row, by a number in [0, 1) and a donor each."""
    rejected = chances < _rejection_probability(delta, y_pred)
    rows = np.arange(len(rejected))
    donors = np.where(rejected, donors, rows)
    if columns is None:
        moved = take_rows(base.X, donors), take_rows(base.y, donors)
        sample = Sample(*moved, base.sample_weight, groups=donors)
    else:
        X = replace_columns(base.X, columns, rows, donors)
        sample = Sample(X, base.y, base.sample_weight, groups=rows)
    return keep_labels(sample, base)


def _reweight_rows(delta: float, base: Sample, y_pred: Floats) -> Sample:
    """Return the exact law of whole rows: weights on the rows as they are."""
    g = _rejection_probability(delta, y_pred)
    weights = 1 - g + np.average(g, weights=base.sample_weight)
    weights = weights * as_weights(base.sample_weight, len(g))
    return base._replace(sample_weight=weights)


def _reweight_copies(
    delta: float, base_weight: Floats, support: Sample, y_pred: Floats
) -> Sample:
    """Return the law given fixed donors: weights on each row and its copies."""
    g = _rejection_probability(delta, y_pred)
    n_donors = _num_samples(support.X) // len(g) - 1
    copies = np.tile(base_weight * g / n_donors, n_donors)
    weights = np.concatenate([base_weight * (1 - g), copies])
    return support._replace(sample_weight=weights)


def _with_copies(base: Sample, columns: Rows, donors: Rows) -> Sample:
    """Return the base rows, followed by copies with the columns of their donors."""
    n_donors, n_samples = donors.shape
    rows = np.arange(n_samples)
    donors = np.concatenate([rows, donors.ravel()])
    copied = np.tile(rows, n_donors + 1)
    X = replace_columns(base.X, columns, copied, donors)
    copies = Sample(X, take_rows(base.y, copied), groups=copied)
    return keep_labels(copies, base)._replace(support=new_key("copies"))


def _donors(uniforms: Floats, sample_weight: Floats | None) -> Rows:
    """Return row numbers in proportion to the weights, by inverting their sum.

    Equal weights give the very rows that no weights give.
    """
    if sample_weight is None:
        return (uniforms * uniforms.shape[-1]).astype(np.intp)
    total = np.cumsum(sample_weight)
    return np.searchsorted(total, uniforms * total[-1], side="right")
