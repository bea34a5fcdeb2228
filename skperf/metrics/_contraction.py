# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How fast retraining settles, as measured on its own record."""

from typing import Literal, NamedTuple

import numpy as np
from scipy.stats import t as student

_COLUMNS = ("prediction_gap", "two_back_gap", "stability_residual_estimate")
_MIN_PAIRS = 2  # of steps: the least whose ratios can differ
_ENOUGH = 4  # pairs of steps, among which chance seldom makes a trend
_BATCH = 5  # pairs of steps, at least, that the jackknife leaves out at once
_MOST_BATCHES = 10
_LEVEL = 0.95
_SURPRISE = 0.1  # share of a step, squared, that the one before does not foretell
_N_SPREADS = 2  # by which steps shrink that are no noise
_JUMPS = ("plateau", "cycle", "settled in risk")  # verdicts on data without noise
_FALL = 3  # a factor between thirds of the steps that chance does not reach
_STEADY = 1e-3  # of a step: a change that is none
_ALIKE = 1e-6  # by which equal columns of a record may differ


class ContractionRate(NamedTuple):
    """How fast retraining settles, by :func:`contraction_rate`.

    Parameters
    ----------
    rate : float
        By what one retraining multiplies the distance to the stable model. Negative
        where steps alternate, as they do where people defeat the model's predictions;
        from 1 on in size retraining settles nowhere.

    low, high : float
        The ends of its interval. For "steps" and "turns" they are the smallest and the
        largest ratio that was seen, for "noise" they hold the rate in 95 % of cases.

    kind : {"steps", "turns", "noise"}
        What it was taken from: steps along one line; steps that turn by an angle, for
        which `rate` is the factor of their length; or the noise that data which are
        drawn anew leave in the models.

    n_pairs : int
        Number of pairs of steps that were used.

    distance : float
        Estimate of how far the last model is from the stable one, in units of the
        prediction gap. NaN for "noise", where steps do not tell.

    distance_bound : float
        What the distance is at most, if retraining goes on to contract by no worse a
        factor than was seen; inf where that is 1 or more. NaN for "noise".

    Examples
    --------
    >>> from skperf.metrics import ContractionRate
    >>> alternating = ContractionRate(
    ...     rate=-0.5, low=-0.6, high=-0.4, kind="steps", n_pairs=3, distance=0.1,
    ...     distance_bound=0.2,
    ... )
    >>> alternating.sign
    -1
    """

    rate: float
    low: float
    high: float
    kind: Literal["steps", "turns", "noise"]
    n_pairs: int
    distance: float
    distance_bound: float

    @property
    def sign(self):
        """Whether steps go on (1), alternate (-1), or neither for sure (0)."""
        if self.kind == "turns" or self.low <= 0 <= self.high:
            return 0
        return 1 if self.rate > 0 else -1


class _Pairs(NamedTuple):
    """Lengths of pairs of steps that follow each other, and of what they add up to."""

    first: np.ndarray
    second: np.ndarray
    both: np.ndarray

    @property
    def products(self):
        """The inner products, by the law of cosines."""
        return (self.both**2 - self.first**2 - self.second**2) / 2


def contraction_rate(history):
    r"""Measure how fast retraining settles, from the record of its rounds.

    If the data depend on the model, one retraining multiplies the distance to the
    stable model by a rate. Two columns tell it with its sign, on the last half of the
    rounds: the gap :math:`g_t` between a model and the one before it, and the gap
    :math:`h_t` to the one before that. So :math:`(h_t^2 - g_t^2 - g_{t-1}^2) / 2` is
    the inner product of two steps.

    - Where steps shrink or grow along one line, the rate is their ratio.
    - Where they shrink or grow and turn, its size is that of the ratio.
    - Where they do neither, since data are drawn anew in every round, models are
      :math:`f_t = \rho f_{t-1}` and noise, for which :math:`\mathbb{E}\,h^2 = (1 +
      \rho)\,\mathbb{E}\,g^2`. The interval is that of a jackknife over batches of
      rounds. If directions have different rates, it is a mean of them, weighted by
      their noise.

    It says what has happened, and nothing about data or models that were not seen. A
    record does not tell noise from a model that jumps, as trees do whose splits flip:
    where no data are drawn, a rate of the kind "noise" means nothing.

    Parameters
    ----------
    history : dict of ndarrays of shape (n_rounds,)
        The ``history_`` of a minimizer, of at least three rounds; twenty where data
        are drawn.

    Returns
    -------
    contraction : ContractionRate
        The rate with its interval, and the distance to the stable model.

    Raises
    ------
    TypeError
        If that is no record of one minimizer.
    ValueError
        If there are too few rounds to tell steps from chance; if models have come to
        rest exactly; if the same ones come again; or if each was trained on a mixture
        of past samples and the rate would have to be read off noise.

    See Also
    --------
    contraction_radius : The same at one model, from the shift and without a record.
    convergence_report : What can be certified, and what cannot.

    Notes
    -----
    The estimate of the distance is :math:`g\,|\rho| / (1 - \rho)` after a last step g,
    exact for one rate, and the bound :math:`g\,|\rho| / (1 - |\rho|)`.

    Examples
    --------
    Prices that are forecast too high fall, by half of the forecast:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from skperf import RepeatedRiskMinimizer
    >>> from skperf.metrics import contraction_rate
    >>> from skperf.shift import OutcomeShift
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 3.0])
    >>> model = RepeatedRiskMinimizer(LinearRegression(), OutcomeShift(-0.5)).fit(X, y)
    >>> contraction = contraction_rate(model.history_)
    >>> round(contraction.rate, 6), contraction.sign
    (-0.5, -1)
    """
    pairs = _recent_pairs(history)
    if _follow(pairs):
        return _by_steps(pairs, pairs.products / pairs.first**2, "steps")
    if _shrinks(pairs):
        return _by_steps(pairs, pairs.second / pairs.first, "turns")
    return _by_noise(pairs, history)


def measured_rate(minimizer):
    """Return the rate of a minimizer's record, which was seen to be no jumps."""
    contraction = contraction_rate(minimizer.history_)
    if contraction.kind == "noise" and minimizer.diagnosis_ in _JUMPS:
        raise ValueError(
            f"The diagnosis is {minimizer.diagnosis_!r}: models move by jumps, and not "
            "by the noise of drawn data, so that they have no rate."
        )
    return contraction


def _recent_pairs(history):
    """Return the pairs of steps of the last half of the rounds."""
    _require_record(history)
    gaps = np.asarray(history["prediction_gap"], dtype=float)
    over_two = np.asarray(history["two_back_gap"], dtype=float)
    if not np.isfinite(gaps[1:]).all() or not np.isfinite(over_two[1:]).all():
        raise ValueError(
            "The record has models without a finite distance to the one before; "
            "expected the history_ of a minimizer that retrains. Retraining that "
            "diverges until numbers end has no rate."
        )
    n_pairs = max(len(gaps) - 1, 0)
    if n_pairs < _MIN_PAIRS:
        raise ValueError(
            f"The record has {len(gaps)} rounds; a rate needs at least "
            f"{_MIN_PAIRS + 1}. Retrain more often, with a smaller tol, or ask "
            "contraction_radius, which needs no record."
        )
    recent = slice(-max(_ENOUGH, (n_pairs + 1) // 2), None)
    pairs = _Pairs(gaps[:-1][recent], gaps[1:][recent], over_two[1:][recent])
    if min(pairs.first.min(), pairs.second.min()) <= 0:
        raise ValueError(
            "A retraining has left the model exactly as it was, so that steps have no "
            "ratio: it has come to rest, or its estimator trains nothing anew."
        )
    return pairs


def _require_record(history):
    """Raise a TypeError for what is no record of one minimizer."""
    known = hasattr(history, "keys") and set(_COLUMNS) <= set(history.keys())
    if not known:
        raise TypeError(
            f"history is a {type(history).__name__} without {', '.join(_COLUMNS)}. "
            "Expected the record of one minimizer: model.history_, or "
            "game.players_[0].history_."
        )


def _follow(pairs):
    """Return whether each step follows from the one before, by one factor.

    Noise makes models come back, so that steps alternate without becoming smaller.
    """
    factors = pairs.products / pairs.first**2
    ratios = pairs.second / pairs.first
    rate = (factors / ratios**2).sum() / (1 / ratios**2).sum()
    surprise = 1 + (rate**2 - 2 * rate * factors) / ratios**2
    if surprise.mean() > _SURPRISE:
        return False
    is_cycle = factors.max() < _STEADY - 1
    shrinks = ratios.max() < 1 or ratios.min() > 1
    return bool(rate > 0 or is_cycle or shrinks)


def _shrinks(pairs):
    """Return whether steps shrink, or grow, by more than they scatter."""
    logs = np.log(pairs.second / pairs.first)
    if len(logs) < _ENOUGH:
        return False
    if np.abs(logs.mean()) > _N_SPREADS * logs.std(ddof=1) + _STEADY:
        return True
    third = len(logs) // 3  # those that turn may shrink unevenly
    if third < _BATCH:
        return False
    first, last = pairs.second[:third], pairs.second[-third:]
    return bool(_FALL * last.max() < first.min() or last.min() > _FALL * first.max())


def _by_steps(pairs, ratios, kind):
    """Return the ratio of steps, which has a sign where they are on one line."""
    low, high = float(ratios.min()), float(ratios.max())
    rate = float(ratios.mean())
    if kind == "turns":  # in the long run
        rate = float(np.exp(np.log(ratios).mean()))
    last, worst = float(pairs.second[-1]), max(abs(low), abs(high))
    distance = last * abs(rate) / (1 - rate) if rate < 1 else np.inf
    return ContractionRate(
        rate,
        low,
        high,
        kind,
        len(ratios),
        np.nan if kind == "turns" else distance,
        last * worst / (1 - worst) if worst < 1 else np.inf,
    )


def _by_noise(pairs, history):
    """Return the rate of models that stay in their noise."""
    _require_noise(pairs, history)
    squares = np.stack([pairs.both**2, pairs.second**2])
    rate = _ratio(squares)
    n_batches = min(_MOST_BATCHES, squares.shape[1] // _BATCH)
    batches = np.array_split(np.arange(squares.shape[1]), n_batches)
    left = np.array([_ratio(np.delete(squares, batch, axis=1)) for batch in batches])
    error = np.sqrt((n_batches - 1) * np.mean((left - left.mean()) ** 2))
    width = float(student.ppf((1 + _LEVEL) / 2, n_batches - 1) * error)
    n_pairs = squares.shape[1]
    return ContractionRate(
        rate, rate - width, rate + width, "noise", n_pairs, np.nan, np.nan
    )


def _ratio(squares):
    return float(squares[0].sum() / squares[1].sum() - 1)


def _require_noise(pairs, history):
    """Raise where models that do not settle are no noise around a first-order law."""
    if len(pairs.first) < 2 * _BATCH:
        raise ValueError(
            "The steps of retraining neither shrink nor grow by more than chance, and "
            f"{len(pairs.first)} pairs of them tell no rate by their noise; that takes "
            f"{2 * 2 * _BATCH} rounds or so. Raise max_iter and set tol=0."
        )
    if np.ptp(np.log(pairs.second)) < _STEADY:
        raise ValueError(
            "The steps of retraining stay as long as they are and turn: the same "
            "models come again, and nothing contracts."
        )
    estimates = np.asarray(history["stability_residual_estimate"], dtype=float)
    gaps = np.asarray(history["prediction_gap"], dtype=float)
    if not np.allclose(estimates, gaps, rtol=_ALIKE):
        raise ValueError(
            "Models were trained on mixtures of past samples, and move by the noise of "
            "all of these: no rate can be read off that. Retrain on the last sample "
            "alone, with RepeatedRiskMinimizer."
        )
