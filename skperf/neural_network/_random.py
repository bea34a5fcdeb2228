# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Borrow torch's global generators, which initialisation and dropout draw from."""

from contextlib import contextmanager

import torch


@contextmanager
def borrow_generators(device, start):
    """Let torch draw from `start`, then put its global generators back.

    Parameters
    ----------
    device : torch.device
        Its generator is borrowed along with that of the CPU.

    start : int or list of torch.Tensor
        A seed, or the states that :func:`generator_states` gave.
    """
    generators = _generators(device)
    before = generator_states(device)
    try:
        _set(generators, start)
        yield
    finally:
        _set(generators, before)


def generator_states(device):
    """Return the states of the global generators of the CPU and of `device`."""
    return [generator.get_state() for generator in _generators(device)]


def _set(generators, start):
    if isinstance(start, list):
        for generator, state in zip(generators, start, strict=False):
            generator.set_state(state)
    else:
        for generator in generators:
            generator.manual_seed(start)


def _generators(device):
    if device.type != "cuda":
        return [torch.default_generator]
    torch.cuda.init()  # before it there are no generators
    index = torch.cuda.current_device() if device.index is None else device.index
    return [torch.default_generator, torch.cuda.default_generators[index]]
