# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""LanguageModel: a causal language model that estimators share."""

import hashlib
import json
import re
import weakref
from pathlib import Path

import torch

from skperf.llm._cache import DiskCache, MemoryCache, NoCache, state_key
from skperf.llm._forward import read
from skperf.llm._texts import tokenize

_CACHE_BYTES = 2**29
_RESERVED = re.compile(r"reserved|unused|extra_id", re.IGNORECASE)
_by_name: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


class LanguageModel:
    """A causal language model, its tokenizer and the hidden states it has computed.

    `clone`, pipelines and searches share a handle instead of copying it, so the model
    is in memory once, and a text that was read in one fold is not read again in the
    next. The model and its tokenizer are never changed.

    Parameters
    ----------
    model : str, path-like or transformers.PreTrainedModel
        A folder, a name on the hub, or a loaded model. A name is loaded when it is
        first needed, without code from elsewhere (``trust_remote_code=False``).

    tokenizer : transformers.PreTrainedTokenizerFast, default=None
        The tokenizer; needed by a loaded model. By default it is loaded by name.

    dtype : {"auto", "float32", "bfloat16", "float64"}, default="auto"
        Precision in which a name is loaded. "auto" is bfloat16 where the CPU computes
        with it, and float32 elsewhere. A loaded model keeps its own.

    max_length : int, default=None
        Tokens that are read at once. None means as many as the model was made for.
        Longer texts are read in windows of this length, each half a window further.

    batch_tokens : int, default=2048
        Tokens in a batch, padding included. Less takes less memory.

    cache : {"memory", None} or path-like, default="memory"
        Where hidden states are kept: in memory, the last 512 MiB of them; nowhere; or
        in a folder, one file a text, for as long as you like. A folder may be shared
        by models, layers and processes.

    Notes
    -----
    A pickle holds the model's name and a digest of its weights, never the weights. The
    model is loaded by its name again, and refused if its weights are not the same. A
    model without a name cannot be pickled.

    Examples
    --------
    >>> from skperf.llm import LanguageModel
    >>> LanguageModel("HuggingFaceTB/SmolLM2-135M-Instruct")  # not loaded yet
    LanguageModel('HuggingFaceTB/SmolLM2-135M-Instruct')
    """

    def __init__(
        self,
        model,
        tokenizer=None,
        *,
        dtype="auto",
        max_length=None,
        batch_tokens=2048,
        cache="memory",
    ):
        self.name = _name(model)
        self.dtype = dtype
        self.batch_tokens = batch_tokens
        self.cache = cache
        self._max_length = max_length
        self._tokenizer = tokenizer
        self._model = None if isinstance(model, str | Path) else model
        self._digest = None
        self._must_be = None  # the digest of the model that was pickled
        self._cache = _make_cache(cache)
        self._check()

    def _check(self):
        if self._model is not None and self._tokenizer is None:
            raise ValueError("A loaded model needs its tokenizer too.")
        if self._model is not None and self.dtype != "auto":
            raise ValueError(
                "dtype says how a name is loaded, but the model is loaded. Convert it "
                "yourself, or pass its name."
            )
        for name, value in (
            ("batch_tokens", self.batch_tokens),
            ("max_length", self._max_length),
        ):
            if value is not None and value < 1:
                raise ValueError(f"{name} should be at least 1; got {value}.")

    def __repr__(self):
        return f"LanguageModel({self.name or type(self.model).__name__!r})"

    def __sklearn_clone__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    @property
    def model(self):
        """The transformers model, loaded when first asked for."""
        if self._model is None:
            self._model = _load_model(self.name, self.dtype)
            self._verify()
        return self._model

    @property
    def tokenizer(self):
        """The tokenizer, loaded when first asked for."""
        if self._tokenizer is None:
            from transformers import AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(
                self.name, trust_remote_code=False
            )
        return self._tokenizer

    @property
    def max_length(self):
        """Tokens that are read at once."""
        if self._max_length is not None:
            return self._max_length
        config = self.model.config.get_text_config()
        return getattr(config, "max_position_embeddings", None) or 2**30

    @property
    def n_layers(self):
        """Number of decoder layers."""
        return self.model.config.get_text_config().num_hidden_layers

    @property
    def n_hidden(self):
        """Number of hidden units."""
        return self.model.config.get_text_config().hidden_size

    @property
    def flag_token_id(self):
        """The last reserved token, or else the number after the head's last row."""
        reserved = [
            number
            for token, number in self.tokenizer.get_added_vocab().items()
            if _RESERVED.search(token)
        ]
        return max(reserved, default=self._n_rows())

    def _n_rows(self):
        head = self.model.get_output_embeddings()
        rows = head if head is not None else self.model.get_input_embeddings()
        return rows.weight.shape[0]

    def tokenize(self, X):
        """Return one TokenizedText for each text, pair or chat in X."""
        texts = tokenize(X, self.tokenizer)
        n_tokens = self.model.get_input_embeddings().weight.shape[0]
        largest = max(text.tokens.max() for text in texts)
        if largest >= n_tokens:
            raise ValueError(
                f"The tokenizer gave the token {largest}, but the model knows only "
                f"{n_tokens} tokens. Pass the tokenizer that belongs to the model."
            )
        return texts

    def states(self, texts, layer=None):
        """Return the hidden states of texts, from the cache where it has them.

        Parameters
        ----------
        texts : list of TokenizedText
            What :meth:`tokenize` gave.

        layer : int, default=None
            Stop after this layer, counted from 1, and read its output through the
            model's last norm. None means all layers, and the head for the normalizer.

        Returns
        -------
        states : list of States
            Hidden states and log normalizers at the scored positions of each text.

        Raises
        ------
        MemoryError
            If a batch does not fit in memory.

        ValueError
            If the model has no such layer, or no head, or if a state is not finite.
        """
        keys = [self._key(text, layer) for text in texts]
        unique = dict(zip(keys, texts, strict=True))
        found = {key: self._cache.get(key) for key in unique}
        missing = [key for key in unique if found[key] is None]
        if missing:
            computed = self._read([unique[key] for key in missing], layer)
            for key, states in zip(missing, computed, strict=True):
                found[key] = states
                self._cache.put(key, states)
        return [found[key] for key in keys]

    def _key(self, text, layer):
        on_disk = isinstance(self._cache, DiskCache)
        return state_key(text, self.digest() if on_disk else "", layer, self.max_length)

    def _read(self, texts, layer):
        try:
            states = read(
                self.model,
                texts,
                layer=layer,
                flag_token_id=self.flag_token_id,
                max_length=self.max_length,
                batch_tokens=self.batch_tokens,
            )
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if "memory" not in str(error):
                raise
            raise MemoryError(
                f"A batch of {self.batch_tokens} tokens, with texts of up to "
                f"{self.max_length}, does not fit in memory. Make the LanguageModel "
                "with smaller batch_tokens or max_length."
            ) from error
        _check_finite(states)
        return states

    def digest(self):
        """Return a digest of the model's weights and the tokenizer's rules."""
        if self._digest is None:
            digest = hashlib.sha256(self.tokenizer.backend_tokenizer.to_str().encode())
            for name, tensor in sorted(self.model.state_dict().items()):
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                flat = tensor.detach().cpu().contiguous().flatten()
                digest.update(flat.view(torch.uint8).numpy())
            config = self.model.config.to_dict()
            digest.update(json.dumps(config, sort_keys=True, default=str).encode())
            self._digest = digest.hexdigest()
        return self._digest

    def _verify(self):
        if self._must_be is not None and self.digest() != self._must_be:
            self._model = None
            raise ValueError(
                f"The model {self.name!r} is not the one that was pickled: weights, "
                "configuration or tokenizer differ. Restore it, or fit again."
            )

    def __getstate__(self):
        if self.name is None:
            raise TypeError(
                "This language model was made in memory and has no name, so it cannot "
                "be pickled. Save model and tokenizer with save_pretrained and make "
                "the LanguageModel with the folder's name."
            )
        state = {key: getattr(self, key) for key in ("name", "batch_tokens", "cache")}
        dtype = str(self.model.dtype).removeprefix("torch.")
        return {
            **state,
            "dtype": dtype,
            "_max_length": self._max_length,
            "_must_be": self.digest(),
        }

    def __setstate__(self, state):
        empty = {"_model": None, "_tokenizer": None, "_digest": None}
        self.__dict__.update(state, **empty, _cache=_make_cache(state["cache"]))


def as_language_model(language_model):
    """Return the handle itself, or one for a name or for a pair of model, tokenizer.

    Handles by name are shared as long as one of them is in use.
    """
    if isinstance(language_model, LanguageModel):
        return language_model
    if isinstance(language_model, tuple):
        return LanguageModel(*language_model)
    name = _name(language_model)
    return _by_name.setdefault(name, LanguageModel(name))


def _name(model):
    name = model if isinstance(model, str | Path) else model.name_or_path
    if not name:
        return None
    return str(Path(name).absolute()) if Path(name).exists() else str(name)


def _make_cache(cache):
    if cache is None:
        return NoCache()
    return MemoryCache(_CACHE_BYTES) if cache == "memory" else DiskCache(cache)


def _load_model(name, dtype):
    from transformers import AutoModelForCausalLM

    if dtype == "auto":
        dtype = "bfloat16" if _computes_in_bfloat16() else "float32"
    return AutoModelForCausalLM.from_pretrained(
        name, dtype=getattr(torch, dtype), trust_remote_code=False
    ).eval()


def _computes_in_bfloat16():
    """Elsewhere bfloat16 is emulated, which takes longer than float32."""
    cpu = torch.cpu
    return cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()


def _check_finite(states):
    bad = [
        i
        for i, part in enumerate(states)
        if not all(tensor.isfinite().all() for tensor in part if tensor is not None)
    ]
    if bad:
        raise ValueError(
            f"The model's hidden states of {len(bad)} texts are not finite, so these "
            "texts cannot be scored. Load the model in another dtype."
        )
