# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Resample-if-Rejected: rejected people come back with other features."""

from copy import deepcopy
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from skperf.shift._base import PopulationShift, Sample, as_weights
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
        or a mask. None means the whole row, target included.

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
        self, delta, *, strategic_features=None, resampling="expected", n_donors=4
    ):
        self.delta = delta
        self.strategic_features = strategic_features
        self.resampling = resampling
        self.n_donors = n_donors

    def rejection_probability(self, y_pred):
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
        return self.delta + (1 - self.delta) * np.clip(y_pred, 0, 1)

    def bind(self, X, y, *, sample_weight=None, random_state=None):
        """Return the shift on one population, as a function of predictions alone.

        Parameters
        ----------
        X, y, sample_weight, random_state
            As in :meth:`BaseShift.sample`. Donors are drawn in proportion to the
            weights. "expected" and "common" read from the random state without
            advancing it, so that the same state always means the same numbers.

        Returns
        -------
        respond : callable
            ``respond(y_pred, predictor=None)`` returns a :class:`Sample`.
        """
        self._validate_params()
        columns = None
        if self.strategic_features is not None:
            columns = column_indices(X, self.strategic_features)
        population = Sample(X, y, sample_weight)
        rng = check_random_state(random_state)
        if self.resampling == "expected" and columns is None:
            return self._reweight_rows(population)
        if self.resampling == "expected":
            return self._reweight_donors(population, columns, deepcopy(rng))

        def respond(y_pred, predictor=None):
            numbers = deepcopy(rng) if self.resampling == "common" else rng
            return self._draw(population, columns, y_pred, numbers)

        return respond

    def _draw(self, population, columns, y_pred, rng):
        """Draw one outcome for every row."""
        X, y, sample_weight = population
        rejected = rng.uniform(size=len(y_pred)) < self.rejection_probability(y_pred)
        rows = np.arange(len(y_pred))
        donors = np.where(rejected, _draw_rows(rows.shape, sample_weight, rng), rows)
        if columns is None:
            return Sample(take_rows(X, donors), take_rows(y, donors), sample_weight)
        return Sample(replace_columns(X, columns, rows, donors), y, sample_weight)

    def _reweight_rows(self, population):
        """Return the exact law of whole rows: weights on the rows as they are."""
        X, y, sample_weight = population

        def respond(y_pred, predictor=None):
            g = self.rejection_probability(y_pred)
            weights = 1 - g + np.average(g, weights=sample_weight)
            return Sample(X, y, weights * as_weights(sample_weight, len(g)))

        return respond

    def _reweight_donors(self, population, columns, rng):
        """Return the law given fixed donors: weights on each row and its copies."""
        X, y, sample_weight = population
        rows = np.arange(_num_samples(X))
        donors = _draw_rows((self.n_donors, len(rows)), sample_weight, rng)
        donors = np.concatenate([rows, donors.ravel()])
        copied = np.tile(rows, self.n_donors + 1)
        support = replace_columns(X, columns, copied, donors), take_rows(y, copied)
        base_weight = as_weights(sample_weight, len(rows))

        def respond(y_pred, predictor=None):
            g = self.rejection_probability(y_pred)
            copies = np.tile(base_weight * g / self.n_donors, self.n_donors)
            return Sample(*support, np.concatenate([base_weight * (1 - g), copies]))

        return respond


def _draw_rows(shape, sample_weight, rng):
    """Draw row numbers in proportion to the weights, by inverting their sum.

    Equal weights give the very rows that no weights give.
    """
    uniforms = rng.uniform(size=shape)
    if sample_weight is None:
        return (uniforms * shape[-1]).astype(np.intp)
    total = np.cumsum(sample_weight)
    return np.searchsorted(total, uniforms * total[-1], side="right")
