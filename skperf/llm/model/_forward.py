# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Read texts with a causal transformer, or with the lower part of one."""

from contextlib import contextmanager
from copy import copy

import torch

from skperf.llm.model._cache import States
from skperf.llm.text._batches import batches, cut, pad

# The head turns so many hidden states into logits at once: 2**24 logits are 64 MB.
_LOGITS_AT_ONCE = 2**24


def read(model, texts, *, run, head, flag_token_id, max_length, batch_tokens):
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

    head : torch.nn.Module or None
        What :func:`output_head` gave; without it there are no normalizers.

    flag_token_id : int
        The token that the normalizer leaves out, if the head has it.

    max_length, batch_tokens : int
        Limits of a window and of a padded batch.
    """
    windows = [w for i, text in enumerate(texts) for w in cut(i, text, max_length)]
    parts = [{} for _ in texts]
    with torch.no_grad(), evaluating(model):
        for batch in batches(windows, batch_tokens):
            hidden = _scored(run(batch), batch)
            logs = head and log_normalizer(head, hidden, flag_token_id)
            for window, states in zip(batch, _split(batch, hidden, logs), strict=True):
                parts[window.text][window.start] = states
    return [_join([part[start] for start in sorted(part)]) for part in parts]


def body_runner(model, layer=None):
    """Return a function from windows to states after the last norm."""
    body = model.base_model if layer is None else lower_body(model, layer)
    return lambda batch: run_body(body, pad(batch).to(model.device))


def run_body(body, tokens):
    """Return the last hidden states."""
    return body(input_ids=tokens, use_cache=False).last_hidden_state


def lower_body(model, layer):
    """Return the model's body without the layers above `layer`; it shares weights.

    What comes out has passed through the body's last norm, as after the full model.
    """
    name, layers = decoder_layers(model)
    if not 1 <= layer <= len(layers):
        raise ValueError(
            f"layer={layer} is none of the model's layers. Choose 1 to {len(layers)}."
        )
    return replace_module(model.base_model, name, layers[:layer])


def replace_module(body, name, module):
    """Return the body with another module of this name; it shares all others."""
    body = copy(body)
    owner, _, leaf = name.rpartition(".")
    parent = body
    for part in owner.split(".") if owner else []:
        child = copy(parent.get_submodule(part))
        _put(parent, part, child)
        parent = child
    _put(parent, leaf, module)
    return body


def _put(parent, name, module):
    # setattr would write into torch's table, which a copy shares with its original
    parent._modules = {**parent._modules, name: module}  # noqa: SLF001


def decoder_layers(model):
    """Return the name, inside the body, and the list of the decoder layers."""
    n_layers = model.config.get_text_config().num_hidden_layers
    for name, module in model.base_model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_layers:
            return name, module
    raise ValueError(
        f"No list of {n_layers} layers was found in {type(model).__name__}, so it "
        "cannot be left early. Use layer=None."
    )


def output_head(model):
    """Return the module that makes logits of the last hidden states."""
    head = model.get_output_embeddings()
    if head is None:
        raise ValueError(
            f"{type(model).__name__} has no output head, so a flag cannot compete with "
            "other tokens. Load a model for causal language modelling, or choose a "
            "layer, which needs no head."
        )
    if not _makes_logits(head, model):
        raise ValueError(
            f"{type(model).__name__} transforms the logits of its output head, which "
            "is not supported. Choose a layer, which needs no head."
        )
    return head


def _makes_logits(head, model):
    """Tell by a few tokens whether logits are not scaled or squashed after the head."""
    n_tokens = min(8, model.get_input_embeddings().weight.shape[0])
    tokens = torch.arange(n_tokens, device=model.device)[None]
    with torch.no_grad(), evaluating(model):
        logits = model(tokens, use_cache=False).logits
        hidden = model.base_model(tokens, use_cache=False).last_hidden_state
        made = head(hidden).double()
        return torch.allclose(made, logits.double(), rtol=0, atol=0, equal_nan=True)


@contextmanager
def evaluating(model):
    """Switch dropout off inside, and leave every module as it was."""
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def log_normalizer(head, hidden, flag_token_id):
    """Return log sum_v exp(z_v) over all tokens but the flag, of shape (n,).

    Logits are made for some positions at a time, and never for all of a batch.
    """
    parts = []
    for some in hidden.split(positions_at_once(head)):
        logits = head(some)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        logits[:, flag_token_id : flag_token_id + 1] = -torch.inf
        parts.append(logits.logsumexp(dim=1))
    return torch.cat(parts).cpu()


def positions_at_once(head):
    """Return for how many positions logits are made at a time."""
    return max(_LOGITS_AT_ONCE // head.weight.shape[0], 1)


def _scored(hidden, batch):
    """Return the hidden states at the scored positions of a batch, window by window."""
    scored = [torch.from_numpy(window.scored).to(hidden.device) for window in batch]
    return torch.cat([row[where] for row, where in zip(hidden, scored, strict=True)])


def _split(batch, hidden, log_normalizers):
    sizes = [len(window.scored) for window in batch]
    parts = hidden.cpu().split(sizes)
    if log_normalizers is None:
        return [States(part, None) for part in parts]
    pairs = zip(parts, log_normalizers.split(sizes), strict=True)
    return [States(*pair) for pair in pairs]


def _join(states):
    """Put the windows of a text together; the copy lets go of the batch."""
    hidden = torch.cat([part.hidden for part in states])
    if states[0].log_normalizer is None:
        return States(hidden, None)
    return States(hidden, torch.cat([part.log_normalizer for part in states]))
