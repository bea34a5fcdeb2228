# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Fit models on weighted samples and tell scikit-learn's callbacks about it."""

from contextlib import nullcontext
from copy import deepcopy
from time import perf_counter

from sklearn.utils.metadata_routing import process_routing

from skperf.utils._sklearn import _num_samples, _routing_enabled
from skperf.utils._weights import fit_with_weights


class Trainer:
    """Fits the models of one retraining path as subtasks of the minimizer's task."""

    def __init__(self, minimizer, base, fit_params, *, caller, max_fits):
        self.minimizer = minimizer
        self.fit_params = _route(minimizer, caller, fit_params, base)
        self.stopped = False  # a callback asked to stop
        weights = {"sample_weight": base.sample_weight}
        self._data = {"X": base.X, "y": base.y, "metadata": weights}
        self._task = minimizer._init_callback_context(max_subtasks=max_fits)
        self._task.call_on_fit_task_begin(estimator=minimizer, **self._data)

    def train(self, model, sample, task_name):
        """Fit `model` in place; return the seconds that this took."""
        task = self._task.subcontext(task_name=task_name)
        task.call_on_fit_task_begin(estimator=self.minimizer, **self._data)
        listens = hasattr(model, "set_callbacks")
        with task.propagate_callback_context(model) if listens else nullcontext():
            start = perf_counter()
            self.refit(model, sample)
            seconds = perf_counter() - start
        self.stopped |= task.call_on_fit_task_end(
            estimator=self.minimizer,
            reconstruction_attributes={"estimator_": model},
            **self._data,
        )
        return seconds

    def refit(self, model, sample):
        """Fit `model` in place, out of the callbacks' sight."""
        fit_with_weights(model, *sample, **self.fit_params)

    def finish(self):
        """Tell the callbacks that the path has ended."""
        self._task.call_on_fit_task_end(
            estimator=self.minimizer,
            reconstruction_attributes={"estimator_": self.minimizer.estimator_},
            **self._data,
        )


def copy_model(model):
    """Copy a fitted model, so that its own warm start works; share its callbacks."""
    callbacks = getattr(model, "_skl_callbacks", ())
    return deepcopy(model, {id(callback): callback for callback in callbacks})


def _route(minimizer, caller, fit_params, base):
    """Return the fit parameters of the wrapped estimator."""
    for name, value in fit_params.items():
        if _is_per_row(value, _num_samples(base.X)):
            raise ValueError(
                f"The fit parameter {name!r} has one entry a row, but retraining is on "
                "other rows than these. Only sample_weight can follow the rows; pass "
                "other parameters as single values."
            )
    if _routing_enabled():
        return process_routing(minimizer, caller, **fit_params)["estimator"]["fit"]
    return fit_params


def _is_per_row(value, n_samples):
    sequence = hasattr(value, "__len__") and not isinstance(value, str | dict)
    return sequence and len(value) == n_samples
