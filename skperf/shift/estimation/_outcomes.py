# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Estimating equations of outcomes that predictions move."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skperf.exceptions import UnidentifiedError
from skperf.shift._deployment import Deployment
from skperf.shift._probabilities import as_probabilities
from skperf.shift._sample import Floats, Sample
from skperf.shift.estimation._arms import Experiment, find_experiments, outcomes_of
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._pairs import likelihood_equations
from skperf.shift.estimation._people import People
from skperf.shift.estimation._proposals import propose_level
from skperf.shift.estimation._told import one_each, require_before, told_after

_Z = 1.96
_EDGE = 0.999  # of the largest strength at which somebody's chance would be zero
_FURTHEST = 5.0  # below zero, where predictions are averted
_SMALL = 0.1
_PRECISION = 0.1  # of the experiment that is proposed


def outcome_equations(deployments: Sequence[Deployment]) -> list[Equations]:
    """Return equations for y' = y + a f: of pairs, perturbations or arms."""
    asker = "feedback of OutcomeShift"
    for deployment in deployments:
        _numbers(deployment.after)  # says what is wrong with it
    pairs = [d for d in deployments if _is_pair(d)]
    equations = [_moves(deployment, asker) for deployment in pairs]
    others = [d for d in deployments if not _is_pair(d)]
    experiments = find_experiments(others, asker, _advise_numbers) if others else []
    return equations + [_rests(experiment) for experiment in experiments]


def _rests(experiment: Experiment) -> Equations:
    """Return equations of outcomes without their reaction, which chance is not in."""
    y, told = outcomes_of(experiment, _numbers), experiment.told
    people = [arm.people for arm in experiment.arms]
    return Equations(people, lambda a: experiment.terms(y - a * told))


def _moves(deployment: Deployment, asker: str) -> Equations:
    """Return least squares of what each person's outcome has moved by."""
    told = told_after(deployment, asker)
    before = require_before(deployment, asker)
    moves = _numbers(deployment.after) - _numbers(before)
    if not told.any():
        raise UnidentifiedError(
            "Everybody was told 0, which moves nobody under OutcomeShift. "
            + propose_level(moves, _numbers(before))
        )
    tests = np.stack([told, np.ones(len(told))], axis=1)
    people = People.of(deployment.after)
    return Equations([people], lambda a: [(moves - a * told)[:, None] * tests])


def _numbers(sample: Sample) -> Floats:
    try:
        y = np.asarray(sample.y, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"OutcomeShift moves numbers, and y of a sample holds others ({error})."
        ) from error
    return one_each(y, sample, "y of a sample")


def _is_pair(deployment: Deployment) -> bool:
    """Return whether people are compared with themselves; chance tells more."""
    return deployment.paired and deployment.perturbation is None


def _advise_numbers(outcomes: NDArray) -> str:
    noise = float(np.std(np.asarray(outcomes, dtype=float)))
    return _advise(noise / 4, int(np.ceil((4 * _Z / _PRECISION) ** 2)))


def _advise_chances(outcomes: NDArray) -> str:
    """Return what tells a strength where half of the people are positive."""
    return _advise(_SMALL, int(np.ceil((_Z / (_PRECISION * _SMALL)) ** 2)))


def _advise(size: float, n_rows: int) -> str:
    return (
        f"Add a random number of +-{size:.3g} to each prediction and record it as "
        f"perturbation: about {n_rows} rows tell the strength a to +-{_PRECISION}, "
        f"while the squared error of the predictions is higher by (1 - a)^2 times "
        f"{size**2:.3g}. Or show two models with other mean predictions to people "
        "drawn at random, each a Deployment. plan_experiment finds what suits yours."
    )


Positive: TypeAlias = Callable[[Sample], Floats]


def told_equations(
    deployments: Sequence[Deployment], positive: Positive, fulfilling: bool
) -> list[Equations]:
    """Return equations for outcomes that come true by being said, or do not.

    `positive` says who is of the positive class: 1, the others 0.
    """
    asker = "strength of SelfFulfillingShift"
    pairs = [d for d in deployments if _is_pair(d)]
    equations = [_turns(d, positive, fulfilling, asker) for d in pairs]
    others = [d for d in deployments if not _is_pair(d)]
    if not others:
        return equations

    def stayed(sample: Sample) -> Floats:
        return 1 - positive(sample) if fulfilling else positive(sample)

    experiments = find_experiments(others, asker, _advise_chances)
    return equations + [_stays(experiment, stayed) for experiment in experiments]


def _stays(experiment: Experiment, stayed: Positive) -> Equations:
    """Return equations of who has stayed, each for 1 / (1 - a f) who would have."""
    stays, told = outcomes_of(experiment, stayed), experiment.told
    as_probabilities(told, "strength of SelfFulfillingShift", "what people were told")

    def terms(a: float) -> list[Floats]:
        return experiment.terms(stays / (1 - a * told))

    people = [arm.people for arm in experiment.arms]
    return Equations(people, terms, (-_FURTHEST, _EDGE / told.max()))


def _turns(
    deployment: Deployment, positive: Positive, fulfilling: bool, asker: str
) -> Equations:
    """Return the likelihood of who has turned, of those who can."""
    told = as_probabilities(told_after(deployment, asker), asker, "what people hear")
    before = positive(require_before(deployment, asker))
    turned = before != positive(deployment.after)
    can = before == (0 if fulfilling else 1)
    if turned[~can].any():
        raise ValueError(
            f"{turned[~can].sum()} people turned against the direction "
            f"{'fulfilling' if fulfilling else 'defeating'!r} of SelfFulfillingShift, "
            "which excludes that. Outcomes that vary by themselves are no pairs: give "
            "them with paired=False, or study the other direction."
        )
    people = People.of(deployment.after, np.flatnonzero(can))
    f = told[can]
    return likelihood_equations(people, turned[can] * 1.0, 0 * f, f, np.ones(len(f)))
