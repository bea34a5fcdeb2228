# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Compute hidden states, and say what to do about what cannot be computed."""

from contextlib import contextmanager

import torch

from skperf.llm.model._cache import States, joined
from skperf.llm.model._forward import read
from skperf.llm.model._head import log_normalizer, positions_at_once
from skperf.llm.model._layers import LayersRunner
from skperf.llm.model._modules import decoder_layers
from skperf.llm.text._batches import POSITIONS_AT_ONCE, runs


def compute_states(language_model, texts, run, *, normalize=None):
    """Compute hidden states, without the cache.

    Parameters
    ----------
    language_model : LanguageModel
        The handle.

    texts : list of TokenizedText
        The texts.

    run : callable
        Makes hidden states of a list of windows.

    normalize : callable, default=None
        Makes log normalizers of hidden states; None means that there are none.

    Returns
    -------
    states : list of States
        Hidden states and log normalizers at the scored positions of each text.

    Raises
    ------
    MemoryError
        If a batch does not fit in memory.

    ValueError
        If a state is not finite.
    """
    with telling_of_memory(language_model):
        states = read(
            language_model.model,
            texts,
            run=run,
            normalize=normalize,
            max_length=language_model.max_length,
            batch_tokens=language_model.tokens_in_batch,
        )
    check_finite(states)
    return states


def normalizer(language_model):
    """Return a function from last hidden states to their log normalizers."""
    head, flag_token_id = language_model.head, language_model.flag_token_id
    at_once = positions_at_once(head)
    return lambda hidden: log_normalizer(head, hidden, flag_token_id, at_once)


def compute_layers(language_model, texts, layers):
    """Compute what follows each of some layers, in one pass and without the cache.

    Parameters
    ----------
    language_model : LanguageModel
        The handle.

    texts : list of TokenizedText
        The texts.

    layers : list of int or None
        The layers, counted from 1; None for the whole model, with normalizers.

    Returns
    -------
    states : dict of int or None to list of States
        For each layer the states of each text.
    """
    depth = len(decoder_layers(language_model.model)[1])
    numbers = sorted({depth if layer is None else layer for layer in layers})
    run = LayersRunner(language_model.model, numbers)
    normalize = None
    if None in layers:
        normalize = _of_last(normalizer(language_model), len(numbers))
    together = compute_states(language_model, texts, run, normalize=normalize)
    parts = [text.hidden.chunk(len(numbers), dim=1) for text in together]
    found = {
        number: [States(part[i].contiguous(), None) for part in parts]
        for i, number in enumerate(numbers)
    }
    if None in layers:
        logs = [text.log_normalizer for text in together]
        pairs = zip(found[depth], logs, strict=True)
        found[None] = [States(part.hidden, log) for part, log in pairs]
    return {layer: found[layer] for layer in layers}


def _of_last(normalize, n_layers):
    return lambda together: normalize(together.chunk(n_layers, dim=1)[-1])


@contextmanager
def telling_of_memory(language_model):
    """Say what to do if there is not enough memory inside."""
    try:
        yield
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise MemoryError(
            f"A batch of {language_model.tokens_in_batch} tokens, with texts of up to "
            f"{language_model.max_length}, does not fit in memory. Make the "
            "LanguageModel with smaller batch_tokens or max_length."
        ) from error


def _is_out_of_memory(error):
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ("can't allocate memory", "not enough memory")
    )


def check_tokens(language_model, tokens):
    """Raise unless the model knows all token numbers of an array."""
    n_tokens = language_model.model.get_input_embeddings().weight.shape[0]
    unknown = tokens[(tokens < 0) | (tokens >= n_tokens)]
    if len(unknown):
        raise ValueError(
            f"The tokenizer gave the token {unknown.max()}, but the model knows only "
            f"{n_tokens} tokens. Pass the tokenizer that belongs to the model."
        )


def check_finite(states):
    """Raise unless all States in a list are finite: others are no scores."""
    # asked for many at a time: to ask for each text would be to wait for the device
    parts = runs([len(text.hidden) for text in states], POSITIONS_AT_ONCE)
    n_bad = sum(_n_not_finite(states[part]) for part in parts)
    if n_bad:
        raise ValueError(
            f"The model's hidden states of {n_bad} texts are not finite, so these "
            "texts cannot be scored. Load the model in another dtype."
        )


def _n_not_finite(states):
    every = joined(states)
    finite = every.hidden.isfinite().all(dim=1)
    if every.log_normalizer is not None:
        finite &= every.log_normalizer.isfinite()
    if finite.all():
        return 0
    parts = finite.split([len(text.hidden) for text in states])
    return sum(not part.all() for part in parts)
