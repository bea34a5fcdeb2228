# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How much is computed at once, and where it is kept: by device and free memory.

On the CPU nothing depends on what else the machine does, so that results do not either.
"""

import torch

_CPU_TOKENS = 1024
_MOST_TOKENS = 2**14  # more are not faster, on any card that was tried
_ENOUGH_BYTES = 2**13  # of one number a token: half precision is done sooner
# The head turns so many hidden states into logits at once: 2**24 logits are 64 MB.
_CPU_LOGITS = 2**24
_MOST_LOGITS = 2**28
_BYTES_PER_LOGIT = 16  # as the head has it, in float32, and exponentiated


def free_bytes(device):
    """Return the bytes that torch can still have on a CUDA device, and 0 elsewhere."""
    if device.type != "cuda":
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + cached


def tokens_at_once(model):
    """Return how many tokens, padding included, make a good batch for a model.

    Activations may take half of the free memory, as if every layer kept its own: while
    adapters are trained it does.
    """
    free = free_bytes(model.device)
    if not free:
        return _CPU_TOKENS
    config = model.config.get_text_config()
    width = 6 * config.hidden_size
    width += 3 * (getattr(config, "intermediate_size", None) or 4 * config.hidden_size)
    per_token = config.num_hidden_layers * width * model.dtype.itemsize
    return _power_of_two(free // 2 // per_token, _CPU_TOKENS // 8, _MOST_TOKENS)


def enough_tokens(model):
    """Return the tokens in a batch that keep a model's device busy; None on the CPU.

    More of them are of use only if that costs no padding.
    """
    on_cuda = model.device.type == "cuda"
    return _ENOUGH_BYTES // model.dtype.itemsize if on_cuda else None


def logits_at_once(device):
    """Return how many logits are made at a time."""
    room = free_bytes(device) // 4 // _BYTES_PER_LOGIT
    return _power_of_two(room, _CPU_LOGITS, _MOST_LOGITS)


def _power_of_two(number, least, most):
    """Return the next lower power of 2, so that it varies little, within limits."""
    return min(max(1 << max(int(number).bit_length() - 1, 0), least), most)


def home(hidden, n_positions):
    """Return where states are kept: where they are, if there is much room, or the CPU.

    Parameters
    ----------
    hidden : torch.Tensor of shape (n, n_hidden)
        Some of the states.

    n_positions : int
        How many there will be.
    """
    n_bytes = n_positions * hidden.shape[1] * hidden.element_size()
    roomy = 8 * n_bytes <= free_bytes(hidden.device)
    return hidden.device if roomy else torch.device("cpu")


def device_of_fit(device, states):
    """Return the device if a fit has room for float64 states there, otherwise None."""
    n_bytes = 8 * sum(text.hidden.numel() for text in states)
    return device if 3 * n_bytes <= free_bytes(device) else None
