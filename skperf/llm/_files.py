# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The methods of RedFlagClassifier that write it to a file and read it."""

import torch

from skperf.llm.model._language_model import as_language_model
from skperf.llm.model._loading import fingerprint
from skperf.llm.tuning import LoraTuning, TokenTuning
from skperf.utils._calls import called_on_instance
from skperf.utils._persistence import (
    become,
    fitted_attributes,
    plain,
    read,
    with_params,
    write,
)


class PersistenceMixin:
    """Files with what was learnt, and without the language model."""

    def save(self, path):
        """Write what was learnt to a safetensors file.

        The file holds the flag's row, the threshold and whatever else was fitted, and
        those parameters that are plain: numbers, text, None and lists of them. Of the
        language model it holds the name, the sizes and a fingerprint, and no code.

        Parameters
        ----------
        path : str or path-like
            The file. An old one is replaced once the new one is complete.

        Raises
        ------
        TypeError
            If labels are neither text nor numbers.
        """
        params = self.get_params(deep=False)
        del params["language_model"]
        tuning = params.pop("tuning")
        fitted = fitted_attributes(self)
        language_model = fitted.pop("language_model_")
        if callable(self.aggregate_):
            del fitted["aggregate_"]
        tensors, rest = _split(fitted)
        write(
            path,
            self,
            tensors,
            params=params,
            fitted=rest,
            callables=[name for name, value in params.items() if callable(value)],
            tuning=_pack_tuning(tuning),
            language_model=_describe(language_model),
        )

    @called_on_instance(
        "Write RedFlagClassifier(language_model).load(path), with the language model "
        "that was saved."
    )
    def load(self, path):
        """Become the classifier that was saved to a file.

        Parameters
        ----------
        path : str or path-like
            A file that :meth:`save` wrote.

        Returns
        -------
        self : object
            The fitted estimator. Parameters in the file replace its own. The language
            model, with its settings, and a function as `aggregate` are its own and
            should be those that were saved; so is `class_weight` as a dict.

        Raises
        ------
        ValueError
            If the file is of another kind, or was saved with another language model or
            with a function as `aggregate` where there is none. The estimator then stays
            as it was.
        """
        tensors, content = read(path, self)
        params = content["params"] | {"tuning": _unpack_tuning(content["tuning"])}
        saved = with_params(self, params)
        _check_callables(saved, content["callables"])
        language_model = as_language_model(self.language_model)
        _check_fits(language_model, content["language_model"])
        fitted = _join(tensors, content["fitted"])
        fitted.setdefault("aggregate_", saved.aggregate)
        become(self, params, fitted | {"language_model_": language_model})
        return self


def _pack_tuning(tuning):
    """Return the class of a tuning, and those of its parameters that are plain."""
    if tuning is None:
        return None
    return type(tuning).__name__, plain(tuning.get_params(deep=False))


def _unpack_tuning(packed):
    """Undo :func:`_pack_tuning`."""
    if packed is None:
        return None
    name, params = packed
    (kind,) = (kind for kind in (TokenTuning, LoraTuning) if kind.__name__ == name)
    return kind(**params)


def _split(fitted):
    """Return the row and all weights, in dicts of tensors, apart from the rest."""
    rest = dict(fitted)
    tensors = {"coef_": torch.from_numpy(rest.pop("coef_"))}
    for name, weights in fitted.items():
        if _are_weights(weights):
            named = rest.pop(name).items()
            tensors |= {f"{name}/{key}": tensor for key, tensor in named}
    return tensors, rest


def _join(tensors, rest):
    """Undo :func:`_split`."""
    fitted = dict(rest)
    for path, tensor in tensors.items():
        name, _, key = path.partition("/")
        if key:
            fitted.setdefault(name, {})[key] = tensor
        else:
            fitted[name] = tensor.numpy()
    return fitted


def _are_weights(value):
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(part, torch.Tensor) for part in value.values())


def _describe(language_model):
    model = language_model.model
    config = model.config.get_text_config()
    return {
        "name": language_model.name,
        "number of layers": config.num_hidden_layers,
        "hidden size": config.hidden_size,
        "vocabulary size": len(model.get_input_embeddings().weight),
        "fingerprint": fingerprint(model, language_model.tokenizer),
    }


def _check_fits(language_model, saved):
    """Raise unless this is the language model that was saved, in any dtype or place."""
    found = _describe(language_model)
    differing = [k for k in saved if k != "name" and saved[k] != found[k]]
    if not differing:
        return
    sizes = [
        f"a {name} of {saved[name]}, and this one has {found[name]}"
        for name in differing
        if name != "fingerprint"
    ]
    difference = (
        "; ".join(sizes) or "other weights, another configuration or another tokenizer"
    )
    raise ValueError(
        f"The classifier was saved with the language model {saved['name']!r}, which "
        f"has {difference}. Make the classifier with the language model that was "
        f"saved, not with {found['name']!r}."
    )


def _check_callables(clf, names):
    missing = [name for name in names if not callable(getattr(clf, name))]
    if missing:
        raise ValueError(
            f"The classifier was saved with a function as {' and '.join(missing)}, "
            "which a file does not hold. Make the classifier with the same function."
        )
