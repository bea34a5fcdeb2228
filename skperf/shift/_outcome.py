# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Outcome shift: predictions move the targets, as self-fulfilling forecasts do."""

from numbers import Real
from typing import ClassVar

import numpy as np

from skperf.shift._base import PopulationShift, Sample, as_weights
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

    def __init__(self, feedback, *, spread=None):
        self.feedback = feedback
        self.spread = spread

    def bind(self, X, y, *, sample_weight=None, random_state=None):
        """Return the shift on one population, as a function of predictions alone.

        Parameters
        ----------
        X, y, sample_weight, random_state
            As in :meth:`BaseShift.sample`. The targets must be numbers.

        Returns
        -------
        respond : callable
            ``respond(y_pred, predictor=None)`` returns a :class:`Sample`.

        Raises
        ------
        ValueError
            If a move exceeds `spread`.
        """
        self._validate_params()
        y = np.asarray(y, dtype=float)
        if self.spread is not None:
            return self._reweight_labels(X, y, as_weights(sample_weight, len(y)))

        def respond(y_pred, predictor=None):
            return Sample(X, y + self._move(y_pred), sample_weight)

        return respond

    def _reweight_labels(self, X, y, base_weight):
        targets = np.concatenate([y + self.spread, y - self.spread])
        support = concatenate([X, X]), targets

        def respond(y_pred, predictor=None):
            tilt = self._move(y_pred) / self.spread
            if not np.abs(tilt).max() <= 1:
                raise ValueError(
                    "OutcomeShift cannot move targets further than spread: got moves "
                    f"up to {np.abs(tilt).max() * self.spread:.4g} with "
                    f"spread={self.spread:.4g}. Raise spread."
                )
            halves = [base_weight * (1 + tilt) / 2, base_weight * (1 - tilt) / 2]
            return Sample(*support, np.concatenate(halves))

        return respond

    def _move(self, y_pred):
        feedback = np.asarray(self.feedback)
        return feedback @ y_pred if feedback.ndim else feedback * y_pred
