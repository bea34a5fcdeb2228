# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Is a drift the model's doing? A permutation test of randomized predictions."""

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.utils import check_random_state

from skperf.exceptions import UnidentifiedError
from skperf.shift._deployment import Deployment
from skperf.shift._sample import Floats, Sample
from skperf.shift.estimation._records import check_deployments
from skperf.shift.estimation._result import require_level
from skperf.shift.estimation._told import one_each

_AT_ONCE = 1_000_000  # numbers permuted
ROUNDING = 1e-12  # by which equal statistics may differ


class DriftTest(NamedTuple):
    """Whether predictions move what is seen, by :func:`performative_drift_test`.

    Parameters
    ----------
    p_value : float
        How often lots that move nothing would look as strange. Exact, whatever else
        makes the data drift.

    effect : float
        By how much an outcome changes with the prediction: a slope.

    interval : (float, float)
        Of the effect, by a normal approximation.

    effects : ndarray of shape (n_deployments,)
        The effect in each deployment, to look at over time.

    errors : ndarray of shape (n_deployments,)
        Their standard errors.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.shift import Deployment, Sample, performative_drift_test
    >>> rng = np.random.default_rng(0)
    >>> lots = rng.choice([-0.2, 0.2], 200)
    >>> seen = Sample(np.zeros((200, 1)), lots + rng.normal(size=200))
    >>> deployment = Deployment(None, seen, perturbation=lots)
    >>> test = performative_drift_test(deployment, random_state=0)
    >>> low, high = test.interval
    >>> bool(low < test.effect < high)
    True
    """

    p_value: float
    effect: float
    interval: tuple[float, float]
    effects: NDArray[np.float64]
    errors: NDArray[np.float64]


class _Period(NamedTuple):
    """Lots and outcomes of persons of one period, each without its mean."""

    lots: Floats
    outcomes: Floats


def performative_drift_test(
    deployments: Deployment | Iterable[Deployment],
    *,
    outcome: Callable[[Sample], Floats] | None = None,
    n_permutations: int = 999,
    confidence: float = 0.95,
    random_state: int | RandomState | None = None,
) -> DriftTest:
    r"""Test whether the model makes the data drift, or something else does.

    Data change for many reasons, and a comparison of before and after does not tell
    whose doing a change is. Numbers that were added to predictions at random do: people
    of the same period who were told more by chance differ from those who were told less
    by the effect of the model, and by nothing else. The test compares them within
    periods, and permutes the lots within periods. So its level is exact under any
    drift that does not depend on the lots: trends, seasons, other companies.

    Parameters
    ----------
    deployments : Deployment or iterable of Deployment
        One a period, each with a `perturbation`. Predictions need not be known.

    outcome : callable, default=None
        What may have changed, a function from a :class:`Sample` to one number a row.
        None takes y. For paired deployments the change since `before` is looked at.

    n_permutations : int, default=999
        Number of permutations; the smallest p-value is one over it and one.

    confidence : float, default=0.95
        Level of the interval.

    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.

    Returns
    -------
    test : DriftTest
        The p-value, the effect and its interval, and the effect in each period.

    Raises
    ------
    UnidentifiedError
        If no perturbation was recorded, or none varies.

    See Also
    --------
    estimate_shift : The strength of a reaction of known form.
    plan_experiment : How large lots must be.
    checkerboard_drift_test : Where nobody can get a lot.
    skperf.inspection.DriftDisplay : The effect over time.

    Notes
    -----
    With lots of +-h, N people in each of T periods, and outcomes of standard deviation
    s within a period, an effect a is found at the level .05 with the probability
    :math:`\Phi(a h \sqrt{N T} / s - 1.96)`.

    Lots must be drawn for each person apart. The checkerboard test [1]_ needs no lots:
    its models predict by a board of alternating fields. As its code computes it, it
    compares changes with their own negatives by the rank-sum test, which takes them for
    twice as many as they are: the level at a nominal .05 is
    :math:`2\,\Phi(-1.96 / \sqrt 2) = .166`, and a season as long as the board looks
    like an effect. :func:`checkerboard_drift_test` is its mended form.

    References
    ----------
    .. [1] B. Gower-Winter, G. Krempl, S. Dragomiretskiy, T. Jelsma, A. Siebes,
       "Identifying Predictions That Influence the Future: Detecting Performative
       Concept Drift in Data Streams", AAAI 2025.

    Examples
    --------
    Twelve months with a season, and an effect of 0.5:

    >>> import numpy as np
    >>> from skperf.shift import Deployment, Sample, performative_drift_test
    >>> rng = np.random.default_rng(0)
    >>> months = []
    >>> for month in range(12):
    ...     lots = rng.choice([-0.2, 0.2], 200)
    ...     y = 3 * np.sin(month) + 0.5 * lots + rng.normal(size=200)
    ...     seen = Sample(np.zeros((200, 1)), y)
    ...     months.append(Deployment(None, seen, perturbation=lots))
    >>> test = performative_drift_test(months, random_state=0)
    >>> print(f"{test.p_value:.3f}, {test.effect:.2f}")
    0.001, 0.49
    """
    require_level(confidence)
    if not isinstance(n_permutations, Integral) or n_permutations < 1:
        raise ValueError(
            f"n_permutations is {n_permutations!r}; expected an int of at least 1."
        )
    records = check_deployments(deployments)
    periods = [_period(deployment, outcome) for deployment in records]
    total = sum(period.lots @ period.lots for period in periods)
    if not total:
        raise UnidentifiedError(
            "Everybody of a period has the same perturbation, so nobody was told more "
            "than others by chance. Add a random number to each prediction, and record "
            "it."
        )
    sums = np.array([period.lots @ period.outcomes for period in periods])
    null = _permuted_sums(periods, int(n_permutations), random_state)
    extreme = np.abs(null) >= np.abs(sums.sum()) * (1 - ROUNDING)
    effect = float(sums.sum() / total)
    effects, errors = np.array([_slope(period) for period in periods]).T
    parts = [_variance(period, effect) for period in periods]
    width = float(norm.ppf((1 + confidence) / 2) * np.sqrt(sum(parts)) / total)
    p_value = float((1 + extreme.sum()) / (1 + len(null)))
    return DriftTest(p_value, effect, (effect - width, effect + width), effects, errors)


def _period(
    deployment: Deployment, outcome: Callable[[Sample], Floats] | None
) -> _Period:
    if deployment.perturbation is None:
        raise UnidentifiedError(
            "A deployment has no perturbation. Without one, a drift that the model "
            "makes looks like any other: add a random number to each prediction, and "
            "record it. plan_experiment says how large it must be."
        )
    values = _outcomes(deployment.after, outcome)
    if deployment.paired and deployment.before is not None:
        values = values - _outcomes(deployment.before, outcome)
    recorded = np.asarray(deployment.perturbation)
    lots = one_each(recorded, deployment.after, "perturbation")
    lots, values = _persons(deployment.after, lots, values)
    return _Period(lots - lots.mean(), values - values.mean())


def _outcomes(sample: Sample, outcome: Callable[[Sample], Floats] | None) -> Floats:
    if outcome is not None:
        return one_each(outcome(sample), sample, "outcome")
    try:
        return one_each(np.asarray(sample.y, dtype=float), sample, "y of a sample")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y is not one number a row ({error}). Say what may have changed: "
            'outcome=lambda sample: sample.y == "yes".'
        ) from error


def _persons(sample: Sample, lots: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return one lot and the mean outcome of each person, by the weights of rows."""
    groups, weights = sample.groups, sample.sample_weight
    if weights is not None and np.ptp(weights) > 0:
        raise ValueError(
            "Rows with different weights cannot change places, so there is no exact "
            "test. Give the people who were seen, without weights."
        )
    if groups is None:
        return lots, values
    _, first, codes = np.unique(
        np.asarray(groups), return_index=True, return_inverse=True
    )
    if not np.array_equal(lots[first][codes], lots):
        raise ValueError(
            "A person has several rows of one deployment with different perturbations; "
            "expected one lot a person. Leave out groups if rows were drawn apart."
        )
    return lots[first], np.bincount(codes, values) / np.bincount(codes)


def _permuted_sums(
    periods: list[_Period], n_permutations: int, random_state: int | RandomState | None
) -> Floats:
    """Return the statistic for lots that change places within periods."""
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    sums = np.zeros(n_permutations)
    for lots, outcomes in periods:
        at_once = max(1, _AT_ONCE // len(lots))
        for start in range(0, n_permutations, at_once):
            some = sums[start : start + at_once]
            tiled = np.broadcast_to(lots, (len(some), len(lots)))
            some += rng.permuted(tiled, axis=1) @ outcomes
    return sums


def _slope(period: _Period) -> tuple[float, float]:
    """Return the effect in a period and its standard error, NaN without lots."""
    total = period.lots @ period.lots
    if not total:
        return np.nan, np.nan
    slope = float(period.lots @ period.outcomes / total)
    return slope, float(np.sqrt(_variance(period, slope)) / total)


def _variance(period: _Period, slope: float) -> float:
    """Return the variance of the sum of lots times outcomes, for any noise."""
    rests = period.outcomes - slope * period.lots
    n_rows = len(rests)
    return float(np.sum((period.lots * rests) ** 2) * n_rows / max(n_rows - 2, 1))
