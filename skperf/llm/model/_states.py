# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Compute hidden states, and say what to do about what cannot be computed."""

from contextlib import contextmanager

import torch

from skperf.llm.model._cache import States
from skperf.llm.model._forward import read
from skperf.llm.model._layers import LayersRunner


def compute_states(language_model, texts, run, *, with_head=True):
    """Compute hidden states, without the cache.

    Parameters
    ----------
    language_model : LanguageModel
        The handle.

    texts : list of TokenizedText
        The texts.

    run : callable
        Makes hidden states of a list of windows.

    with_head : bool, default=True
        Whether there are to be normalizers.

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
            head=language_model.head if with_head else None,
            flag_token_id=language_model.flag_token_id,
            max_length=language_model.max_length,
            batch_tokens=language_model.tokens_in_batch,
        )
    check_finite(states)
    return states


def compute_layers(language_model, texts, layers):
    """Compute what follows each of some layers, in one pass and without the cache.

    Returns
    -------
    states : dict of int to list of States
        For each layer the hidden states of each text, without normalizers.
    """
    run = LayersRunner(language_model.model, layers)
    joined = compute_states(language_model, texts, run, with_head=False)
    parts = [text.hidden.chunk(len(layers), dim=1) for text in joined]
    return {
        layer: [States(part[i].contiguous(), None) for part in parts]
        for i, layer in enumerate(layers)
    }


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
    # asked for once: to ask for each text would be to wait for the device so often
    n_bad = sum(_not_finite(part) for part in states)
    if n_bad:
        raise ValueError(
            f"The model's hidden states of {int(n_bad)} texts are not finite, so these "
            "texts cannot be scored. Load the model in another dtype."
        )


def _not_finite(states):
    sums = [tensor.isfinite().all() for tensor in states if tensor is not None]
    return (~torch.stack(sums).all()).int()
