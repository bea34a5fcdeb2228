# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Read a growing sequence of tokens, each token once."""

from inspect import signature
from itertools import groupby

import numpy as np
import torch

from skperf.llm.model._cache import States
from skperf.llm.model._forward import lower_body
from skperf.llm.model._head import log_normalizer
from skperf.llm.model._kinds import rounding_of
from skperf.llm.model._modules import evaluating
from skperf.llm.model._states import check_finite, telling_of_memory
from skperf.llm.streaming._memory import new_memory
from skperf.llm.text._batches import window_start
from skperf.llm.tuning._adapters import adapted_body

# Read in pieces, states differ by what thirty layers make of rounding; a lost memory
# makes them other states. A processor has made 96 roundings of SmolLM2's.
_ROUNDING = 512
_COARSEST = 0.5  # of the largest state, where a dtype is itself coarse


class Reader:
    """The language model's states at the end of a sequence that grows.

    What the model remembers of what was read is kept: keys and values, and states that
    run along. Sequences that are longer than the context are read in the windows of
    :func:`skperf.llm.text._batches.cut`, so that all states are those of a sequence
    that is read as a whole; a new window starts with half a window that is read again.

    Parameters
    ----------
    language_model : LanguageModel
        The model.

    layer : int or None
        The decoder layer to stop after; None means all of them.

    lora_weights : dict of str to torch.Tensor or None
        Adapters of the upper layers, if there are any.

    Raises
    ------
    ValueError
        If the model cannot be read token by token.
    """

    def __init__(self, language_model, layer=None, lora_weights=None):
        self._language_model = language_model
        self._model = language_model.model
        whole = layer is None
        self._body = self._model.base_model if whole else lower_body(self._model, layer)
        if lora_weights is not None:
            self._body = adapted_body(lora_weights, self._body)
        self._head = language_model.head if whole else None
        self._flag_token_id = language_model.flag_token_id
        self._max_length = language_model.max_length
        self._layer = layer
        # some models with states that run along do not find out for themselves
        self._tells = "position_ids" in signature(self._body.forward).parameters
        language_model.check_causal(layer)
        self._check_goes_on()
        self._restart(0)

    def _check_goes_on(self):
        """Raise unless tokens in pieces are read as they are at once."""
        if self._language_model.known_to_go_on(self._layer):
            return
        n_tokens = len(self._model.get_input_embeddings().weight)
        tokens = torch.arange(min(5, self._max_length)) % n_tokens
        reason = None
        try:
            with torch.no_grad(), evaluating(self._model):
                whole, pieces = self._in_both_ways(tokens)
            share = min(_ROUNDING * rounding_of(whole.dtype), _COARSEST)
            coarse = share * whole.abs().max().item()
            goes_on = not np.isfinite(coarse) or torch.allclose(
                whole, pieces, rtol=0, atol=coarse
            )
        except torch.OutOfMemoryError:
            raise
        except (
            AttributeError,
            LookupError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            goes_on, reason = False, error
        if not goes_on:
            raise ValueError(
                f"{type(self._model).__name__} does not keep what it has read in a "
                "cache that it can go on from, so it cannot be read token by token. "
                "Score whole texts with predict_proba."
            ) from reason
        self._language_model.note_goes_on(self._layer)

    def _in_both_ways(self, tokens):
        """Return states of tokens read at once, and in pieces with others between."""
        device = self._model.device
        whole = self._body(
            input_ids=tokens[None].to(device), use_cache=False, return_dict=True
        )
        self._restart(0)
        parts = [part for part in tokens.tensor_split((2, 3)) if len(part)]
        pieces = []
        for part in parts:
            n_before = self._stop
            self._read(tokens[-1:])
            self.forget(n_before)
            pieces.append(self._read(part))
        return whole.last_hidden_state[0], torch.cat(pieces)

    def _restart(self, start):
        self._start = self._stop = start  # the memory holds the tokens between
        self._memory = new_memory(self._model.config)

    def forget(self, n_kept):
        """Forget what was read after the first `n_kept` tokens, and maybe more."""
        if n_kept >= self._stop:
            return
        n_left = self._memory.crop(max(n_kept - self._start, 0))
        self._stop = self._start + n_left

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
        tokens = torch.as_tensor(tokens, device=self._model.device)
        try:
            states = [self._go_on(part) for part in self._memory.pieces(tokens)]
            self._memory.keep(self._stop - self._start)
        except BaseException:
            self._restart(self._start)  # some layers may have kept the tokens
            raise
        return torch.cat(states)

    def _go_on(self, tokens):
        n_before = self._stop - self._start
        places = torch.arange(n_before, n_before + len(tokens), device=tokens.device)
        out = self._body(
            input_ids=tokens[None],
            cache=self._memory.cache,
            use_cache=True,
            return_dict=True,
            **({"position_ids": places[None]} if self._tells else {}),
        )
        self._stop += len(tokens)
        return out.last_hidden_state[0]
