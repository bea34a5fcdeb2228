# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Is a drift the model's doing? Predictions by a board whose signs a coin has drawn."""

from numbers import Integral

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from scipy.stats import t as student
from sklearn.utils import check_random_state

from skperf.exceptions import UnidentifiedError
from skperf.shift._sample import Floats
from skperf.shift.estimation._drift import ROUNDING, DriftTest
from skperf.shift.estimation._result import require_level

_FEWEST = 6  # trials: with fewer no p-value can be below .05


def checkerboard_drift_test(
    signs: ArrayLike,
    changes: ArrayLike,
    *,
    n_flips: int = 999,
    confidence: float = 0.95,
    random_state: int | RandomState | None = None,
) -> DriftTest:
    r"""Test whether predictions by a board move people, where nobody can get a lot.

    People are of two blocks, by some feature. In each trial the model tells one block
    the high prediction and the other the low one; a coin, tossed for each trial apart,
    says which. If predictions draw people in or drive them away, the share of a block
    changes during a trial in the direction that the coin has chosen. Other drift,
    seasons included, knows nothing of the coin. So the test asks how often other tosses
    would fit the changes as well, and its level is exact.

    Parameters
    ----------
    signs : array-like of shape (n_trials,)
        What the coin has said: 1 where block A was told the high prediction, -1 where
        block B was.

    changes : array-like of shape (n_trials,) or (n_trials, n_changes)
        By how much the share of block A among those who were seen has changed from the
        first to the last rows of the trial. Several columns, such as one for each
        class, are added up.

    n_flips : int, default=999
        Number of times that all coins are tossed again.

    confidence : float, default=0.95
        Level of the interval.

    random_state : int, RandomState instance or None, default=None
        Seed of these tosses.

    Returns
    -------
    test : DriftTest
        `effects` are the changes by trial in the direction of the coin, `effect` is
        their mean and `errors` the standard deviation of changes.

    Raises
    ------
    UnidentifiedError
        If the signs are all the same, or alternate as on a board that no coin has
        drawn: drift of that period would look like an effect.
    ValueError
        If there are fewer than 6 trials, or signs are not 1 and -1.

    See Also
    --------
    performative_drift_test : Is far sharper, where predictions may have lots.

    Notes
    -----
    The checkerboard test as published [1]_ lets the signs alternate and compares
    changes with their own negatives by a rank-sum test, so that its level is .166 at a
    nominal .05 and a season of two trials is found to be an effect. This is its mended
    form.

    References
    ----------
    .. [1] B. Gower-Winter, G. Krempl, S. Dragomiretskiy, T. Jelsma, A. Siebes,
       "Identifying Predictions That Influence the Future: Detecting Performative
       Concept Drift in Data Streams", AAAI 2025.

    Examples
    --------
    Forty trials with a season, where the high prediction draws 5 % of people in:

    >>> import numpy as np
    >>> from skperf.shift import checkerboard_drift_test
    >>> rng = np.random.default_rng(0)
    >>> signs = rng.choice([-1, 1], 40)
    >>> season = 0.1 * (-1.0) ** np.arange(40)
    >>> changes = season + 0.05 * signs + 0.05 * rng.normal(size=40)
    >>> test = checkerboard_drift_test(signs, changes, random_state=0)
    >>> print(f"{test.p_value:.3f}, {test.effect:.2f}")
    0.002, 0.06
    """
    require_level(confidence)
    if not isinstance(n_flips, Integral) or n_flips < 1:
        raise ValueError(f"n_flips is {n_flips!r}; expected an int of at least 1.")
    coins = _check_signs(signs)
    moves = _check_changes(changes, len(coins))
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    null = rng.choice([-1.0, 1.0], (int(n_flips), len(coins))) @ moves
    effects = coins * moves
    extreme = np.abs(null) >= np.abs(effects.sum()) * (1 - ROUNDING)
    p_value = float((1 + extreme.sum()) / (1 + len(null)))
    effect, spread = float(effects.mean()), float(effects.std(ddof=1))
    quantile = student.ppf((1 + confidence) / 2, len(coins) - 1)
    width = float(quantile * spread / np.sqrt(len(coins)))
    errors = np.full(len(coins), spread)
    return DriftTest(p_value, effect, (effect - width, effect + width), effects, errors)


def _check_signs(signs: ArrayLike) -> Floats:
    coins = np.asarray(signs, dtype=float)
    if coins.ndim != 1 or not np.isin(coins, [-1.0, 1.0]).all():
        raise ValueError(
            "signs must hold 1 and -1, one for each trial: which block was told the "
            f"high prediction. Got values of shape {coins.shape}."
        )
    if len(coins) < _FEWEST:
        raise ValueError(
            f"There are {len(coins)} trials; expected at least {_FEWEST}, since fewer "
            "tosses of a coin are too often alike."
        )
    turns = np.unique(coins[1:] * coins[:-1])
    if len(turns) == 1:
        how = "are all the same" if turns[0] > 0 else "alternate"
        raise UnidentifiedError(
            f"The signs {how}, which a coin hardly does, and drift of that period "
            "looks like an effect of the model. Toss a coin for each trial: "
            "rng.choice([-1, 1], n_trials)."
        )
    return coins


def _check_changes(changes: ArrayLike, n_trials: int) -> Floats:
    moves = np.asarray(changes, dtype=float)
    if moves.ndim not in (1, 2) or len(moves) != n_trials:
        raise ValueError(
            f"changes has the shape {moves.shape}; expected ({n_trials},), one for "
            f"each sign, or ({n_trials}, n_changes)."
        )
    if not np.isfinite(moves).all():
        raise ValueError("changes holds values that are not finite numbers.")
    return moves.reshape(n_trials, -1).sum(axis=1)
