# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How many people an experiment takes, found by a rehearsal of it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from skperf.shift._base import BaseShift
from skperf.shift._sample import Floats, Sample, Table
from skperf.shift.estimation._memoryless import require_memoryless
from skperf.shift.estimation._rehearsal import Rehearsal
from skperf.shift.estimation._result import require_level
from skperf.utils._arguments import require_shift


class ExperimentPlan(NamedTuple):
    """An experiment that tells a strength as precisely as was asked for.

    Parameters
    ----------
    n_samples : int
        People to observe: with a perturbation the people who meet the model, otherwise
        as many before and as many others after.

    perturbation : float
        Size h of a random +-h that is added to each prediction, and recorded. 0 where
        none is needed.

    cost : float
        By how much the perturbation raises the mean squared error of the predictions
        that people are told, while it lasts.

    n_pairs : int or None
        How many people seen before *and* after tell as much. None where pairs are no
        experiment: outcomes without the model are rarely seen, and moves without noise
        tell exactly.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import OutcomeShift, plan_experiment
    >>> X, y = np.ones((100, 1)), np.arange(100) % 2
    >>> plan = plan_experiment(OutcomeShift(0.0), X, y, precision=0.1)
    >>> plan.n_samples, plan.n_pairs
    (100, None)
    >>> f"{plan.perturbation:.2f}, squared {plan.cost:.2f}"
    '0.98, squared 0.96'
    """

    n_samples: int
    perturbation: float = 0.0
    cost: float = 0.0
    n_pairs: int | None = None


def plan_experiment(
    shift: BaseShift,
    X: Table,
    y: Table,
    *,
    precision: float,
    predictor: Callable[[Table], Floats] | None = None,
    confidence: float = 0.95,
) -> ExperimentPlan:
    """Return how many people, and what perturbation, an interval takes.

    The experiment is rehearsed on the given people under the shift as it is, so set its
    strength to what you expect; no reaction is the cautious choice for outcomes.

    Parameters
    ----------
    shift : BaseShift
        The form of the reaction, with the strength to expect. It has one strength.

    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Features of people like those of the experiment.

    y : array-like of shape (n_samples,)
        Their targets.

    precision : float
        Half the width of the interval, in units of the strength.

    predictor : callable, default=None
        The model to deploy, a function from features to predictions. Shifts of outcomes
        take the mean of y in place of it.

    confidence : float, default=0.95
        Level of the interval.

    Returns
    -------
    plan : ExperimentPlan
        For shifts of outcomes all given people take part, and the perturbation is as
        small as that allows. A part 1/k of them with sqrt(k) times the perturbation
        tells as much, at the same total cost. Others are observed before and after.

    Raises
    ------
    UnidentifiedError
        If no number of people would do, as for shifts that remember past models.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import OutcomeShift, plan_experiment
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(2000, 1)), rng.normal(size=2000)
    >>> plan = plan_experiment(OutcomeShift(0.4), X, y, precision=0.1)
    >>> plan.n_samples, round(plan.perturbation, 2), round(plan.cost, 2)
    (2000, 0.44, 0.07)
    """
    require_shift(shift)
    require_memoryless(shift)
    require_level(confidence)
    if not (np.isfinite(precision) and precision > 0):
        raise ValueError(f"precision is {precision!r}; expected a number above zero.")
    if len(shift.strengths) != 1:
        raise ValueError(
            f"{type(shift).__name__} has the strengths {list(shift.strengths)}; an "
            "experiment is planned for one. Plan for each step of a composition."
        )
    rehearsal = Rehearsal(shift, Sample(X, y), predictor)
    wanted = precision / float(norm.ppf((1 + confidence) / 2))
    if shift.perturbed_within is not None:
        return _with_perturbation(rehearsal, wanted)
    pairs = rehearsal.error_of_pairs()
    n_pairs = None if pairs is None else rehearsal.people_for(pairs, wanted)
    error = rehearsal.error_of_time()
    return ExperimentPlan(rehearsal.people_for(error, wanted), n_pairs=n_pairs)


def _with_perturbation(rehearsal: Rehearsal, wanted: float) -> ExperimentPlan:
    """Return the smallest perturbation for the people there are, or more people."""
    size = rehearsal.usual_size
    for _ in range(2):  # the error is nearly, not exactly, one over the size
        size *= rehearsal.error_of_lots(size) / wanted
        size = min(size, rehearsal.largest_size)
    error = rehearsal.error_of_lots(size)
    enough = error <= 1.02 * wanted
    people = rehearsal.n_samples if enough else rehearsal.people_for(error, wanted)
    return ExperimentPlan(people, size, rehearsal.cost(size))
