# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a model remembers of the tokens it has read, and how it forgets the last."""

from collections import deque
from copy import deepcopy

from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

# Texts are tokenised anew as they grow, which changes the last tokens: those of so many
# pieces can be forgotten without reading all that came before again.
_N_COPIES = 3


def new_memory(config):
    """Return an empty memory for a model.

    A full memory of keys and values can be cut anywhere. Models with other layers have
    states that run along, which cannot.
    """
    cache = _cache_of(config)
    kinds = {DynamicLayer, DynamicSlidingWindowLayer}
    if cache is None or {type(part) for part in cache.layers} <= kinds:
        return KeysAndValues()
    # masks know how far back a layer looks
    full = {DynamicSlidingWindowLayer: DynamicLayer}
    cache.layers = [full.get(type(part), lambda p=part: p)() for part in cache.layers]
    return RunningStates(cache)


def _cache_of(config):
    try:
        return DynamicCache(config=config)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # the configuration does not tell


class KeysAndValues:
    """Keys and values of all tokens.

    Attributes
    ----------
    cache : transformers.DynamicCache
        What the model is given.
    """

    def __init__(self):
        self.cache = DynamicCache()
        self._n_read = 0

    def pieces(self, tokens):
        """Return the pieces that the next tokens are read in."""
        return [tokens]

    def keep(self, n_read):
        """Take note of how many tokens there are."""
        self._n_read = n_read

    def crop(self, n_kept):
        """Forget all but some tokens, and return how many are left."""
        if n_kept == 0:
            self.__init__()
        elif n_kept < self._n_read:
            self.cache.crop(n_kept - self._n_read)
            self._n_read = n_kept
        return self._n_read


class RunningStates:
    """States that run along, and maybe keys and values too.

    Parameters
    ----------
    cache : transformers.DynamicCache
        As the model makes it, and empty.
    """

    def __init__(self, cache):
        self.cache = cache
        self._copies = deque([(0, deepcopy(cache))], maxlen=_N_COPIES)
        self._empty = deepcopy(cache)

    def pieces(self, tokens):
        """Return the pieces that the next tokens are read in.

        Such models go on from a state by one token at a time only.
        """
        return tokens.split(1) if self._copies[-1][0] else [tokens]

    def keep(self, n_read):
        """Keep a copy, to go back to."""
        self._copies.append((n_read, deepcopy(self.cache)))

    def crop(self, n_kept):
        """Go back to the last copy with no more tokens, and return how many it has."""
        while self._copies and self._copies[-1][0] > n_kept:
            self._copies.pop()
        if not self._copies:
            self._copies.append((0, self._empty))
        n_left, cache = self._copies[-1]
        self.cache = deepcopy(cache)
        return n_left
