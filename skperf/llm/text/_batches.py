# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Cut long texts into windows and put windows of like length into batches."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

# Hidden states of so many positions are in memory while texts are scored.
POSITIONS_AT_ONCE = 2**16
_PADDING = 1 / 32  # of a batch that has enough tokens


class Window(NamedTuple):
    """A stretch of a text that the language model reads at once.

    Attributes
    ----------
    text : int
        Number of the text.

    start : int
        Where in the text the window starts.

    tokens : ndarray of shape (n_tokens,)
        The stretch.

    scored : ndarray of shape (n_scored,)
        Where in `tokens` this window answers for the states.
    """

    text: int
    start: int
    tokens: np.ndarray
    scored: np.ndarray

    def __repr__(self):
        """Say how long it is, and not what is in it."""
        return f"Window(text={self.text}, start={self.start}, <{len(self.tokens)}>)"


def cut(number, text, max_length):
    """Return the windows of a text that answer for at least one scored position.

    Windows move on by half their length. Each position is answered for by the first
    window that holds it, so that it has seen all of the text before it, or at least
    half a window; how the text goes on makes no difference to it.
    """
    starts = window_start(text.scored, max_length)
    windows = []
    for start in np.unique(starts):
        scored = text.scored[starts == start]
        tokens = text.tokens[start : scored[-1] + 1]
        windows.append(Window(number, int(start), tokens, scored - start))
    return windows


def window_start(position, max_length):
    """Return where the first window that holds a position starts."""
    step = max(max_length // 2, 1)
    return np.maximum((position - max_length) // step + 1, 0) * step


def batches(windows, batch_tokens, enough=None):
    """Yield lists of windows, which hold at most `batch_tokens` when padded.

    A window that is longer than that is a batch of its own. A batch that has `enough`
    tokens, if that is given, takes no window that would make padding of many of them.
    """
    batch, n_tokens = [], 0
    for window in sorted(windows, key=lambda window: len(window.tokens)):
        # windows grow, so the newest one is what the others are padded to
        padded = len(window.tokens) * (len(batch) + 1)
        wasteful = padded - n_tokens - len(window.tokens) > _PADDING * padded
        busy = enough is not None and n_tokens >= enough
        if batch and (padded > batch_tokens or (busy and wasteful)):
            yield batch
            batch, n_tokens = [], 0
        batch.append(window)
        n_tokens += len(window.tokens)
    if batch:
        yield batch


def pad(batch, device):
    """Return token numbers of shape (n_windows, n_longest), padded on the right.

    A causal model does not look ahead, so what the padding is does not matter, and no
    mask is needed. Nobody waits for the device, which may have earlier batches to read.
    """
    return torch.nn.utils.rnn.pad_sequence(
        [torch.from_numpy(window.tokens) for window in batch], batch_first=True
    ).to(device, non_blocking=True)


def runs(lengths, size):
    """Return slices of neighbours whose lengths add up to about `size`."""
    if not len(lengths):
        return []
    filled = np.cumsum(lengths) // size
    bounds = [0, *np.flatnonzero(np.diff(filled)) + 1, len(filled)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]
