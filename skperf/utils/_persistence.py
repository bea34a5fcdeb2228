# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Fitted estimators in safetensors files: weights, and the rest as JSON."""

import json
from pathlib import Path

import numpy as np
from sklearn.utils.validation import check_is_fitted

_KEY = "skperf"


def write(path, estimator, tensors, *, params, fitted, **details):
    """Write tensors, and the rest as JSON in the header of the file.

    Of `params` only those that JSON can hold are written; all else has to be text,
    numbers and arrays of them. An old file stays until the new one is complete.
    """
    content = {
        "class": type(estimator).__name__,
        "params": plain(params),
        "fitted": fitted,
        **details,
    }
    # clones: the format refuses tensors that share memory, as tied weights do
    tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    header = {_KEY: json.dumps(content, default=_pack)}
    path = Path(path)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_bytes(_safetensors().torch.save(tensors, metadata=header))
    unfinished.replace(path)


def read(path, estimator):
    """Return the tensors and the content of a file that :func:`write` wrote.

    Raises
    ------
    ValueError
        If it is not such a file, or if its content is of another class of estimator.
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
    content = json.loads(header[_KEY], object_hook=_unpack)
    class_name = type(estimator).__name__
    if content["class"] != class_name:
        raise ValueError(
            f"The file holds a {content['class']}; load it with that class, not with "
            f"{class_name}."
        )
    return tensors, content


def fitted_attributes(estimator):
    """Return by name what `fit` has set."""
    check_is_fitted(estimator)
    return {name: value for name, value in vars(estimator).items() if _is_fitted(name)}


def with_params(estimator, params):
    """Return an estimator that differs in these parameters and is not fitted.

    What it has in common with the other one is shared, as it may be a language model.

    Raises
    ------
    ValueError
        If a parameter is not valid.
    """
    made = type(estimator)(**estimator.get_params(deep=False)).set_params(**params)
    made._validate_params()  # noqa: SLF001 - scikit-learn's own check
    return made


def become(estimator, params, fitted):
    """Replace parameters of an estimator, and all that `fit` has set."""
    for name in filter(_is_fitted, list(vars(estimator))):
        delattr(estimator, name)
    estimator.set_params(**params)
    vars(estimator).update(fitted)


def _is_fitted(name):
    return name.endswith("_")


def plain(params):
    """Return the parameters that JSON can hold, NumPy scalars as Python's."""
    params = {name: _unwrap(value) for name, value in params.items()}
    return {name: value for name, value in params.items() if _is_plain(value)}


def _pack(value):
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    if isinstance(value, np.generic):
        return value.item()
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
