# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""LoRA adapters in copies of a model's upper layers."""

from threading import Lock

import numpy as np
import torch
from transformers.pytorch_utils import Conv1D

from skperf.llm.model._layers import UpperLayers
from skperf.llm.model._modules import decoder_layers, replace_module
from skperf.llm.model._states import compute_states, normalizer
from skperf.llm.text._texts import TokenizedText

_LOCK = Lock()  # a search may run in threads


class AdaptedLayers:
    """The upper layers of a language model, with adapters of peft.

    The model that is handed in gets no adapters: they are in copies of its modules,
    which share its weights.

    Parameters
    ----------
    body : transformers.PreTrainedModel
        The body of a causal language model. It is left as it is.

    n_layers : int
        The number of layers with adapters.

    rank : int
        Rank of the adapters. What they add to a weight is B @ A, not scaled.

    seed : int
        The seed of A; B starts with zeros.

    Attributes
    ----------
    n_given : int
        The number of layers below.

    body : transformers.PreTrainedModel
        The copy with the adapters; the layers below do not compute.
    """

    def __init__(self, body, n_layers, rank, seed=0):
        self._layers = UpperLayers(body, n_layers)
        self.n_given, self.body = self._layers.n_given, self._layers.body
        self._prefix = f"base_model.model.{body.base_model_prefix}."
        _inject(self._layers, rank)
        self.load(self._start(torch.Generator().manual_seed(seed)))

    def _start(self, generator):
        """Return peft's usual start: A is uniform as in a linear layer, and B is 0."""
        return {
            name: torch.zeros(weight.shape)
            if ".lora_B." in name
            else (2 * torch.rand(weight.shape, generator=generator) - 1)
            / weight.shape[1] ** 0.5
            for name, weight in self.parameters().items()
        }

    def parameters(self):
        """Return the adapters' weights by the names that peft saves them under."""
        return {
            self._prefix + name.replace(".default.", "."): weight
            for name, weight in self.body.named_parameters()
            if weight.requires_grad
        }

    def weights(self):
        """Return copies of the adapters' weights by name."""
        named = self.parameters().items()
        return {name: weight.detach().cpu().clone() for name, weight in named}

    def load(self, weights):
        """Take over weights that :meth:`weights` gave, or others of these shapes."""
        # small steps of coarse weights would be lost
        dtype = torch.promote_types(self.body.dtype, torch.float)
        for name in self.parameters():
            inside = name.removeprefix(self._prefix).removesuffix(".weight")
            weight = weights[name].to(self.body.device, dtype, copy=True)
            holder = self.body.get_submodule(f"{inside}.default")
            holder.weight = torch.nn.Parameter(weight)
        return self

    def __call__(self, batch, outputs):
        """Return the last hidden states of a batch; see UpperLayers."""
        return self._layers(batch, outputs)


def adapters_of(weights, body):
    """Put adapters with these weights into copies of a body's upper layers."""
    path, layers = decoder_layers(body)
    ranks = [w.shape[0] for name, w in weights.items() if ".lora_A." in name]
    first = min(_number(name, path) for name in weights)
    return AdaptedLayers(body, len(layers) - first, ranks[0]).load(weights)


def adapted_body(weights, body):
    """Return the whole body with adapters in its upper layers.

    It may be used as the body itself, also with a key-value cache.
    """
    path, layers = decoder_layers(body)
    adapted = adapters_of(weights, body)
    upper = decoder_layers(adapted.body)[1][adapted.n_given :]
    kept = torch.nn.ModuleList([*layers[: adapted.n_given], *upper])
    return replace_module(adapted.body, path, kept)


def _number(name, path):
    """Return the number of the layer that a weight belongs to."""
    return int(name.partition(f".{path}.")[2].partition(".")[0])


def reader(language_model, layer=None, lora_weights=None):
    """Return a function from texts to their states, with or without adapters."""
    if lora_weights is None:
        return lambda texts: language_model.states(texts, layer)
    layers = adapters_of(lora_weights, language_model.model.base_model)
    run = adapted_runner(language_model, layers)
    return lambda texts: compute_states(
        language_model, texts, run, normalize=normalizer(language_model)
    )


def adapted_runner(language_model, layers):
    """Return a function from windows to the states that adapted layers make of them.

    What the layers below put out comes from the language model's cache.
    """
    return lambda batch: layers(
        batch,
        lower_outputs(language_model, [window.tokens for window in batch], layers),
    )


def lower_outputs(language_model, tokens, layers):
    """Return what the layers below adapted ones put out for stretches of tokens."""
    if not layers.n_given:
        return []
    texts = [TokenizedText(part, np.arange(len(part)), None) for part in tokens]
    states = language_model.layer_outputs(texts, layers.n_given)
    return [part.hidden for part in states]


def _inject(layers, rank):
    peft = _import_peft()
    linear = _linear_maps(layers, peft)
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=rank,
        target_modules=list(linear),
        fan_in_fan_out=any(isinstance(m, Conv1D) for m in linear.values()),
    )
    # peft draws from torch's global generator; what it draws is replaced
    with _LOCK, torch.random.fork_rng(devices=[]):
        peft.inject_adapter_in_model(config, layers.body)


def _linear_maps(layers, peft):
    """Return the maps that adapters go into, by name."""
    inside = {
        name: module
        for name, module in layers.body.named_modules()
        if name.startswith(f"{layers.path}.")
    }
    if any(isinstance(m, peft.tuners.lora.LoraLayer) for m in inside.values()):
        raise ValueError(
            "The model has adapters already. Merge them into its weights first, with "
            "merge_and_unload, or load it without."
        )
    linear = {
        name: module
        for name, module in inside.items()
        if isinstance(module, torch.nn.Linear | Conv1D)
    }
    if not linear:
        raise ValueError(
            "The model's layers have no linear maps that adapters could be put into. "
            "Use tuning=TokenTuning()."
        )
    return linear


def _import_peft():
    try:
        import peft
    except ImportError as error:
        raise ImportError(
            "LoraTuning needs peft. Install it with: pip install skperf[llm]"
        ) from error
    return peft
