# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Read a growing sequence of tokens, each token once."""

from itertools import groupby

import torch
from transformers import DynamicCache

from skperf.llm.model._cache import States
from skperf.llm.model._forward import lower_body
from skperf.llm.model._head import log_normalizer
from skperf.llm.model._modules import evaluating
from skperf.llm.model._states import check_finite, telling_of_memory
from skperf.llm.text._batches import window_start
from skperf.llm.tuning._adapters import adapted_body


class Reader:
    """The language model's states at the end of a sequence that grows.

    Keys and values of what was read are kept. Sequences that are longer than the
    context are read in the windows of :func:`skperf.llm.text._batches.cut`, so that all
    states are those of a sequence that is read as a whole; a new window starts with
    half a window that is read again.

    Parameters
    ----------
    language_model : LanguageModel
        The model.

    layer : int or None
        The decoder layer to stop after; None means all of them.

    lora_weights : dict of str to torch.Tensor or None
        Adapters of the upper layers, if there are any.
    """

    def __init__(self, language_model, layer=None, lora_weights=None):
        self._language_model = language_model
        self._model = language_model.model
        if getattr(self._model, "_is_stateful", False):
            raise ValueError(
                f"{type(self._model).__name__} keeps a running state instead of keys "
                "and values, so it cannot be read token by token here. Score whole "
                "texts with predict_proba."
            )
        whole = layer is None
        self._body = self._model.base_model if whole else lower_body(self._model, layer)
        if lora_weights is not None:
            self._body = adapted_body(lora_weights, self._body)
        self._head = language_model.head if whole else None
        self._flag_token_id = language_model.flag_token_id
        self._max_length = language_model.max_length
        self._restart(0)

    def _restart(self, start):
        self._start = self._stop = start  # the cache holds the tokens between
        self._cache = DynamicCache()

    def forget(self, n_kept):
        """Forget what was read after the first `n_kept` tokens."""
        if n_kept >= self._stop:
            return
        if n_kept <= self._start:
            self._restart(self._start)
        else:
            self._cache.crop(n_kept - self._stop)
            self._stop = n_kept

    def states(self, tokens, scored):
        """Return the States at some positions, and read the tokens up to them.

        Parameters
        ----------
        tokens : sequence of int
            The sequence. What was read of it before, and not forgotten, is taken to be
            the same.

        scored : sequence of int
            The positions, in ascending order.
        """
        memory = telling_of_memory(self._language_model)
        with memory, torch.no_grad(), evaluating(self._model):
            states = self._states(tokens, scored)
        check_finite([states])
        return states

    def _states(self, tokens, scored):
        parts = []
        windows = groupby(scored, lambda i: int(window_start(i, self._max_length)))
        for start, positions in windows:
            positions = list(positions)
            if start != self._start:
                self._restart(start)
            self.forget(positions[0])
            first = self._stop
            hidden = self._read(tokens[first : positions[-1] + 1])
            parts.append(hidden[[position - first for position in positions]])
        hidden = torch.cat(parts)
        head = self._head
        logs = head and log_normalizer(head, hidden, self._flag_token_id)
        return States(hidden.cpu(), logs)

    def _read(self, tokens):
        """Return the hidden states of the next tokens."""
        try:
            out = self._body(
                input_ids=torch.as_tensor(tokens, device=self._model.device)[None],
                cache=self._cache,
                use_cache=True,
            )
            self._stop += len(tokens)
            self._check_cache()
        except BaseException:
            self._restart(self._start)  # some layers may have kept the tokens
            raise
        return out.last_hidden_state[0]

    def _check_cache(self):
        if self._cache.get_seq_length() != self._stop - self._start:
            raise ValueError(
                f"{type(self._model).__name__} does not keep keys and values, so it "
                "cannot be read token by token. Score whole texts with predict_proba."
            )
