# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Run the lower and the upper layers of a model apart."""

from collections import OrderedDict
from copy import copy, deepcopy

import torch

from skperf.llm.model._forward import run_body
from skperf.llm.model._modules import decoder_layers, replace_module
from skperf.llm.text._batches import pad


class LayerRunner:
    """Run a model up to a layer, and return what that layer puts out.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A causal language model or its body. It is left as it is.

    layer : int
        The layer, counted from 1.
    """

    def __init__(self, model, layer):
        self.device = model.device
        self._found = {}
        name, layers = decoder_layers(model)
        last = copy(layers[layer - 1])
        last.training = False
        last.forward = _keeping(last.forward, self._found)
        kept = torch.nn.ModuleList([*layers[: layer - 1], last])
        self._body = replace_module(model.base_model, name, kept)

    def __call__(self, batch):
        """Return states of shape (n_windows, n_longest, n_hidden)."""
        output = self.run(pad(batch, self.device))
        return output[0] if isinstance(output, tuple) else output

    def run(self, tokens):
        """Return what the layer puts out, states or a tuple that starts with them."""
        run_body(self._body, tokens.to(self.device))
        return self._found.pop("output")


def _keeping(forward, found, key="output"):
    def keep(*args, **kwargs):
        found[key] = forward(*args, **kwargs)
        return found[key]

    return keep


class LayersRunner:
    """Run a model once, and return what follows each of some layers.

    That is what the model would give if it ended there: what the layer puts out, read
    through the model's last norm.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        A causal language model. It is left as it is.

    layers : list of int
        The layers, counted from 1.
    """

    def __init__(self, model, layers):
        self._layers, self._found = layers, {}
        name, modules = decoder_layers(model)
        kept = [
            self._watched(number, module) if number in layers else module
            for number, module in enumerate(modules[: max(layers)], start=1)
        ]
        lower = replace_module(model.base_model, name, torch.nn.ModuleList(kept))
        self._device = model.device
        self._run = lambda tokens: run_body(lower, tokens)
        self._end = UpperLayers(model.base_model, 0)

    def _watched(self, number, layer):
        watched = copy(layer)
        watched.training = False
        watched.forward = _keeping(watched.forward, self._found, number)
        return watched

    def __call__(self, batch):
        """Return states of shape (n_windows, n_longest, n_layers * n_hidden)."""
        self._run(pad(batch, self._device))
        outputs = [self._found.pop(layer) for layer in self._layers]
        states = [out[0] if isinstance(out, tuple) else out for out in outputs]
        return torch.cat([self._end(batch, list(some)) for some in states], dim=2)


class UpperLayers:
    """A body whose lower layers put out what they are given.

    All layers keep their number, which some bodies choose masks by. Modules are copies
    and so may be changed; weights are shared, and get no gradients.

    Parameters
    ----------
    body : transformers.PreTrainedModel
        The body of a causal language model. It is left as it is.

    n_layers : int
        The number of layers that compute.

    Attributes
    ----------
    body : transformers.PreTrainedModel
        The copy.

    n_given : int
        The number of layers that do not.

    path : str
        Name of the list of layers in the body.
    """

    def __init__(self, body, n_layers):
        self.path, layers = decoder_layers(body)
        self.n_given = max(len(layers) - n_layers, 0)
        self.device = body.device
        self._given = {}
        lower = [self._stub(layer) for layer in layers[: self.n_given]]
        kept = torch.nn.ModuleList([*lower, *layers[self.n_given :]])
        self.body = share(replace_module(body, self.path, kept)).eval()
        self._in_tuple = self.n_given and _puts_out_tuples(body)

    def _stub(self, layer):
        """Return a layer with the attributes of this one, but nothing to compute."""
        stub, given = copy(layer), self._given
        # torch's own tables, which a copy shares with its original
        stub._modules, stub._parameters, stub._buffers = {}, {}, {}  # noqa: SLF001
        stub._forward_hooks, stub._forward_pre_hooks = OrderedDict(), OrderedDict()  # noqa: SLF001
        stub.forward = lambda *args, **kwargs: given["output"]
        return stub

    def __call__(self, batch, outputs):
        """Return states after the last norm, of shape (n_windows, n_longest, n_hidden).

        Parameters
        ----------
        batch : list of Window
            Windows of texts.

        outputs : list of torch.Tensor
            What the last of the lower layers puts out for each window. Not used if all
            layers compute.
        """
        if self.n_given:
            outputs = [output.to(self.device) for output in outputs]
            padded = torch.nn.utils.rnn.pad_sequence(outputs, batch_first=True)
            self._given["output"] = (padded,) if self._in_tuple else padded
        return run_body(self.body, pad(batch, self.device))


def share(module):
    """Return a copy with the same weights in memory, which get no gradients."""
    memo = {id(buffer): buffer for buffer in module.buffers()}
    for weight in module.parameters():
        memo[id(weight)] = torch.nn.Parameter(weight.detach(), requires_grad=False)
    return deepcopy(module, memo)


def _puts_out_tuples(body):
    with torch.no_grad():
        token = torch.zeros((1, 1), dtype=torch.long)
        return isinstance(LayerRunner(body, 1).run(token), tuple)


class _FlagEmbedding(torch.nn.Module):
    """Embed the tokens of a model and one more, which is embedded as their mean."""

    def __init__(self, embedding):
        super().__init__()
        self.embedding = embedding
        self.n_tokens, device = len(embedding.weight), embedding.weight.device
        with torch.no_grad():
            tokens = torch.arange(self.n_tokens, device=device).split(4096)
            total = sum(embedding(some).double().sum(dim=0) for some in tokens)
        self.flag = (total / self.n_tokens).to(embedding.weight.dtype)

    def forward(self, tokens):
        known = (tokens < self.n_tokens)[..., None]
        embedded = self.embedding(tokens.clamp_max(self.n_tokens - 1))
        return torch.where(known, embedded, self.flag)


def reading_the_flag(body, flag_token_id):
    """Return a body that can read the flag, also if the flag is a new token."""
    embedding = body.get_input_embeddings()
    if flag_token_id < len(embedding.weight):
        return body
    named = body.named_modules()
    (name,) = (name for name, module in named if module is embedding)
    return replace_module(body, name, _FlagEmbedding(embedding))
