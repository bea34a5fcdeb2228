# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Load language models by name, and tell them apart."""

import hashlib
import json
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import torch
import transformers
from transformers.utils import logging

DTYPES = ("auto", "bfloat16", "float32", "float64")
# The state of the last call, and what differs between copies of the same model.
_SAMPLE = 64  # weights of each matrix in a fingerprint
_NO_RULES = {"padding", "truncation"}
_NO_CONFIG = {"_name_or_path", "transformers_version"}


def name_of(model):
    """Return a folder's full path, a name on the hub, or None."""
    name = model if isinstance(model, str | Path) else _name_of_loaded(model)
    if not name:
        return None
    return str(Path(name).absolute()) if Path(name).exists() else str(name)


def _name_of_loaded(model):
    if not isinstance(model, transformers.PreTrainedModel):
        raise TypeError(
            "model should be a name or a model of transformers; got "
            f"{type(model).__name__}."
        )
    return model.name_or_path


def load_model(name, dtype):
    """Load a causal language model, without code from elsewhere."""
    if dtype == "auto":
        dtype = "bfloat16" if _computes_in_bfloat16() else "float32"
    with _no_progress_bar():
        model = transformers.AutoModelForCausalLM.from_pretrained(
            name, dtype=getattr(torch, dtype), trust_remote_code=False
        )
    return model.eval()


@contextmanager
def _no_progress_bar():
    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()


def _computes_in_bfloat16():
    """Elsewhere bfloat16 is emulated, which takes longer than float32."""
    cpu = torch.cpu
    # torch tells these two in no other way
    return cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()  # noqa: SLF001


def load_tokenizer(name):
    """Load a tokenizer, without code from elsewhere."""
    loaded = transformers.AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    return own_tokenizer(loaded)


def own_tokenizer(tokenizer):
    """Return a copy: a tokenizer's settings change when it is used."""
    if not getattr(tokenizer, "is_fast", False):
        raise TypeError(
            f"{type(tokenizer).__name__} does not tell where in a text its tokens are. "
            "Use a fast tokenizer of transformers."
        )
    return deepcopy(tokenizer)


def digest(model, tokenizer):
    """Return a digest of a model's weights and configuration and of its tokenizer."""
    rules = json.loads(tokenizer.backend_tokenizer.to_str())
    rules["chat_template"] = tokenizer.chat_template
    config = model.config.to_dict()
    parts = hashlib.sha256()
    for part, left_out in ((rules, _NO_RULES), (config, _NO_CONFIG)):
        kept = {key: value for key, value in part.items() if key not in left_out}
        parts.update(json.dumps(kept, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        parts.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        parts.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return parts.hexdigest()


def fingerprint(model, tokenizer):
    """Return a digest of some of a model's weights and of the tokenizer's vocabulary.

    It takes no time, and is the same for all dtypes that the model is loaded in.
    """
    vocabulary = sorted(tokenizer.get_vocab().items())
    parts = hashlib.sha256(json.dumps([vocabulary, tokenizer.chat_template]).encode())
    for weight in model.parameters():
        flat = weight.detach().flatten()
        some = flat[:: max(len(flat) // _SAMPLE, 1)][:_SAMPLE].bfloat16().contiguous()
        parts.update(repr(tuple(weight.shape)).encode())
        parts.update(some.cpu().view(torch.uint8).numpy())
    return parts.hexdigest()
