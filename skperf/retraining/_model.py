# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The deployed model as the loop meets it: a predictor that knows its risk."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from skperf.retraining._losses import row_losses, weighted_mean
from skperf.shift import Predictor, Sample
from skperf.shift._sample import Floats, Table

Scoring: TypeAlias = str | Callable | None


class DeployedModel(Predictor):
    """A predictor that answers the questions of one round with one pass over the data.

    World, gap and risk ask about the same tables. The answers about the last table are
    kept, and told by the very object: the loop changes no table in place. They are
    left behind by a pickle.
    """

    def __init__(
        self,
        model: BaseEstimator,
        response_method: str = "auto",
        pos_label: float | bool | str | None = None,
    ) -> None:
        super().__init__(model, response_method, pos_label)
        self._forget()

    def risk(self, sample: Sample, scoring: Scoring = None) -> float:
        """Return the weighted mean loss on `sample`, or minus its `scoring`."""
        X, y, sample_weight, *_ = sample
        if scoring is not None:
            from sklearn.metrics import get_scorer  # `import skperf` would pay for it

            weights = {} if sample_weight is None else {"sample_weight": sample_weight}
            return -float(get_scorer(scoring)(self.estimator, X, y, **weights))
        return weighted_mean(self._losses(X, y), sample_weight)

    def row_losses(self, sample: Sample) -> Floats:
        """Return the loss on each row, of which the risk is the mean."""
        return self._losses(sample.X, sample.y)

    def __getstate__(self) -> dict[str, object]:
        kept = DeployedModel(self.estimator, self.response_method, self._pos_label)
        return vars(kept)

    def _forget(self) -> None:
        self._last_responses: tuple[Table, dict[str, NDArray]] = (None, {})
        self._last_losses: tuple[Table, Table, Floats] | None = None

    def _losses(self, X: Table, y: Table) -> Floats:
        last = self._last_losses
        if last is None or last[0] is not X or last[1] is not y:
            losses = row_losses(self.estimator, y, partial(self._respond, X))
            self._last_losses = last = (X, y, losses)
        return last[2]

    def _respond(self, X: Table, method: str) -> NDArray:
        if X is not self._last_responses[0]:
            self._last_responses = (X, {})
        _, responses = self._last_responses
        if method not in responses:
            responses[method] = super()._respond(X, method)
        return responses[method]
