# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tell scikit-learn's callbacks which model of a study is being trained."""

from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

from sklearn.callback import CallbackContext


class FitTask(NamedTuple):
    """The training of one model, a subtask of the study's."""

    context: CallbackContext
    study: Any
    training: Any

    @contextmanager
    def __call__(self, model):
        """Announce the training of a model, which tells its own rounds."""
        about = {
            "estimator": self.study,
            "X": self.training.X,
            "y": self.training.y,
            "metadata": {"sample_weight": self.training.sample_weight},
        }
        self.context.call_on_fit_task_begin(**about)
        listens = hasattr(model, "set_callbacks")
        with (
            self.context.propagate_callback_context(model) if listens else nullcontext()
        ):
            yield
        self.context.call_on_fit_task_end(**about)
