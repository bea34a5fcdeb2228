# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The deployed model as the population meets it: a function of the features."""

from functools import partial

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer

from skperf.utils._losses import row_losses
from skperf.utils._sklearn import _check_response_method

_AUTO = ["predict_proba", "decision_function", "predict"]


class Predictor:
    """One number a row from a fitted model, and the risk of that model.

    Calling it gives the predictions that a shift sees: the probability, score or
    label indicator of `pos_label` for a classifier, the value for a regressor.

    The responses for the last X and the last losses are kept: the shift, the gap and
    the risk share one pass over the data where they ask about the same object.
    """

    def __init__(self, estimator, *, response_method="auto", pos_label=None):
        self.estimator = estimator
        self.response_method = response_method
        self.pos_label = pos_label
        self._last_responses = (None, {})
        self._last_losses = (None, None, None)

    def __call__(self, X):
        """Return the predictions on X, of shape (n_samples,) or (n_samples, k)."""
        methods = _AUTO if self.response_method == "auto" else self.response_method
        return self._predict(methods, X)

    def score(self, X):
        """Return the unsquashed score: the decision function where there is one."""
        if hasattr(self.estimator, "decision_function"):
            return self._predict("decision_function", X)
        return self(X)

    def risk(self, sample, scoring=None):
        """Return the weighted mean loss on `sample`, or minus its `scoring`."""
        X, y, sample_weight = sample
        if scoring is not None:
            weights = {} if sample_weight is None else {"sample_weight": sample_weight}
            return -float(get_scorer(scoring)(self.estimator, X, y, **weights))
        if X is not self._last_losses[0] or y is not self._last_losses[1]:
            losses = row_losses(self.estimator, y, partial(self._respond, X))
            self._last_losses = (X, y, losses)
        return float(np.average(self._last_losses[2], weights=sample_weight))

    @property
    def pos_index(self):
        """The position of the positive class in ``classes_``; by default the last."""
        classes = np.asarray(self.estimator.classes_)
        if self.pos_label is None:
            return len(classes) - 1
        position = np.flatnonzero(classes == self.pos_label)
        if not len(position):
            raise ValueError(
                f"pos_label={self.pos_label!r} is not a label of the fitted model. "
                f"Expected one of {classes.tolist()}."
            )
        return int(position[0])

    def _predict(self, methods, X):
        method = _check_response_method(self.estimator, methods).__name__
        response = self._respond(X, method)
        if is_classifier(self.estimator):
            return self._positive(response, method)
        return response.ravel() if response.shape[1:] == (1,) else response

    def _respond(self, X, method):
        """Return what the estimator's method says about X."""
        if X is not self._last_responses[0]:
            self._last_responses = (X, {})
        _, responses = self._last_responses
        if method not in responses:
            responses[method] = np.asarray(getattr(self.estimator, method)(X))
        return responses[method]

    def _positive(self, response, method):
        """Reduce a classifier's response to the positive class."""
        if isinstance(self.estimator.classes_, list):
            return response
        if method == "predict":
            return (response == self.estimator.classes_[self.pos_index]).astype(float)
        if response.ndim == 1:  # the decision function of a binary classifier
            return response if self.pos_index == 1 else -response
        return response[:, self.pos_index]
