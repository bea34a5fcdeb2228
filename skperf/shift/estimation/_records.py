# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Deployments as they were handed over, and what is wrong with them."""

from collections.abc import Iterable
from dataclasses import replace

from skperf.shift._deployment import Deployment
from skperf.shift._predictor import as_prediction_function
from skperf.shift._sample import Sample, check_sample
from skperf.utils._sklearn import _num_samples


def check_deployments(
    deployments: Deployment | Iterable[Deployment],
) -> list[Deployment]:
    """Return deployments as a list of checked ones."""
    if isinstance(deployments, Deployment):
        deployments = [deployments]
    records = [_check(deployment) for deployment in deployments]
    if not records:
        raise ValueError("deployments is empty; expected at least one Deployment.")
    return records


def require_told(records: list[Deployment]) -> None:
    """Raise a ValueError where nobody knows what people were told."""
    for deployment in records:
        if deployment.predictor is None and deployment.y_pred is None:
            raise ValueError(
                "Nobody knows what people were told: give Deployment(..., y_pred=...) "
                "as it was recorded, or the deployed prediction function as predictor."
            )


def _check(deployment: Deployment) -> Deployment:
    if not isinstance(deployment, Deployment):
        raise TypeError(
            f"deployments holds a {type(deployment).__name__}; expected "
            "skperf.shift.Deployment(before, after, ...)."
        )
    before = deployment.before
    if before is not None:
        before = _check_sample(before, deployment)
    after = _check_sample(deployment.after, deployment)
    if deployment.predictor is not None:
        as_prediction_function(deployment.predictor)  # an estimator is none
    if deployment.paired:
        _require_pairs(before, after)
    return replace(deployment, before=before, after=after)


def _check_sample(sample: Sample, deployment: Deployment) -> Sample:
    sample = check_sample(sample, deployment)
    if _num_samples(sample.X) < 2:
        raise ValueError("A sample of a Deployment has fewer than 2 rows.")
    return sample


def _require_pairs(before: Sample | None, after: Sample) -> None:
    sizes = [None if s is None else _num_samples(s.X) for s in (before, after)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"Pairs have a row before and a row after; got {sizes[0]} and {sizes[1]} "
            "rows. Sort the people of both samples alike, or set paired=False."
        )
