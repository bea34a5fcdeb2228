# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Read hidden states where no cache has them."""

from skperf.llm.model._cache import DiskCache, MemoryCache, NoCache, state_key
from skperf.llm.model._forward import body_runner, check_layers, tokens_runner
from skperf.llm.model._kinds import check_causal
from skperf.llm.model._layers import LayerRunner
from skperf.llm.model._states import (
    compute_layers,
    compute_states,
    normalizer,
    telling_of_memory,
)
from skperf.llm.text._batches import runs

_CACHE_BYTES = 2**29
_TOKENS_AT_ONCE = 2**16


class CachedStatesMixin:
    """Hidden states of texts, from the cache or computed."""

    def states(self, texts, layer=None):
        """Return the hidden states of texts, from the cache where it has them.

        Parameters
        ----------
        texts : list of TokenizedText
            What :meth:`tokenize` gave.

        layer : int, default=None
            Stop after this layer, counted from 1, and read its output through the
            model's last norm. None means all layers, and the head for the normalizer.

        Returns
        -------
        states : list of States
            Hidden states and log normalizers at the scored positions of each text.

        Raises
        ------
        MemoryError
            If a batch does not fit in memory.

        ValueError
            If the model has no such layer, or no head, if it is not causal, or if a
            state is not finite.
        """

        def compute(missing):
            self.check_causal(layer)
            run = body_runner(self.model, layer)
            normalize = normalizer(self) if layer is None else None
            return compute_states(self, missing, run, normalize=normalize)

        return self._recall(texts, layer, compute)

    def check_causal(self, layer=None):
        """Raise a ValueError if the model looks ahead.

        Parameters
        ----------
        layer : int, default=None
            The layer up to which it is run; None means all.
        """
        if layer not in self._causal:
            with telling_of_memory(self):
                check_causal(self.model, tokens_runner(self.model, layer))
            self._causal.add(layer)

    def known_to_go_on(self, layer):
        """Tell whether it is known that the model can be read token by token.

        Parameters
        ----------
        layer : int or None
            The layer up to which it is read; None means all.

        Returns
        -------
        known : bool
            Whether :meth:`note_goes_on` was called for the layer.
        """
        return layer in self._going_on

    def note_goes_on(self, layer):
        """Take note that the model can be read token by token.

        Parameters
        ----------
        layer : int or None
            The layer up to which it is read; None means all.
        """
        self._going_on.add(layer)

    def layer_outputs(self, texts, layer):
        """Return what a layer puts out, without the last norm, also from the cache.

        Parameters
        ----------
        texts : list of TokenizedText
            Texts no longer than `max_length`.

        layer : int
            The layer, counted from 1.

        Returns
        -------
        states : list of States
            Hidden states at the scored positions, without normalizers.
        """
        run = LayerRunner(self.model, layer)
        return self._recall(
            texts,
            f"output of {layer}",
            lambda missing: compute_states(self, missing, run),
        )

    def cache_layers(self, texts, layers):
        """Read several layers in one pass, and put their states into the cache.

        What reads these layers later finds them there: a search over `layer` costs one
        pass through the highest of them. The cache should have room for all.

        Parameters
        ----------
        texts : list of TokenizedText
            What :meth:`tokenize` gave.

        layers : list of int or None
            The layers, counted from 1; None for the whole model.

        Raises
        ------
        ValueError
            If there is no cache, or if the model has no such layer.
        """
        if isinstance(self._cache, NoCache):
            raise ValueError("There is nowhere to keep states: cache=None.")
        check_layers(self.model, [k for k in layers if k is not None])
        for layer in layers:
            self.check_causal(layer)
        key_of = {layer: self._key_of(layer) for layer in layers}
        keyed = {key_of[layers[0]](text): text for text in texts}
        missing = [
            text
            for text in keyed.values()
            if any(self._cache.get(key(text)) is None for key in key_of.values())
        ]
        lengths = [len(text.tokens) * len(layers) for text in missing]
        for part in runs(lengths, _TOKENS_AT_ONCE):
            computed = compute_layers(self, missing[part], layers)
            for layer, states in computed.items():
                for text, some in zip(missing[part], states, strict=True):
                    self._cache.put(key_of[layer](text), some)

    def _recall(self, texts, context, compute):
        key_of = self._key_of(context)
        keys = [key_of(text) for text in texts]
        unique = dict(zip(keys, texts, strict=True))
        found = {key: self._cache.get(key) for key in unique}
        missing = [key for key in unique if found[key] is None]
        # in parts, so that what was read is kept when reading is interrupted
        lengths = [len(unique[key].tokens) for key in missing]
        for part in runs(lengths, _TOKENS_AT_ONCE):
            computed = compute([unique[key] for key in missing[part]])
            for key, states in zip(missing[part], computed, strict=True):
                found[key] = states
                self._cache.put(key, states)
        return [found[key] for key in keys]

    def _key_of(self, context):
        """Return a function from texts to the keys of their states."""
        model = self.digest() if isinstance(self._cache, DiskCache) else ""
        max_length = self.max_length
        return lambda text: state_key(text, model, context, max_length)


def make_cache(cache):
    """Return the cache for "memory", None or a folder."""
    if cache is None:
        return NoCache()
    return MemoryCache(_CACHE_BYTES) if cache == "memory" else DiskCache(cache)
