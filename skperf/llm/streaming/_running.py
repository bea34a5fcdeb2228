# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The log-odds of a text that grows, from those of its positions one by one."""

import numpy as np

from skperf.llm._aggregates import SHRINKAGE


class RunningScore:
    """The log-odds of a text that grows.

    Named aggregates take the same time for each position, however long the text is. A
    function is given all scores.

    Parameters
    ----------
    text_score : TextScore
        How they are made of the positions' log-odds.

    Attributes
    ----------
    scores : list of float
        The positions' log-odds.
    """

    def __init__(self, text_score):
        self.scores = []
        self._text_score = text_score
        # of each beginning, so that the last positions can be taken back
        self._pooled = []
        self._highest = []
        self._sums = []

    @property
    def pooled(self):
        """The log-odds of the text so far; nan if there is no position."""
        if not self.scores:
            return float("nan")
        if callable(self._text_score.aggregate):
            return self._text_score.of(np.array(self.scores))
        return self._pooled[-1] + self._text_score.intercept

    @property
    def highest(self):
        """The largest log-odds that any beginning has had; nan if there is none."""
        for end in range(len(self._highest) + 1, len(self.scores) + 1):
            pooled = self._pooled_of(end)
            self._highest.append(max([pooled, *self._highest[-1:]]))
        return self._highest[-1] if self._highest else float("nan")

    def _pooled_of(self, end):
        if callable(self._text_score.aggregate):
            return self._text_score.of(np.array(self.scores[:end]))
        return self._pooled[end - 1] + self._text_score.intercept

    def push(self, score):
        """Take the log-odds of one more position."""
        self.scores.append(float(score))
        if not callable(self._text_score.aggregate):
            self._sums.append(self._sum())
            self._pooled.append(_NEXT[self._text_score.aggregate](self))

    def _sum(self):
        """Return the sum above the center since it was last 0."""
        excess = self.scores[-1] - self._text_score.center
        return max(0.0, sum(self._sums[-1:]) + excess)

    def forget(self, n_kept):
        """Take back what came after the first `n_kept` positions."""
        for values in (self.scores, self._pooled, self._highest, self._sums):
            del values[n_kept:]

    def mean(self):
        """Return the mean of all positions."""
        before = sum(self._pooled[-1:])
        return before + (self.scores[-1] - before) / len(self.scores)

    def shrunk_mean(self):
        """Return the sum above the center, divided by more than there is."""
        n_positions = len(self.scores) + SHRINKAGE
        before = sum(self._pooled[-1:]) * (n_positions - 1)
        return (before + self.scores[-1] - self._text_score.center) / n_positions

    def window(self):
        """Return the largest mean of a window."""
        width = self._text_score.window
        if len(self.scores) <= width:
            return self.mean()
        return max(self._pooled[-1], sum(self.scores[-width:]) / width)

    def largest(self, values):
        """Return the last value, or what was pooled before if that is larger."""
        return max([values[-1], *self._pooled[-1:]])

    def cusum(self):
        """Return the largest sum so far."""
        return self.largest(self._sums)


_NEXT = {
    "mean": RunningScore.mean,
    "max": lambda running: running.largest(running.scores),
    "window": RunningScore.window,
    "first": lambda running: running.scores[0],
    "last": lambda running: running.scores[-1],
    "cusum": RunningScore.cusum,
    "shrunk_mean": RunningScore.shrunk_mean,
}
