# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The module that training starts from."""

from copy import deepcopy

import torch


def start_module(estimator, n_inputs, n_outputs, *, warm=False):
    """Return a copy of the fitted module if `warm`, otherwise a new one."""
    if warm:
        module = deepcopy(estimator.module_)
    else:
        params = estimator.module_params or {}
        module = _new_module(estimator.module, params, n_inputs, n_outputs)
    return module.to(estimator.device, getattr(torch, estimator.dtype))


def _new_module(module, params, n_inputs, n_outputs):
    if isinstance(module, torch.nn.Module):
        if params:
            raise ValueError(
                "module_params are handed to a class or factory, but module is an "
                "instance. Pass its class, or leave them out."
            )
        return deepcopy(module)
    made = module(n_inputs, n_outputs, **params)
    if not isinstance(made, torch.nn.Module):
        raise TypeError(
            "module should be a torch.nn.Module, or a callable that takes the numbers "
            f"of inputs and outputs and returns one; it returned a "
            f"{type(made).__name__}."
        )
    return made
