# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Copies of a model's modules that share its weights, and dropout switched off."""

import weakref
from contextlib import contextmanager
from copy import copy
from functools import partial
from threading import Lock
from types import MethodType

import torch

_LOCK = Lock()  # a search may run in threads
_readers: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def replace_module(body, name, module):
    """Return the body with another module of this name; it shares all others."""
    body = copy_module(body)
    owner, _, leaf = name.rpartition(".")
    parent = body
    for part in owner.split(".") if owner else []:
        child = copy_module(parent.get_submodule(part))
        _put(parent, part, child)
        parent = child
    _put(parent, leaf, module)
    return body


def _put(parent, name, module):
    # setattr would write into torch's table, which a copy shares with its original
    parent._modules = {**parent._modules, name: module}  # noqa: SLF001


def copy_module(module):
    """Return a copy of a module, without dropout, that has the same children.

    Raises
    ------
    ValueError
        If its forward was replaced by a function that is not a method of the module:
        that would compute with the original's children.
    """
    copied = copy(module)
    copied.training = False
    own = vars(copied)
    bound = {name: _bound(value, module, copied) for name, value in own.items()}
    own |= {name: value for name, value in bound.items() if value is not None}
    if "forward" in own and bound["forward"] is None:
        raise ValueError(
            f"The forward of {type(module).__name__} was replaced by a function that "
            "is not its method, so a part of the model cannot be run alone. Load the "
            "model again without that, or use layer=None and no adapters."
        )
    if own.get("_compiled_call_impl") is not None:
        own["_compiled_call_impl"] = None  # it is the original's
    return copied


def _bound(value, module, copied):
    """Return a method of the module as one of its copy; None if it is none."""
    if isinstance(value, MethodType) and value.__self__ is module:
        return MethodType(value.__func__, copied)
    if isinstance(value, partial) and any(part is module for part in value.args):
        args = [copied if part is module else part for part in value.args]
        return partial(value.func, *args, **value.keywords)
    return None


def decoder_layers(model):
    """Return the name, inside the body, and the list of the decoder layers."""
    n_layers = model.config.get_text_config().num_hidden_layers
    for name, module in model.base_model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == n_layers:
            return name, module
    raise ValueError(
        f"No list of {n_layers} layers was found in {type(model).__name__}, so it "
        "cannot be left early. Use layer=None."
    )


@contextmanager
def evaluating(model):
    """Switch dropout off inside, and leave every module as it was.

    Several threads may be inside: the last one that leaves restores the model.
    """
    with _LOCK:
        n_readers, training = _readers.get(model, (0, None))
        if not n_readers:
            training = [module for module in model.modules() if module.training]
        for module in training:
            module.training = False
        _readers[model] = n_readers + 1, training
    try:
        yield
    finally:
        with _LOCK:
            n_readers, training = _readers.pop(model)
            if n_readers > 1:
                _readers[model] = n_readers - 1, training
            else:
                for module in training:
                    module.training = True
