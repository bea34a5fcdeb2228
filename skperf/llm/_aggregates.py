# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One score for a text from the scores of its positions, also while it grows."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Positions of the center that the shrunk mean starts with.
SHRINKAGE = 32


def _mean(scores, settings):
    return np.cumsum(scores) / np.arange(1, len(scores) + 1)


def _window(scores, settings):
    """Return the largest mean of so many neighbours; of all, if there are fewer."""
    width = min(settings.window, len(scores))
    means = np.convolve(scores, np.full(width, 1 / width), mode="valid")
    start = _mean(scores[: width - 1], settings)
    return np.concatenate([start, np.maximum.accumulate(means)])


def _cusum(scores, settings):
    """Return the largest sum of neighbours above the center, and never less than 0."""
    sums = np.cumsum(scores - settings.center)
    lowest = np.minimum.accumulate(np.minimum(sums, 0))
    return np.maximum.accumulate(sums - lowest)


def _shrunk_mean(scores, settings):
    n_positions = np.arange(1, len(scores) + 1)
    return np.cumsum(scores - settings.center) / (n_positions + SHRINKAGE)


# From the scores of all positions, the aggregate of each beginning of the text.
AGGREGATES = {
    "mean": _mean,
    "max": lambda scores, settings: np.maximum.accumulate(scores),
    "window": _window,
    "first": lambda scores, settings: np.full(len(scores), scores[0]),
    "last": lambda scores, settings: np.array(scores, dtype=float),
    "cusum": _cusum,
    "shrunk_mean": _shrunk_mean,
}


class TextScore(NamedTuple):
    """How the log-odds of a text are made of those of its positions.

    Attributes
    ----------
    aggregate : str or callable
        A name in AGGREGATES, or a function of all scores.

    window : int
        Positions in a window.

    center : float
        A usual score of a position in texts that are not flagged.

    intercept : float
        Added to the aggregate.
    """

    aggregate: str | Callable
    window: int = 8
    center: float = 0.0
    intercept: float = 0.0

    def prefixes(self, scores):
        """Return the log-odds of all beginnings of a text, of shape (n_positions,)."""
        if callable(self.aggregate):
            ends = range(1, len(scores) + 1)
            return np.array([self.of(scores[:end]) for end in ends])
        return AGGREGATES[self.aggregate](scores, self) + self.intercept

    def of(self, scores):
        """Return the log-odds of a text with scores of shape (n_positions,).

        Raises
        ------
        ValueError
            If a function makes something else than a finite number.
        """
        if not callable(self.aggregate):
            return float(self.prefixes(scores)[-1])
        pooled = np.asarray(self.aggregate(scores), dtype=float)
        if pooled.shape != () or not np.isfinite(pooled):
            raise ValueError(
                f"aggregate should make one finite number of the log-odds of a text; "
                f"got {pooled!r:.80}."
            )
        return float(pooled) + self.intercept

    def all_named(self, scores):
        """Return all named aggregates of a text, without the intercept."""
        return [self._replace(aggregate=a, intercept=0).of(scores) for a in AGGREGATES]


def text_score_of(classifier):
    """Return the TextScore of a fitted classifier: that of its fit, or of its file."""
    return TextScore(
        classifier.aggregate_,
        classifier.window_,
        classifier.center_,
        classifier.text_intercept_,
    )
