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
