# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Read texts with a causal transformer, or with the lower part of one."""

import numpy as np
import torch

from skperf.llm.model._cache import States, joined
from skperf.llm.model._memory import enough_tokens, home
from skperf.llm.model._modules import decoder_layers, evaluating, replace_module
from skperf.llm.text._batches import batches, cut, pad


def read(model, texts, *, run, normalize, max_length, batch_tokens):
    """Return the States of each text.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A causal language model. It is left as it is.

    texts : list of TokenizedText
        The texts.

    run : callable
        Makes hidden states of shape (n_windows, n_longest, n_hidden) of a list of
        windows, as what :func:`body_runner` gives.

    normalize : callable or None
        Makes log normalizers of hidden states of shape (n_positions, n_hidden); without
        it there are none.

    max_length, batch_tokens : int
        Limits of a window and of a padded batch.
    """
    windows = [w for i, text in enumerate(texts) for w in cut(i, text, max_length)]
    parts = [{} for _ in texts]
    n_positions = sum(len(text.scored) for text in texts)
    kept_at = None
    with torch.no_grad(), evaluating(model):
        for batch in batches(windows, batch_tokens, enough_tokens(model)):
            where = _scored(batch, model.device)
            hidden = run(batch)[where]
            logs = normalize and normalize(hidden)
            kept_at = kept_at or home(hidden, n_positions)
            for window, states in zip(
                batch, _split(batch, hidden, logs, kept_at), strict=True
            ):
                parts[window.text][window.start] = states
    # the copy lets go of the batch
    return [joined([part[start] for start in sorted(part)]) for part in parts]


def body_runner(model, layer=None):
    """Return a function from windows to states after the last norm."""
    run = tokens_runner(model, layer)
    return lambda batch: run(pad(batch, model.device))


def tokens_runner(model, layer=None):
    """Return a function from token numbers to states after the last norm."""
    body = model.base_model if layer is None else lower_body(model, layer)
    return lambda tokens: run_body(body, tokens)


def run_body(body, tokens):
    """Return the last hidden states."""
    return body(input_ids=tokens, use_cache=False, return_dict=True).last_hidden_state


def lower_body(model, layer):
    """Return the model's body without the layers above `layer`; it shares weights.

    What comes out has passed through the body's last norm, as after the full model.
    """
    check_layers(model, [layer])
    name, layers = decoder_layers(model)
    return replace_module(model.base_model, name, layers[:layer])


def check_layers(model, layers):
    """Raise unless the model has these layers."""
    n_layers = len(decoder_layers(model)[1])
    for layer in layers:
        if not 1 <= layer <= n_layers:
            raise ValueError(
                f"layer={layer} is none of the model's layers. Choose 1 to {n_layers}."
            )


def _scored(batch, device):
    """Return rows and columns of the scored positions of a batch, window by window."""
    columns = np.concatenate([window.scored for window in batch])
    rows = np.repeat(np.arange(len(batch)), [len(window.scored) for window in batch])
    where = torch.from_numpy(np.stack([rows, columns])).to(device, non_blocking=True)
    return where[0], where[1]


def _split(batch, hidden, log_normalizers, device):
    sizes = [len(window.scored) for window in batch]
    parts = hidden.to(device).split(sizes)
    if log_normalizers is None:
        return [States(part, None) for part in parts]
    pairs = zip(parts, log_normalizers.to(device).split(sizes), strict=True)
    return [States(*pair) for pair in pairs]
