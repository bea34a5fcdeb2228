# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Positions at which texts are trained on, drawn anew in each epoch."""

from typing import NamedTuple

import numpy as np

from skperf.llm.text._batches import cut
from skperf.llm.text._texts import TokenizedText

# More positions of a text would cost more than they would tell.
_POSITIONS = 16


class Passage(NamedTuple):
    """A text, or a window of a long one.

    Attributes
    ----------
    text : TokenizedText
        Tokens, no more than the language model reads at once.

    n_before : int
        The number of scored tokens in the windows before.

    flagged : bool
        Whether the flag belongs to the text.

    weight : float
        The passage's share of the text's weight.
    """

    text: TokenizedText
    n_before: int
    flagged: bool
    weight: float


class Sample(NamedTuple):
    """What a step of training reads of a passage.

    Attributes
    ----------
    passage : int
        Number of the passage.

    tokens : ndarray of shape (n_tokens,)
        What is read.

    flag_at : ndarray of int
        Where in `tokens` the flag should be raised.

    keep_at : ndarray of int
        Where the next token should be as likely as it was.

    reference : ndarray of int
        Numbers of the scored positions that `keep_at` is compared with.

    fed_back : bool
        Whether the flag is among `tokens`.
    """

    passage: int
    tokens: np.ndarray
    flag_at: np.ndarray
    keep_at: np.ndarray
    reference: np.ndarray
    fed_back: bool = False


def passages(texts, flagged, weight, max_length):
    """Return the passages of the texts that have any weight."""
    found = []
    for i in np.flatnonzero(weight):
        n_before, n_scored = 0, len(texts[i].scored)
        for window in cut(i, texts[i], max_length):
            share = weight[i] * len(window.scored) / n_scored
            text = TokenizedText(window.tokens, window.scored, None)
            found.append(Passage(text, n_before, bool(flagged[i]), share))
            n_before += len(window.scored)
    return found


def draw(number, passage, rng, *, min_offset, feed_back, flag_token_id):
    """Return a Sample of a passage."""
    if not passage.flagged:
        return _draw_benign(number, passage.text, rng)
    n_scored = len(passage.text.scored)
    start = min(max(min_offset - passage.n_before, 0), n_scored - 1)
    end = rng.randint(start, n_scored)
    sample = _draw_flagged(number, passage.text, rng, start, end)
    if feed_back:
        sample = _feed_back(sample, passage.text, rng, end, flag_token_id)
    return sample


def _draw_benign(number, text, rng):
    chosen = _some(rng, 0, len(text.scored))
    at = text.scored[chosen]
    nothing = np.empty(0, dtype=int)
    return Sample(number, text.tokens[: at[-1] + 1], nothing, at, chosen)


def _draw_flagged(number, text, rng, start, end):
    at = text.scored[_some(rng, start, end + 1)]
    nothing = np.empty(0, dtype=int)
    return Sample(number, text.tokens[: text.scored[end] + 1], at, nothing, nothing)


def _feed_back(sample, text, rng, end, flag_token_id):
    """Put the flag behind the end, and what the text goes on with behind the flag."""
    n_read = len(sample.tokens)
    chosen = _some(rng, end, len(text.scored))
    # the flag stands for the position at the end: both come before the same token
    at = np.where(chosen == end, n_read, text.scored[chosen] + 1)
    tokens = np.insert(text.tokens, n_read, flag_token_id)[: at[-1] + 1]
    return sample._replace(tokens=tokens, keep_at=at, reference=chosen, fed_back=True)


def _some(rng, start, stop):
    """Return some whole numbers of a range, in order and without repeats."""
    n_chosen = min(stop - start, _POSITIONS)
    return np.sort(start + rng.choice(stop - start, size=n_chosen, replace=False))


def steps(lengths, batch_size, rng):
    """Return arrays of numbers, one array a step, of things of about equal length.

    All numbers come once, in random order. Those of some steps together are sorted by
    length, and so need little padding.
    """
    order = rng.permutation(len(lengths))
    pools = np.split(order, range(16 * batch_size, len(order), 16 * batch_size))
    found = []
    for pool in pools:
        by_length = pool[np.argsort(lengths[pool], kind="stable")]
        found += np.split(by_length, range(batch_size, len(pool), batch_size))
    return [found[i] for i in rng.permutation(len(found))]
