# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which models can be read at all, and how far."""

import math
import sys

import torch
import transformers

from skperf.llm.model._modules import evaluating

# Where configurations say for how many tokens a model was made.
_CONTEXTS = ("max_position_embeddings", "max_seq_len")


def unwrapped(model):
    """Return the model of transformers inside a compiled one or a PeftModel.

    Raises
    ------
    TypeError
        If there is none.

    ValueError
        If peft puts something before the text, if the model has an encoder, or if it
        returns tuples.
    """
    model = _uncompiled(model)
    peft = sys.modules.get("peft")
    if peft and isinstance(model, peft.PeftModel):
        if not isinstance(model.base_model, peft.tuners.tuners_utils.BaseTuner):
            raise ValueError(
                "This PeftModel puts learnt states before a text, which are not read "
                "here. Only adapters inside the model can be read, such as LoRA."
            )
        model = _uncompiled(model.get_base_model())
    if not isinstance(model, transformers.PreTrainedModel):
        raise TypeError(
            "model should be a name or a model of transformers; got "
            f"{type(model).__name__}."
        )
    if model.config.is_encoder_decoder:
        raise ValueError(
            f"{type(model).__name__} has an encoder, and what it reads is not what it "
            "writes. Pass a decoder-only model for causal language modelling."
        )
    if not model.config.return_dict:
        raise ValueError(
            f"The configuration of this {type(model).__name__} asks for tuples, in "
            "which hidden states have no name. Set model.config.return_dict = True."
        )
    return model


def _uncompiled(model):
    compiler = sys.modules.get("torch._dynamo.eval_frame")
    if compiler and isinstance(model, compiler.OptimizedModule):
        return model._orig_mod  # noqa: SLF001 - torch has no other way back
    return model


def has_adapters(model):
    """Tell whether adapters of peft are in the model: its name is not all of it."""
    peft = sys.modules.get("peft")
    if not peft:
        return False
    layer = peft.tuners.tuners_utils.BaseTunerLayer
    return any(isinstance(module, layer) for module in model.modules())


def check_in_memory(model):
    """Raise unless all weights are in memory, where they can be compared."""
    if any(weight.is_meta for weight in model.parameters()):
        raise ValueError(
            "Weights of the model are offloaded and not in memory, so it cannot be "
            "told from other models. Load it without offloading."
        )


def context_of(config):
    """Return for how many tokens at most a model was made, or None.

    Where the scale of positions depends on the longest text of a batch, only short
    texts are read: else a text's score would depend on its neighbours.
    """
    found = [getattr(config, name, None) for name in _CONTEXTS]
    found.append(_short_context(config))
    return min((limit for limit in found if limit), default=None)


def _short_context(config):
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [rope, *(part for part in rope.values() if isinstance(part, dict))]
    if not any(kind.get("rope_type") == "longrope" for kind in kinds):
        return None
    limits = [kind.get("original_max_position_embeddings") for kind in kinds]
    limits.append(getattr(config, "original_max_position_embeddings", None))
    return min((limit for limit in limits if limit), default=None)


def rounding_of(dtype):
    """Return the relative rounding of a model; norms are float32 in float64 too."""
    return max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)


def check_causal(model, run):
    """Raise if what a token is read as depends on tokens after it.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The model.

    run : callable
        Makes hidden states of token numbers of shape (n_rows, n_tokens).
    """
    n_tokens = len(model.get_input_embeddings().weight)
    rows = torch.tensor([[0, 1, 2, 3, 4], [0, 1, 5, 6, 7]]) % n_tokens
    name = type(model).__name__
    try:
        with torch.no_grad(), evaluating(model):
            one, other = run(rows.to(model.device))[:, :2].double()
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"{name} cannot be run on tokens alone: {type(error).__name__}. Pass a "
            "model for causal language modelling that reads text and nothing else."
        ) from error
    size = torch.stack([one, other]).abs().max().item()
    coarse = 16 * rounding_of(model.dtype) * size
    # what is not finite is said where it is scored
    if math.isfinite(size) and not torch.allclose(one, other, rtol=0, atol=coarse):
        raise ValueError(
            f"{name} is not causal: what it makes of a token depends on the tokens "
            "after it, so a text's score would depend on its neighbours. Pass a model "
            "for causal language modelling; those of BERT's kind need is_decoder=True "
            "in their configuration."
        )
