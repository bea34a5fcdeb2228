# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""GenerationReport: what was written, and the flag in it."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit


class GenerationReport(NamedTuple):
    """What a call of generate has written, and the flag in it.

    Parameters
    ----------
    sequences : torch.Tensor of shape (n_rows, n_tokens)
        What generate returned. If it stops at a flag, flagged rows have padding in
        place of all that was written.

    log_odds : ndarray of shape (n_rows, n_written)
        The flag's after each token that was written; nan where that is no text.

    probability : ndarray of shape (n_rows,)
        Of the flagged class, for the whole text; nan if nothing was written.

    flagged : ndarray of shape (n_rows,)
        Which rows were flagged.

    Examples
    --------
    The places of what was written for the rows that were not flagged:

    >>> import numpy as np
    >>> import torch
    >>> from skperf.llm import GenerationReport
    >>> report = GenerationReport(
    ...     sequences=torch.tensor([[1, 2, 3], [1, 0, 0]]),
    ...     log_odds=np.array([[-4.0, -3.0], [-1.0, 2.0]]),
    ...     probability=np.array([0.1, 0.9]),
    ...     flagged=np.array([False, True]),
    ... )
    >>> report.sequences[torch.from_numpy(~report.flagged)].tolist()
    [[1, 2, 3]]
    """

    sequences: torch.Tensor
    log_odds: np.ndarray
    probability: np.ndarray
    flagged: np.ndarray


def judge(log_odds, text_score, threshold, looks_at_all):
    """Return the probability of a text, and whether it is flagged.

    Parameters
    ----------
    log_odds : ndarray of shape (n_written,)
        The flag's after each token; nan where that is no text.

    text_score, threshold, looks_at_all : TextScore, float, bool
        As in Exported.
    """
    scores = log_odds[~np.isnan(log_odds)]
    if not len(scores):
        return np.nan, False
    prefixes = text_score.prefixes(scores)
    decisive = prefixes.max() if looks_at_all else prefixes[-1]
    return expit(prefixes[-1]), decisive > threshold
