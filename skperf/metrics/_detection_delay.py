# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How soon a detector that watches a text raises an alarm."""

import numpy as np


def detection_delay(scores, threshold, *, relative=False):
    """Return after how many looks each text's score is first above a threshold.

    Parameters
    ----------
    scores : iterable of length n_samples of array-like of shape (n_looks,)
        Scores of each text so far, in the order of the looks, for example after each
        token; as many looks as each text has.

    threshold : float or array-like of shape (n_samples,)
        What a score must be above, for all texts or for each.

    relative : bool, default=False
        Whether to divide by the number of looks that the text has.

    Returns
    -------
    delay : ndarray of shape (n_samples,)
        Counted from 1; inf for texts that never pass the threshold.

    Raises
    ------
    ValueError
        If a score or threshold is nan, or if a text has no scores.

    Notes
    -----
    The share of positive texts with ``delay <= k`` is the recall by look k, and that
    of the others the rate of false alarms by then. The median over positive texts is
    inf if fewer than half are ever found, as it should be: a mean of those found gets
    better when the slow ones are missed.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.metrics import detection_delay
    >>> delay = detection_delay([[0, 2, 5], [1, 1], [3, 0, 0, 0]], threshold=1.5)
    >>> delay
    array([ 2., inf,  1.])
    >>> np.mean(delay <= 1).round(2)  # found at the first look
    np.float64(0.33)
    """
    rows = [np.asarray(row, dtype=float) for row in scores]
    threshold = np.asarray(threshold, dtype=float)
    if threshold.shape not in ((), (len(rows),)):
        raise ValueError(
            f"threshold should be one number, or one for each of {len(rows)} texts; "
            f"got shape {threshold.shape}."
        )
    if np.isnan(threshold).any():
        raise ValueError("threshold should not be nan.")
    _check_rows(rows)
    limits = np.broadcast_to(threshold, len(rows))
    first = [_first(row > limit) for row, limit in zip(rows, limits, strict=True)]
    n_looks = [len(row) for row in rows]
    return np.divide(first, n_looks if relative else 1)


def _check_rows(rows):
    for i, row in enumerate(rows):
        if row.ndim != 1 or not len(row) or np.isnan(row).any():
            raise ValueError(
                f"scores should hold one score or more for each text, none of them "
                f"nan; text {i} has shape {row.shape} and {np.isnan(row).sum()} nan."
            )


def _first(alarms):
    return np.argmax(alarms) + 1.0 if alarms.any() else np.inf
