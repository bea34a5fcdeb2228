# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One score for a text from the scores of its positions."""

import numpy as np


def mean_of_windows(scores, window):
    """Return the means of all runs of `window` positions; of all, if there are fewer.

    Parameters
    ----------
    scores : ndarray of shape (n_positions,)
        Log-odds.

    window : int
        Length of a run.
    """
    width = min(window, len(scores))
    return np.convolve(scores, np.full(width, 1 / width), mode="valid")


POOLINGS = {
    "mean": lambda scores, window: scores.mean(),
    "max": lambda scores, window: scores.max(),
    "window": lambda scores, window: mean_of_windows(scores, window).max(),
    "first": lambda scores, window: scores[0],
    "last": lambda scores, window: scores[-1],
}


def pool(scores, aggregate, window):
    """Return the log-odds of a text.

    Raises
    ------
    ValueError
        If the result is not a finite number.
    """
    if callable(aggregate):
        pooled = np.asarray(aggregate(scores), dtype=float)
    else:
        pooled = np.asarray(POOLINGS[aggregate](scores, window))
    if pooled.shape != () or not np.isfinite(pooled):
        raise ValueError(
            f"aggregate should make one finite number of the log-odds of a text; got "
            f"{pooled!r:.80}."
        )
    return float(pooled)


def summarize(scores, window):
    """Return all named poolings of a text."""
    return [pool(scores, name, window) for name in POOLINGS]


class RunningPooling:
    """The aggregate of a text that grows, one score at a time.

    Named aggregates take the same time for each score, however long the text is. A
    function is given all scores.

    Parameters
    ----------
    aggregate, window : str or callable, int
        As in RedFlagClassifier.
    """

    def __init__(self, aggregate, window):
        self.aggregate = aggregate
        self.window = window
        self.scores = []
        self._pooled = []  # after each score, so that the last ones can be taken back

    @property
    def pooled(self):
        """The log-odds of the text so far; nan if there is no score."""
        if not self.scores:
            return float("nan")
        if callable(self.aggregate):
            return pool(np.array(self.scores), self.aggregate, self.window)
        return self._pooled[-1]

    def push(self, score):
        """Take one more score."""
        self.scores.append(float(score))
        if not callable(self.aggregate):
            self._pooled.append(self._next())

    def forget(self, n_kept):
        """Take back what came after the first `n_kept` scores."""
        del self.scores[n_kept:], self._pooled[n_kept:]

    def _next(self):
        if len(self.scores) == 1:
            return self.scores[0]
        return _RUNNING[self.aggregate](self._pooled[-1], self.scores, self.window)


def _next_mean(pooled, scores, window):
    return pooled + (scores[-1] - pooled) / len(scores)


def _next_window(pooled, scores, window):
    if len(scores) <= window:
        return _next_mean(pooled, scores, window)
    return max(pooled, sum(scores[-window:]) / window)


_RUNNING = {
    "mean": _next_mean,
    "max": lambda pooled, scores, window: max(pooled, scores[-1]),
    "window": _next_window,
    "first": lambda pooled, scores, window: pooled,
    "last": lambda pooled, scores, window: scores[-1],
}
