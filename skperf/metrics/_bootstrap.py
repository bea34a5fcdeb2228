# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How sure a figure is: bootstrap intervals over groups of samples."""

import warnings
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d

from skperf.utils._sklearn import _check_sample_weight


class Interval(NamedTuple):
    """A figure and the ends of its interval.

    Parameters
    ----------
    value : float
        The figure.

    low, high : float
        The ends.

    Examples
    --------
    >>> from skperf.metrics import Interval
    >>> value, low, high = Interval(0.83, 0.78, 0.87)
    >>> f"{value} [{low}, {high}]"
    '0.83 [0.78, 0.87]'
    """

    value: float
    low: float
    high: float


def bootstrap_interval(
    metric,
    y_true,
    y_score,
    *,
    baseline=None,
    groups=None,
    sample_weight=None,
    n_resamples=2000,
    confidence_level=0.95,
    random_state=0,
    **metric_params,
):
    """Compute a metric, and its percentile bootstrap interval over groups.

    Groups are drawn with replacement, and each sample gets the number of times that
    its group was drawn as a weight. So samples that belong together, such as answers to
    the same prompt, do not make a figure surer than it is.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_score, sample_weight=..., **metric_params)``, as the metrics
        here and in scikit-learn are.

    y_true : array-like of shape (n_samples,)
        Labels.

    y_score : array-like of shape (n_samples,)
        Scores.

    baseline : array-like of shape (n_samples,), default=None
        Other scores of the same samples. The figure is then the metric of `y_score`
        less that of `baseline`, on the same draws.

    groups : array-like of shape (n_samples,), default=None
        Samples that are drawn together. None means that each is drawn for itself.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights, which the draws multiply.

    n_resamples : int, default=2000
        Number of draws. It takes as many calls of the metric.

    confidence_level : float, default=0.95
        Between 0 and 1.

    random_state : int, RandomState instance or None, default=0
        Draws the groups: the same ones for all metrics and scores with the same int.

    **metric_params : dict
        Passed to the metric; arrays of it have one entry a sample, as always.

    Returns
    -------
    interval : Interval
        A named tuple of `value`, `low` and `high`.

    Raises
    ------
    ValueError
        If the metric refuses the data, or is not defined on half of the draws, for
        instance because they miss a class.

    Notes
    -----
    Draws on which the metric is not defined, so that it raises a ValueError or is nan,
    are left out.

    References
    ----------
    .. [1] A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application",
       1997, section 3.8, for the draw of groups.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import roc_auc_score
    >>> from skperf.metrics import bootstrap_interval
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(200) % 2
    >>> score = y + rng.normal(size=200)
    >>> auc = bootstrap_interval(roc_auc_score, y, score, n_resamples=100)
    >>> auc.low < auc.value < auc.high
    True
    """
    check_level(confidence_level)
    y_true = column_or_1d(y_true)
    check_consistent_length(y_true, y_score, groups, baseline)
    weight = _check_sample_weight(sample_weight, y_true, dtype=float)

    def measure(counts):
        options = {**metric_params, "sample_weight": weight * counts}
        value = metric(y_true, y_score, **options)
        if baseline is not None:
            value -= metric(y_true, baseline, **options)
        return value

    value = measure(np.ones(len(y_true)))
    groups = np.arange(len(y_true)) if groups is None else groups
    counts = draw_groups(groups, n_resamples, random_state)
    drawn = np.array([_value_or_nan(measure, count) for count in counts])
    return percentile_interval(value, drawn, confidence_level)


def draw_groups(groups, n_resamples, random_state):
    """Yield how often each sample is drawn, n_resamples times."""
    random = check_random_state(random_state)
    names, group = np.unique(column_or_1d(groups), return_inverse=True)
    for _ in range(n_resamples):
        drawn = random.randint(len(names), size=len(names))
        yield np.bincount(drawn, minlength=len(names))[group]


def _value_or_nan(measure, count):
    """Return nan where a draw leaves the measure undefined."""
    with warnings.catch_warnings(), suppress(ValueError):
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return measure(count)
    return float("nan")


def check_level(confidence_level):
    """Raise a ValueError unless it is between 0 and 1."""
    if not 0 < confidence_level < 1:
        raise ValueError(
            f"confidence_level should be between 0 and 1; got {confidence_level}."
        )


def percentile_interval(value, drawn, confidence_level=0.95):
    """Return the Interval of a value from those on draws."""
    defined = drawn[~np.isnan(drawn)]
    if 2 * len(defined) <= len(drawn):
        raise ValueError(
            f"The metric is not defined on {len(drawn) - len(defined)} of {len(drawn)} "
            "draws, since they miss a class or have no pairs. Pass more groups, or "
            "ask for the figure without an interval."
        )
    outside = (1 - confidence_level) / 2
    low, high = np.quantile(defined, [outside, 1 - outside])
    return Interval(float(value), float(low), float(high))
