# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Detectors of texts side by side, with intervals and under stress."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length

from skperf.metrics._bootstrap import Interval
from skperf.metrics._detection_delay import detection_delay
from skperf.metrics._figures import JudgedRows, interval
from skperf.metrics._positive import find_positive, positive_label
from skperf.metrics._stress import Unchanged
from skperf.utils._conformal import conformal_threshold
from skperf.utils._conversations import judged_part, rows_of
from skperf.utils._sklearn import _get_response_values_binary, check_pandas_support

_NONE = np.full(1, np.nan)  # no figure, on no draws


class DetectorEvaluation(NamedTuple):
    """Two frames, as :func:`evaluate_detectors` returns them.

    Parameters
    ----------
    figures : DataFrame
        A row for each stress, detector and figure.

    tokens : DataFrame
        A row for each detector, figure and number of tokens that were seen.

    Examples
    --------
    >>> from skperf.llm import make_length_baseline
    >>> from skperf.metrics import evaluate_detectors
    >>> texts, y = ["tea", "he dies", "rain", "she dies"], [0, 1, 0, 1]
    >>> length = make_length_baseline().fit(texts, y)
    >>> evaluation = evaluate_detectors(
    ...     {"length": length}, texts, y, baseline=None, n_resamples=20
    ... )
    >>> evaluation.figures.query("figure == 'AUC'")["value"].tolist()
    [1.0]
    >>> len(evaluation.tokens)
    0
    """

    figures: Any
    tokens: Any


def evaluate_detectors(
    detectors,
    X,
    y,
    *,
    groups=None,
    baseline="probe",
    stress=(),
    target_fpr=0.05,
    calibration=None,
    pos_label=None,
    n_resamples=1000,
    random_state=0,
):
    """Judge detectors of texts on the same rows, with intervals and under stress.

    The frames hold figures and no texts.

    Parameters
    ----------
    detectors : dict of str to estimator
        Fitted classifiers by name, with ``decision_function`` or ``predict_proba``.

    X : iterable of length n_samples, or table with one or two columns
        Texts, (prompt, response) pairs or chats that no detector was fitted on, nor
        chosen by.

    y : array-like of shape (n_samples,)
        Their labels, of two classes.

    groups : array-like of shape (n_samples,), default=None
        Rows that belong together, such as answers to the same prompt: they are drawn
        together for the intervals, and order within them is a figure.

    baseline : str or None, default="probe"
        The detector beside which the others are put.

    stress : sequence of Prefill, AfterChat, Resampled or FineTuned, default=()
        What the rows or the detectors go through. An object of your own needs a
        `name` and a method `scores` like that of :class:`Prefill`.

    target_fpr : float, default=0.05
        The false positive rate, between 0 and 1, that thresholds are for.

    calibration : iterable or table, default=None
        Harmless texts of the same kind that no detector was fitted on. The thresholds
        are set on these, *without stress*. None means that there are no thresholds.

    pos_label : int, float, bool or str, default=None
        The positive class. None means the 1 of labels 0 and 1, or -1 and 1; others need
        it.

    n_resamples : int, default=1000
        Bootstrap draws of groups for the 95 % intervals.

    random_state : int, RandomState instance or None, default=0
        Draws the groups.

    Returns
    -------
    evaluation : DetectorEvaluation
        A named tuple of two pandas DataFrames.

        figures : DataFrame
            Columns "stress", "detector", "figure", and "value" with the ends "low" and
            "high" of its interval; "change", "change_low" and "change_high" from the
            same figure without stress; "beside", "beside_low" and "beside_high", the
            difference to the baseline. Figures of ranking are "AUC", "like-length AUC",
            "recall at FPR" and with `groups` "within-group AUC"; "recall" and "FPR" are
            at the threshold from `calibration`.
        tokens : DataFrame
            Columns "detector", "figure", "tokens", "value", "low" and "high": the
            "recall" and "FPR" by a number of tokens, if each text is looked at after
            each token, with a threshold for that. For detectors with
            ``score_prefixes``, and if there is a `calibration`.

    Raises
    ------
    ValueError
        If the labels do not say which class is positive, if a detector does not know
        that class, if `baseline` is no detector, or if `calibration` has too few texts.

    See Also
    --------
    skperf.inspection.DetectionDelayDisplay : A picture of `tokens`.
    skperf.inspection.StressDisplay : A picture of `figures`.

    Notes
    -----
    Intervals are of the rows only. Detectors and thresholds are taken as they are; how
    much they would differ had they been made on other texts is not in them. Texts are
    of like length by their number of characters before any stress.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skperf.metrics import evaluate_detectors
    >>> texts, y = ["tea", "he dies", "rain", "she dies", "sun", "it dies"], [0, 1] * 3
    >>> detectors = {
    ...     name: make_pipeline(
    ...         CountVectorizer(analyzer=name), LogisticRegression()
    ...     ).fit(texts, y)
    ...     for name in ("word", "char")
    ... }
    >>> new = ["book", "he died", "no rain", "dies", "a game", "the sun", "die"]
    >>> evaluation = evaluate_detectors(
    ...     detectors, new, [0, 1, 0, 1, 0, 0, 1], baseline="char", n_resamples=100
    ... )
    >>> area = evaluation.figures.query("figure == 'AUC'").set_index("detector")
    >>> area["value"].round(2).to_dict()
    {'word': 0.92, 'char': 1.0}
    """
    pd = check_pandas_support("evaluate_detectors")
    _check_names(detectors, baseline)
    rows, label = rows_of(X), positive_label(y, pos_label)
    positive = find_positive(y, label)
    check_consistent_length(rows, positive, groups)
    lengths = np.array([max(len(judged_part(row)), 1) for row in rows])
    judged = JudgedRows(positive, lengths, groups, n_resamples, random_state)
    task = _Task(rows, label, judged, target_fpr, _calibration(calibration, rows))
    figures = {
        (one.name, name): _figures(task, one, detector)
        for one in [Unchanged(), *stress]
        for name, detector in detectors.items()
    }
    tokens = [
        {"detector": name, **row}
        for name, detector in detectors.items()
        if hasattr(detector, "score_prefixes")
        for row in _by_token(task, detector)
    ]
    table = [
        {"stress": stress, "detector": name, "figure": figure, **row}
        for (stress, name), found in figures.items()
        for figure, row in _compared(found, figures, name, stress, baseline)
    ]
    return DetectorEvaluation(
        pd.DataFrame(table),
        pd.DataFrame(
            tokens, columns=["detector", "figure", "tokens", *Interval._fields]
        ),
    )


class _Task(NamedTuple):
    """What all detectors are judged on."""

    rows: list
    label: Any
    judged: JudgedRows
    target_fpr: float
    calibration: list | None

    def score(self, detector, rows):
        """Return the scores of rows, higher for the positive class."""
        methods = ["decision_function", "predict_proba"]
        scores, _ = _get_response_values_binary(
            detector, rows, methods, pos_label=self.label
        )
        return np.asarray(scores, dtype=float)

    def prefixes(self, detector, rows):
        """Return the scores of all beginnings of rows."""
        sign = 1 if detector.pos_label_ == self.label else -1
        return [sign * scores for scores in detector.score_prefixes(rows)]


def _figures(task, stress, detector):
    """Return all figures by name, each on all draws."""
    scores = stress.scores(task.score, detector, task.rows, task.judged.positive)
    figures = task.judged.ranking(scores, task.target_fpr)
    if task.calibration is None:
        return figures
    harmless = task.score(detector, task.calibration)
    threshold = conformal_threshold(harmless, task.target_fpr)
    return figures | task.judged.flagged(scores > threshold)


def _by_token(task, detector):
    """Yield what is flagged by a number of tokens, with a threshold for all looks."""
    if task.calibration is None:
        return
    highest = [s.max() for s in task.prefixes(detector, task.calibration)]
    threshold = conformal_threshold(np.array(highest), task.target_fpr)
    prefixes = task.prefixes(detector, task.rows)
    delay = detection_delay(prefixes, threshold)
    longest = max(map(len, prefixes))
    for tokens in [*2 ** np.arange(np.ceil(np.log2(longest)), dtype=int), longest]:
        for figure, values in task.judged.flagged(delay <= tokens).items():
            shown = interval(values)._asdict()
            yield {"figure": figure, "tokens": int(tokens), **shown}


def _compared(found, figures, name, stress, baseline):
    """Yield each figure with its differences to no stress and to the baseline."""
    before = figures[Unchanged().name, name]
    beside = figures[stress, name if baseline is None else baseline]
    for figure, values in found.items():
        change = values - before[figure] if stress != Unchanged().name else _NONE
        difference = values - beside[figure] if baseline not in (None, name) else _NONE
        yield (
            figure,
            interval(values)._asdict()
            | _named("change", interval(change))
            | _named("beside", interval(difference)),
        )


def _named(name, shown):
    return {name: shown.value, f"{name}_low": shown.low, f"{name}_high": shown.high}


def _check_names(detectors, baseline):
    if not isinstance(detectors, dict) or not detectors:
        raise TypeError("detectors should be a dict of fitted detectors by name.")
    if baseline is not None and baseline not in detectors:
        raise ValueError(
            f"baseline={baseline!r} is not among the detectors {sorted(detectors)}. "
            "Pass the name of one of them, or None."
        )


def _calibration(calibration, rows):
    """Return the rows of harmless texts; warn where some of them are judged too."""
    if calibration is None:
        return None
    harmless = rows_of(calibration)
    shared = {repr(row) for row in harmless} & {repr(row) for row in rows}
    if shared:
        warnings.warn(
            f"{len(shared)} rows of X are also in calibration, so the thresholds have "
            "seen what they are judged on. Take other texts.",
            stacklevel=3,
        )
    return harmless
