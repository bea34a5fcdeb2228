# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tell scikit-learn's callbacks about the trainings of a minimizer."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext

from skperf.retraining._path import Path
from skperf.shift import Sample


class MinimizerTasks:
    """A minimizer's task; its trainings are the subtasks."""

    def __init__(
        self, minimizer: BaseEstimator, base: Sample, task: CallbackContext
    ) -> None:
        self.stopped = False  # a callback asked to stop
        self._task = task
        weights = {"sample_weight": base.sample_weight}
        about = {"X": base.X, "y": base.y, "metadata": weights}
        self._about = {"estimator": minimizer, **about}
        self._task.call_on_fit_task_begin(**self._about)

    @contextmanager
    def round(self, paths: list[Path], name: str) -> Iterator[None]:
        """Do nothing: a round is one training."""
        yield

    @contextmanager
    def training(self, number: int, model: BaseEstimator, name: str) -> Iterator[None]:
        """Announce a training."""
        task = self._task.subcontext(task_name=name)
        task.call_on_fit_task_begin(**self._about)
        listens = hasattr(model, "set_callbacks")
        with task.propagate_callback_context(model) if listens else nullcontext():
            yield
        fitted = {"estimator_": model}
        self.stopped |= task.call_on_fit_task_end(
            reconstruction_attributes=fitted, **self._about
        )

    def finish(self, model: BaseEstimator) -> None:
        """Tell the callbacks that the path has ended with a model."""
        fitted = {"estimator_": model}
        self._task.call_on_fit_task_end(reconstruction_attributes=fitted, **self._about)
