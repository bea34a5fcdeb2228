# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What people were told, by the records of a deployment."""

import numpy as np
from numpy.typing import ArrayLike

from skperf.shift._deployment import Deployment
from skperf.shift._predictor import PredictionFunction, as_prediction_function
from skperf.shift._sample import Floats, Sample
from skperf.utils._sklearn import _num_samples


def require_before(deployment: Deployment, asker: str) -> Sample:
    """Return the people who had not met the model, or say that they are needed."""
    if deployment.before is None:
        raise ValueError(
            f"{asker} is estimated from people before and after they met a model; this "
            "deployment has before=None. Give a sample of people whom no model has "
            "moved, such as the data that the model was trained on."
        )
    return deployment.before


def require_function(deployment: Deployment, asker: str) -> PredictionFunction:
    """Return the deployed prediction function, or say that it is needed."""
    if deployment.predictor is None:
        raise ValueError(
            f"{asker} must ask the deployed model about people of both samples. Give "
            "Deployment(before, after, predictor=...), a function from features to "
            "predictions."
        )
    return as_prediction_function(deployment.predictor)


def told_before(deployment: Deployment, asker: str) -> Floats:
    """Return the predictions on the people of `before`."""
    before = require_before(deployment, asker)
    if deployment.y_pred is not None:
        return one_each(deployment.y_pred, before, "y_pred")
    return one_each(require_function(deployment, asker)(before.X), before, "predictor")


def told_after(deployment: Deployment, asker: str) -> Floats:
    """Return what each person of `after` was told, a perturbation included."""
    after = deployment.after
    known = deployment.paired or deployment.before is None
    if deployment.y_pred is not None and known:
        return one_each(deployment.y_pred, after, "y_pred")
    where = after if deployment.before is None or not deployment.paired else None
    X = after.X if where is not None else require_before(deployment, asker).X
    told = one_each(require_function(deployment, asker)(X), after, "predictor")
    if deployment.perturbation is None:
        return told
    return told + one_each(deployment.perturbation, after, "perturbation")


def one_each(values: ArrayLike, sample: Sample, name: str) -> Floats:
    """Return one finite number for each row of a sample, or say what there is."""
    numbers = np.asarray(values, dtype=float)
    n_rows = _num_samples(sample.X)
    if numbers.shape == (n_rows, 1):
        numbers = numbers[:, 0]
    if numbers.shape != (n_rows,):
        raise ValueError(
            f"{name} has the shape {numbers.shape}; expected ({n_rows},), one number "
            "for each row. y_pred belongs to `before` where there is one, and "
            "otherwise to `after`; a perturbation belongs to `after`."
        )
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} holds values that are not finite numbers.")
    return numbers
