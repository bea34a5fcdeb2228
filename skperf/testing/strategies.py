# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Hypothesis strategies: random populations, predictions and shifts.

Examples
--------
A shift that moves people must lose nobody, whatever the population:

>>> from hypothesis import given
>>> from skperf.shift import ResampleIfRejected
>>> from skperf.testing import strategies
>>> @given(strategies.populations(), strategies.predictors())
... def test_nobody_is_lost(population, predictor):
...     X, y = population
...     sample = ResampleIfRejected(delta=0.3).sample(X, y, predictor(X))
...     assert abs(sample.sample_weight.sum() - len(y)) < 1e-9
>>> test_nobody_is_lost()
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from skperf.shift import (
    BudgetedResponse,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    QuantilePolicy,
    ResampleIfRejected,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    ThresholdPolicy,
)
from skperf.utils._tables import column_values

try:
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import arrays
except ImportError as error:
    raise ImportError(
        "skperf.testing.strategies needs the package hypothesis. Install hypothesis "
        "with your package manager, for example: pip install hypothesis."
    ) from error

__all__ = ["LogisticPredictor", "populations", "predictions", "predictors", "shifts"]


@dataclass(frozen=True)
class LogisticPredictor:
    """A linear score, squashed into a probability.

    Parameters
    ----------
    coef : tuple of float
        One coefficient a feature.

    intercept : float
        Score at the origin.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.testing.strategies import LogisticPredictor
    >>> LogisticPredictor(coef=(1.0, -1.0), intercept=0.0)(np.ones((2, 2)))
    array([0.5, 0.5])
    """

    coef: tuple
    intercept: float

    def __call__(self, X):
        """Return probabilities of shape (n_samples,)."""
        return expit(X @ np.array(self.coef) + self.intercept)


@st.composite
def populations(draw, *, min_rows=4, max_rows=30, n_features=3, weighted=False):
    """Draw base populations with numeric features and binary targets.

    Parameters
    ----------
    min_rows : int, default=4
        Fewest rows, at least 2.

    max_rows : int, default=30
        Most rows.

    n_features : int, default=3
        Number of features.

    weighted : bool, default=False
        Whether to draw sample weights too.

    Returns
    -------
    strategy : SearchStrategy
        Of tuples ``(X, y)`` or ``(X, y, sample_weight)`` with X of shape (n_samples,
        n_features) in [-3, 3], y of shape (n_samples,) with both labels 0 and 1, and
        positive weights of shape (n_samples,).

    Examples
    --------
    >>> from hypothesis import given
    >>> from skperf.testing.strategies import populations
    >>> @given(populations(max_rows=5, weighted=True))
    ... def test(population):
    ...     X, y, sample_weight = population
    ...     assert len(X) == len(y) == len(sample_weight) <= 5
    >>> test()
    """
    n_samples = draw(st.integers(min_rows, max_rows))
    X = draw(arrays(float, (n_samples, n_features), elements=_numbers(-3, 3)))
    y = draw(arrays(int, n_samples, elements=st.integers(0, 1)))
    y[:2] = 0, 1
    if not weighted:
        return X, y
    return X, y, draw(arrays(float, n_samples, elements=_numbers(0.1, 10)))


def predictions(n):
    """Draw probabilities for n rows, 0 and 1 included.

    Parameters
    ----------
    n : int
        Number of rows.

    Returns
    -------
    strategy : SearchStrategy
        Of arrays of shape (n,) in [0, 1].

    Examples
    --------
    >>> from hypothesis import given
    >>> from skperf.testing.strategies import predictions
    >>> @given(predictions(3))
    ... def test(y_pred):
    ...     assert y_pred.shape == (3,) and 0 <= y_pred.min() <= y_pred.max() <= 1
    >>> test()
    """
    return arrays(float, n, elements=_numbers(0, 1))


def predictors(n_features=3):
    """Draw prediction functions, for shifts that ask the model elsewhere.

    Parameters
    ----------
    n_features : int, default=3
        Number of features that they take.

    Returns
    -------
    strategy : SearchStrategy
        Of :class:`LogisticPredictor`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from skperf.testing.strategies import predictors
    >>> @given(predictors(n_features=2))
    ... def test(predictor):
    ...     assert 0 < predictor(np.ones((1, 2)))[0] < 1
    >>> test()
    """
    coef = st.tuples(*[_numbers(-2, 2)] * n_features)
    return st.builds(LogisticPredictor, coef=coef, intercept=_numbers(-2, 2))


def shifts(n_features=3):
    """Draw shifts of this package: single ones, of decisions, chains, with a memory.

    They take predictions in [0, 1] and targets 0 and 1. Some ask for a predictor.

    Parameters
    ----------
    n_features : int, default=3
        Number of features of the population.

    Returns
    -------
    strategy : SearchStrategy
        Of :class:`~skperf.shift.ResampleIfRejected` over all faces, strategic features
        and numbers of donors, :class:`~skperf.shift.StrategicResponse`,
        :class:`~skperf.shift.BudgetedResponse`, :class:`~skperf.shift.ThresholdPolicy`,
        :class:`~skperf.shift.QuantilePolicy`, :class:`~skperf.shift.OutcomeShift`,
        :class:`~skperf.shift.SelfFulfillingShift`,
        :class:`~skperf.shift.ShiftPipeline`, :class:`~skperf.shift.MemoryShift` and
        :class:`~skperf.shift.LaggedShift`.

    Examples
    --------
    >>> from hypothesis import given
    >>> from skperf.testing.strategies import populations, predictors, shifts
    >>> @given(populations(), predictors(), shifts())
    ... def test(population, predictor, shift):
    ...     X, y = population
    ...     sample = shift.sample(X, y, predictor(X), predictor=predictor)
    ...     assert sample.X.shape[1] == X.shape[1]
    >>> test()
    """
    single = st.one_of(
        _resample_if_rejected(n_features),
        st.builds(
            StrategicResponse,
            epsilon=_numbers(-1, 1),
            strategic_features=_columns(n_features),
            responds=st.none() | st.just(_are_high),
        ),
        st.builds(
            OutcomeShift,
            feedback=_numbers(-0.9, 0.9),
            spread=st.none() | _numbers(1, 3),
        ),
        st.builds(
            BudgetedResponse,
            budget=_numbers(0, 2),
            strategic_features=_columns(n_features),
        ),
    )
    told = st.builds(ThresholdPolicy, shift=single, threshold=_numbers(0, 1))
    told |= st.builds(QuantilePolicy, shift=single, rate=_numbers(0, 1))
    chain = st.tuples(single, single).map(
        lambda pair: ShiftPipeline([("first", pair[0]), ("second", pair[1])])
    )
    fulfilled = st.builds(
        SelfFulfillingShift,
        strength=_numbers(0, 1),
        direction=st.sampled_from(["fulfilling", "defeating"]),
    )
    slow = st.builds(MemoryShift, shift=single, decay=_numbers(0.1, 1))
    lagged = st.builds(LaggedShift, shift=single, n_groups=st.integers(1, 3))
    return single | told | chain | fulfilled | slow | lagged


def _are_high(X, y):
    """Return who responds: the people with a high first feature."""
    return column_values(X, 0) > 0


def _resample_if_rejected(n_features):
    return st.builds(
        ResampleIfRejected,
        delta=_numbers(0, 1),
        strategic_features=_columns(n_features),
        resampling=st.sampled_from(["expected", "common", "drawn"]),
        n_donors=st.integers(1, 4),
    )


def _columns(n_features):
    """Draw None or a non-empty list of different columns."""
    positions = st.integers(0, n_features - 1)
    return st.none() | st.lists(positions, min_size=1, unique=True)


def _numbers(low, high):
    return st.floats(low, high, allow_subnormal=False)
