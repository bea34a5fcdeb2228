# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Keep hidden states, so that the same text is not read twice."""

import hashlib
import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock, get_ident
from typing import NamedTuple

import torch


class States(NamedTuple):
    """What the language model computes at the scored positions of a text.

    Attributes
    ----------
    hidden : torch.Tensor of shape (n_scored, n_hidden)
        Hidden states.

    log_normalizer : torch.Tensor of shape (n_scored,) or None
        Log of the sum of exponentiated logits over all tokens but the flag; None after
        an early exit.
    """

    hidden: torch.Tensor
    log_normalizer: torch.Tensor | None


def joined(states):
    """Return the States of texts, or of parts of one, as one."""
    hidden = torch.cat([part.hidden for part in states])
    if states[0].log_normalizer is None:
        return States(hidden, None)
    return States(hidden, torch.cat([part.log_normalizer for part in states]))


def state_key(text, *context):
    """Return a key for the states of a TokenizedText in a context, e.g. the layer."""
    digest = hashlib.sha256(repr(context).encode())
    digest.update(text.tokens.tobytes() + b"|" + text.scored.tobytes())
    return digest.hexdigest()


class NoCache:
    """Forgets everything."""

    def get(self, key):
        """Return None."""

    def put(self, key, states):
        """Do nothing."""


class MemoryCache:
    """The states that were used last, up to a number of bytes."""

    def __init__(self, max_bytes):
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self._states = OrderedDict()
        self._lock = Lock()  # a search may run in threads

    def get(self, key):
        """Return the states, or None."""
        with self._lock:
            if key in self._states:
                self._states.move_to_end(key)
            return self._states.get(key)

    def put(self, key, states):
        """Keep the states and drop those that were not used for longest."""
        with self._lock:
            self.n_bytes += _n_bytes(states) - _n_bytes(self._states.pop(key, ()))
            self._states[key] = states
            while self.n_bytes > self.max_bytes:
                _, oldest = self._states.popitem(last=False)
                self.n_bytes -= _n_bytes(oldest)


class DiskCache:
    """One safetensors file for the states of each text."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def get(self, key):
        """Return the states, or None."""
        from safetensors.torch import load_file

        path = self._path(key)
        if not path.exists():
            return None
        tensors = load_file(path)
        return States(tensors["hidden"], tensors.get("log_normalizer"))

    def put(self, key, states):
        """Write the states; nobody else sees an unfinished file."""
        from safetensors.torch import save

        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}-{get_ident()}")
        tensors = {k: v for k, v in states._asdict().items() if v is not None}
        unfinished.write_bytes(save(tensors))
        unfinished.replace(path)

    def _path(self, key):
        return self.folder / key[:2] / f"{key}.safetensors"


def _n_bytes(states):
    return sum(tensor.nbytes for tensor in states if tensor is not None)
