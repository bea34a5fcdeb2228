# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Fitted estimators in safetensors files: weights, and the rest as JSON."""

import json
from pathlib import Path

import numpy as np

_KEY = "skperf"


def write(path, tensors, content):
    """Write tensors, and `content` as JSON in the header of the file.

    An old file stays as it was until the new one is complete.
    """
    # clones: the format refuses tensors that share memory, as tied weights do
    tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    header = {_KEY: json.dumps(content, default=_pack)}
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(_safetensors().torch.save(tensors, metadata=header))
    unfinished.replace(path)


def read(path):
    """Return the tensors and the content of a file that :func:`write` wrote.

    Raises
    ------
    ValueError
        If it is not such a file.
    """
    safetensors = _safetensors()
    foreign = f"{str(path)!r} is not a file that save of a skperf estimator wrote."
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header, names = file.metadata() or {}, file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except safetensors.SafetensorError as error:
        raise ValueError(foreign) from error
    if _KEY not in header:
        raise ValueError(foreign)
    return tensors, json.loads(header[_KEY], object_hook=_unpack)


def check_fits(module, tensors):
    """Raise unless the tensors have the names and shapes of the module's."""
    expected = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    differing = sorted(
        name
        for name in expected.keys() | found.keys()
        if expected.get(name) != found.get(name)
    )
    if differing:
        shapes = ", ".join(
            f"{name}: {found.get(name, 'none')} in the file, "
            f"{expected.get(name, 'none')} in the module"
            for name in differing
        )
        raise ValueError(
            "The file has the weights of another module. Make the estimator with the "
            f"module that was saved. Shapes differ: {shapes}."
        )


def plain(params):
    """Return the parameters that JSON can hold, NumPy scalars as Python's."""
    params = {name: _unwrap(value) for name, value in params.items()}
    return {name: value for name, value in params.items() if _is_plain(value)}


def _pack(value):
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    raise TypeError(
        f"Cannot write a {type(value).__name__}: only text, numbers and arrays of them."
    )


def _unpack(entry):
    if entry.keys() == {"dtype", "values"}:
        return np.array(entry["values"], dtype=entry["dtype"])
    return entry


def _unwrap(value):
    return value.item() if isinstance(value, np.generic) else value


def _is_plain(value):
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _safetensors():
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError(
            "save and load need safetensors. Install it with: pip install skperf[torch]"
        ) from error
    return safetensors
