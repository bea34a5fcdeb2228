# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What was recorded of one deployed model: the data from which a reaction is learnt."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

from skperf.shift._sample import Floats, Sample, Table


@dataclass(frozen=True)
class Deployment:
    """The data before and after a model was deployed.

    Parameters
    ----------
    before : Sample or None
        People who have not met the model.

    after : Sample
        People who have.

    predictor : callable, default=None
        The deployed prediction function.

    y_pred : ndarray of shape (n_samples,), default=None
        What people were told, where it was recorded: on `before` if the samples are
        paired or there is a `before`, otherwise on `after`.

    perturbation : ndarray of shape (n_samples,), default=None
        Random number that was added to each prediction.

    paired : bool, default=False
        Whether row i is the same person in both samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import Deployment, Sample
    >>> before = Sample(np.array([[0.0], [1.0]]), np.array([0, 1]))
    >>> after = Sample(np.array([[0.0], [0.2]]), np.array([0, 1]))
    >>> deployment = Deployment(before, after, y_pred=np.array([0.1, 0.9]), paired=True)
    >>> deployment.paired
    True
    """

    before: Sample | None
    after: Sample
    _: KW_ONLY
    predictor: Callable[[Table], Floats] | None = None
    y_pred: Floats | None = None
    perturbation: Floats | None = None
    paired: bool = False
