# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Optimizers by name or class, and their state between fits."""

from copy import deepcopy

import torch

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "lbfgs": torch.optim.LBFGS,
    "sgd": torch.optim.SGD,
}


def make_optimizer(optimizer, parameters, params, *, max_iter, tol):
    """Return the optimizer of `parameters`.

    L-BFGS gets the estimator's `max_iter` and `tol`, and stops on nothing but the
    tolerance unless `params` say so.
    """
    optimizer = OPTIMIZERS.get(optimizer, optimizer)
    params = dict(params or {})
    if isinstance(optimizer, type) and issubclass(optimizer, torch.optim.LBFGS):
        defaults = {
            "history_size": 10,
            "line_search_fn": "strong_wolfe",
            "max_eval": 25 * max_iter,
            "tolerance_grad": 0,
        }
        params = defaults | params | {"max_iter": max_iter, "tolerance_change": tol}
    return optimizer(parameters, **params)


def save_state(optimizer):
    """Return the class and the state of an optimizer, without its settings."""
    return type(optimizer), optimizer.state_dict()["state"]


def restore_state(optimizer, saved):
    """Give `optimizer` a saved state, if it is of the class that it was saved from.

    Its settings stay, so that a new learning rate counts. The state is copied: if
    training fails the saved one is as it was.
    """
    kind, state = saved
    if state and type(optimizer) is kind:
        settings = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": deepcopy(state), "param_groups": settings})
