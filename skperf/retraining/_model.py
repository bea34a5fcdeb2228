# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The deployed model as the loop meets it: a predictor that knows its risk."""

from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skperf.retraining._losses import row_losses, weighted_mean
from skperf.retraining._scoring import Scoring, score_sample
from skperf.shift import Predictor, Sample
from skperf.shift._labels import Label
from skperf.shift._sample import Floats, Table

_N_TABLES = 2  # the base population, and what is seen


class DeployedModel(Predictor):
    """A predictor that answers the questions of one round with one pass over the data.

    World, gap and risk ask about the same tables. The answers about the last ones are
    kept, and told by the very object: the loop changes no table in place. They are
    left behind by a pickle.
    """

    _last_responses: tuple[tuple[Table, dict[str, NDArray]], ...] = ()
    _last_losses: tuple[Table, Table, Floats] | None = None

    def risk(self, sample: Sample, scoring: Scoring = None) -> float:
        """Return the weighted mean loss on `sample`, or minus its `scoring`."""
        if scoring is not None:
            return -score_sample(self.estimator, sample, scoring)
        X, y, sample_weight, *_ = sample
        return weighted_mean(self._losses(X, y), sample_weight)

    def row_losses(self, sample: Sample) -> Floats:
        """Return the loss on each row, of which the risk is the mean."""
        return self._losses(sample.X, sample.y)

    def respond(self, X: Table, method: str) -> NDArray:
        """Return what the method of the model says about X."""
        return self._respond(X, method)

    @classmethod
    def restore(
        cls, model: BaseEstimator, response_method: str, pos_label: Label | None
    ) -> Self:
        """Return the predictor of a stored model, which may lack the class."""
        predictor = cls.__new__(cls)
        predictor.estimator = model
        predictor.response_method = response_method
        predictor.pos_label = pos_label
        return predictor

    def succeed(self, model: BaseEstimator) -> Self:
        """Return the predictor of a later model, which has answered nothing yet."""
        return self.restore(model, self.response_method, self.pos_label)

    def __getstate__(self) -> dict[str, object]:
        return vars(self.succeed(self.estimator))

    def _losses(self, X: Table, y: Table) -> Floats:
        last = self._last_losses
        if last is None or last[0] is not X or last[1] is not y:
            losses = row_losses(self.estimator, y, partial(self._respond, X))
            self._last_losses = last = (X, y, losses)
        return last[2]

    def _respond(self, X: Table, method: str) -> NDArray:
        known = (last for last in self._last_responses if is_view(X, last[0]))
        found = next(known, None)
        if found is None:
            found = (X, {})
            self._last_responses = (found, *self._last_responses)[:_N_TABLES]
        X, responses = found
        if method not in responses:
            responses[method] = super()._respond(X, method)
        return responses[method]


def is_view(asked: Table, known: Table) -> bool:
    """Return whether a table is the known one, or what an author is shown of it."""
    if asked is known or not isinstance(asked, np.ndarray) or asked.flags.writeable:
        return asked is known
    if not isinstance(known, np.ndarray):
        return False
    return (
        all(
            asked.__array_interface__[name] == known.__array_interface__[name]
            for name in ("shape", "strides", "typestr")
        )
        and asked.ctypes.data == known.ctypes.data
    )
