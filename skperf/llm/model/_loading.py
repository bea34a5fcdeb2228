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

from skperf.llm.model._kinds import check_in_memory, unwrapped

DTYPES = ("auto", "bfloat16", "float16", "float32", "float64")
# The state of the last call, and what differs between copies of the same model.
_SAMPLE = 64  # weights of each matrix in a fingerprint
_NO_RULES = {"padding", "truncation"}
_NO_CONFIG = {"_name_or_path", "transformers_version"}
# What has no influence on hidden states.
_NO_INFLUENCE = _NO_CONFIG | {
    "architectures",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "pad_token_id",
    "use_cache",
}


def name_of(model):
    """Return a folder's full path, a name on the hub, or None."""
    name = model if isinstance(model, str | Path) else model.name_or_path
    if not name:
        return None
    return str(Path(name).absolute()) if Path(name).exists() else str(name)


def load_model(name, dtype, device):
    """Load a causal language model, without code from elsewhere."""
    if dtype == "auto":
        dtype = "bfloat16" if _computes_in_bfloat16(device) else "float32"
    with _no_progress_bar():
        model = transformers.AutoModelForCausalLM.from_pretrained(
            name, dtype=getattr(torch, dtype), trust_remote_code=False
        )
    return unwrapped(model.eval().to(device))


@contextmanager
def _no_progress_bar():
    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()


def _computes_in_bfloat16(device):
    """Elsewhere bfloat16 is emulated, which takes longer than float32."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
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
    check_in_memory(model)
    parts = hashlib.sha256(rules_of(tokenizer).encode())
    parts.update(_config_of(model, _NO_CONFIG).encode())
    for name, tensor in sorted(model.state_dict().items()):
        parts.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        parts.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return parts.hexdigest()


def rules_of(tokenizer, added=None):
    """Return what a tokenizer does, as text, with all added tokens or some."""
    rules = _kept(json.loads(tokenizer.backend_tokenizer.to_str()), _NO_RULES)
    if added is not None:
        rules["added_tokens"] = added
    rules["chat_template"] = tokenizer.chat_template
    return json.dumps(rules, sort_keys=True)


def _config_of(model, left_out):
    config = _kept(model.config.to_dict(), left_out)
    return json.dumps(config, sort_keys=True, default=str)


def _kept(part, left_out):
    """Return a dict without some keys, also in the dicts inside."""
    return {
        key: _kept(value, left_out) if isinstance(value, dict) else value
        for key, value in part.items()
        if key not in left_out
    }


def _all_but_padding(tokenizer):
    """Return the added tokens but one that is for padding only: texts have none."""
    rules = json.loads(tokenizer.backend_tokenizer.to_str())
    roles = tokenizer.special_tokens_map
    pad = roles.get("pad_token")
    others = [token for role, token in roles.items() if role != "pad_token"]
    return [
        token
        for token in rules["added_tokens"]
        if token["content"] != pad or pad in others
    ]


def fingerprint(model, tokenizer):
    """Return a digest of what makes hidden states of a text.

    That is some of a model's weights, its configuration, and the tokenizer's rules. It
    takes no time, and is the same for all dtypes that the model is loaded in, and for
    a tokenizer that has got a token for padding.
    """
    check_in_memory(model)
    rules = rules_of(tokenizer, _all_but_padding(tokenizer))
    parts = hashlib.sha256(rules.encode())
    parts.update(_config_of(model, _NO_INFLUENCE).encode())
    for weight in model.parameters():
        flat = weight.detach().flatten()
        some = flat[:: max(len(flat) // _SAMPLE, 1)][:_SAMPLE].bfloat16().contiguous()
        parts.update(repr(tuple(weight.shape)).encode())
        parts.update(some.cpu().view(torch.uint8).numpy())
    return parts.hexdigest()
