# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Groups of people who by chance were told different things, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skperf.exceptions import UnidentifiedError
from skperf.shift._deployment import Deployment
from skperf.shift._sample import Floats, Sample
from skperf.shift.estimation._features import numeric_features
from skperf.shift.estimation._people import People
from skperf.shift.estimation._told import one_each, told_after

_ROWS_PER_COVARIATE = 20
_STRENGTH = 10  # of a first stage, below which intervals of ratios mislead


@dataclass(frozen=True, eq=False)
class Arm:
    """People, what they were told, and what is known to vary by chance alone."""

    people: People
    told: Floats
    perturbation: Floats | None = None

    @property
    def sample(self) -> Sample:
        """The data seen."""
        return self.people.sample


@dataclass(frozen=True, eq=False)
class Experiment:
    """Arms side by side, and the part of what was told that chance decided.

    Parameters
    ----------
    arms : sequence of Arm
        At least two, or one with a perturbation.

    told : ndarray of shape (n_rows,)
        What people of all arms were told.

    lots : ndarray of shape (n_rows, n_lots)
        What chance decided, without its part that covariates explain. The first column
        is the best guess of `told`; others belong to no strength if the form is right.

    explained : callable
        Takes numbers of all rows, and returns the part that covariates explain.
    """

    arms: Sequence[Arm]
    told: Floats
    lots: Floats
    explained: Callable[[Floats], Floats]

    @property
    def shares(self) -> list[float]:
        """The share of rows in each arm."""
        sizes = [len(arm.people) for arm in self.arms]
        return [size / sum(sizes) for size in sizes]

    def split(self, values: Floats) -> list[Floats]:
        """Return values of all rows arm by arm."""
        ends = np.cumsum([len(arm.people) for arm in self.arms])[:-1]
        return np.split(values, ends)

    def terms(self, rests: Floats) -> list[Floats]:
        """Return rests times what chance decided, whose means are zero, by arm."""
        rests = rests - self.explained(rests)
        parts = self.split(rests[:, None] * self.lots)
        return [share * part for share, part in zip(self.shares, parts, strict=True)]


def find_experiments(
    deployments: Sequence[Deployment], asker: str, advice: Callable[[Floats], str]
) -> list[Experiment]:
    """Return one experiment for each perturbed deployment, else all arms as one.

    `advice` takes outcomes and says what would tell more, where nothing does.
    """
    perturbed = [d for d in deployments if d.perturbation is not None]
    if perturbed:
        return [_by_perturbation(each, asker, advice) for each in perturbed]
    arms = _all_arms(deployments, asker)
    if len(arms) > 1:
        return [_by_arms(arms, asker, advice)]
    outcomes = np.asarray(deployments[0].after.y)
    raise UnidentifiedError(
        f"{asker} cannot be told from one model: what people are told is a function "
        "of their features, which have effects of their own. " + advice(outcomes)
    )


def _all_arms(deployments: Sequence[Deployment], asker: str) -> list[Arm]:
    """Return people of each model, and people of none, who were told nothing: 0."""
    arms = [Arm(People.of(d.after), told_after(d, asker)) for d in deployments]
    for deployment in deployments:
        if deployment.before is None:
            continue
        people = People.of(deployment.before)
        if not any(people.are(arm.people) for arm in arms):
            arms.append(Arm(people, np.zeros(len(people))))
    return arms


def _by_perturbation(
    deployment: Deployment, asker: str, advice: Callable[[Floats], str]
) -> Experiment:
    people = People.of(deployment.after)
    told = told_after(deployment, asker)
    lot = one_each(
        np.asarray(deployment.perturbation), deployment.after, "perturbation"
    )
    arm = Arm(people, told, lot)
    if np.ptp(lot) == 0:
        raise UnidentifiedError(
            "The perturbation is the same for all people, so it decides nothing. "
            + advice(np.asarray(deployment.after.y))
        )
    known = np.column_stack([_covariates([arm]), told - lot])
    explained = _regression(known, people.weights)
    return Experiment([arm], told, (lot - explained(lot))[:, None], explained)


def _by_arms(
    arms: Sequence[Arm], asker: str, advice: Callable[[Floats], str]
) -> Experiment:
    told = np.concatenate([arm.told for arm in arms])
    sizes = [len(arm.people) for arm in arms]
    shares = np.repeat(np.array(sizes) / sum(sizes), sizes)
    weights = np.concatenate([arm.people.weights for arm in arms]) * shares
    explained = _regression(_covariates(arms), weights)
    places = np.repeat(np.eye(len(arms))[:, 1:], sizes, axis=0)
    lots = places - explained(places)
    guess = _regression(lots, weights)(told - explained(told))
    rests = told - explained(told) - guess
    signal, noise = weights @ guess**2, weights @ rests**2
    if signal * len(told) <= _STRENGTH * (len(arms) - 1) * noise:
        outcomes = np.concatenate([np.asarray(arm.sample.y) for arm in arms])
        raise UnidentifiedError(
            f"{asker} cannot be told from these arms: on average people were told "
            "nearly the same in all. " + advice(outcomes)
        )
    return Experiment(arms, told, np.column_stack([guess, lots[:, 1:]]), explained)


def _regression(known: Floats, weights: Floats) -> Callable[[Floats], Floats]:
    """Return the projection on columns, by weighted least squares."""
    roots = np.sqrt(weights)[:, None]
    basis, values, _ = np.linalg.svd(roots * known, full_matrices=False)
    basis = basis[:, values > 1e-10 * values.max()]

    def explained(targets: Floats) -> Floats:
        columns = targets.reshape(len(targets), -1)
        fitted = basis @ (basis.T @ (roots * columns))
        safe = np.where(roots > 0, roots, 1.0)
        return (fitted / safe).reshape(targets.shape)

    return explained


def _covariates(arms: Sequence[Arm]) -> Floats:
    """Return a one and the numeric features, where there are rows enough for them."""
    parts = [numeric_features(arm.sample) for arm in arms]
    n_rows = sum(map(len, parts))
    same = len({part.shape[1] for part in parts}) == 1
    ones = np.ones((n_rows, 1))
    if not same or parts[0].shape[1] * _ROWS_PER_COVARIATE > n_rows:
        return ones
    numbers = np.concatenate(parts)
    numbers = numbers[:, np.isfinite(numbers).all(axis=0)]
    scales = numbers.std(axis=0)
    varying = scales > 0
    standard = (numbers - numbers.mean(axis=0))[:, varying] / scales[varying]
    return np.column_stack([ones, standard])


def outcomes_of(experiment: Experiment, values: Callable[[Sample], NDArray]) -> Floats:
    """Return the outcomes of the people of all arms, as numbers."""
    return np.concatenate([values(arm.sample) for arm in experiment.arms])
