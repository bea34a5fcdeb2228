# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""LanguageModel: a causal language model that estimators share."""

import re
import weakref
from functools import cached_property
from numbers import Integral
from pathlib import Path

import torch

from skperf.llm.model._cached_states import CachedStatesMixin, make_cache
from skperf.llm.model._head import output_head
from skperf.llm.model._identity import IdentityMixin
from skperf.llm.model._kinds import context_of, has_adapters, unwrapped
from skperf.llm.model._loading import (
    DTYPES,
    load_model,
    load_tokenizer,
    name_of,
    own_tokenizer,
)
from skperf.llm.model._memory import tokens_at_once
from skperf.llm.model._states import check_tokens
from skperf.llm.text._texts import tokenize

# <|reserved_special_token_0|>, <|reserved_200013|>, <unused0>, [unused1], <extra_id_0>
_RESERVED = re.compile(
    r"[<\[]\|?(reserved|unused|extra_id)(_special)?(_token)?_?\d+\|?[>\]]",
    re.IGNORECASE,
)
_by_name: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


class LanguageModel(CachedStatesMixin, IdentityMixin):
    """A causal language model, its tokenizer and the hidden states it has computed.

    `clone`, pipelines and searches share a handle instead of copying it, so the model
    is in memory once, and a text that was read in one fold is not read again in the
    next. The model and its tokenizer are never changed.

    Parameters
    ----------
    model : str, path-like or transformers.PreTrainedModel
        A folder, a name on the hub, or a loaded model. A name is loaded when it is
        first needed, without code from elsewhere (``trust_remote_code=False``). Of a
        compiled model what was compiled is read. A PeftModel is read with the adapters
        that are active in it; it has no name then.

    tokenizer : transformers.PreTrainedTokenizerFast, default=None
        The tokenizer; needed by a loaded model. By default it is loaded by name.

    dtype : {"auto", "float32", "bfloat16", "float16", "float64"} or torch.dtype, \
            default="auto"
        Precision in which a name is loaded. "auto" is bfloat16 where the device
        computes with it, and float32 elsewhere. A loaded model keeps its own.

    device : str or torch.device, default=None
        Where a name is loaded to, such as "cuda". None means the CPU. A loaded model
        stays where it is.

    max_length : int, default=None
        Tokens that are read at once. None means as many as the model was made for; of
        "longrope" models, whose positions are scaled by the longest text of a batch,
        as many as they read without that. Longer texts are read in windows of this
        length, each half a window further.

    batch_tokens : int, default=None
        Tokens in a batch, padding included. Less takes less memory. None means 1024 on
        the CPU, and up to 16384 on a GPU, by its free memory.

    cache : {"memory", None} or path-like, default="memory"
        Where hidden states are kept: in memory, the last 512 MiB of them; nowhere; or
        in a folder, one file for each text that was learnt from or scored, until you
        delete them. A folder may be shared by models, layers and processes.

    Notes
    -----
    Make a new handle after training the model: cached states are those of old weights.

    A pickle holds the model's name and a digest of its weights, never the weights. The
    model is loaded by its name again, and refused if its weights are not the same. A
    model without a name cannot be pickled. Equal pickles become one handle, as long as
    it is in use; the workers of a parallel search keep it from task to task.

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
        device=None,
        max_length=None,
        batch_tokens=None,
        cache="memory",
    ):
        if not isinstance(model, str | Path):
            model = unwrapped(model)
        self.name = name_of(model)
        self.dtype = str(dtype).removeprefix("torch.")
        self.device = None if device is None else str(device)
        self.batch_tokens = batch_tokens
        self.cache = cache
        self._max_length = max_length
        self._tokenizer = None if tokenizer is None else own_tokenizer(tokenizer)
        self._model = None if isinstance(model, str | Path) else model
        self._digest = None
        self._must_be = None  # the digest of the model that was pickled
        self._causal, self._going_on = set(), set()  # layers for which that is known
        # whether the tokenizer is not the one of that name
        self._is_own = tokenizer is not None and not _is_named(tokenizer, self.name)
        self._cache = make_cache(cache)
        self._check()

    def _check(self):
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype should be one of {DTYPES}; got {self.dtype!r}.")
        if self._model is not None:
            self._check_loaded()
        elif self.device is not None:
            _check_device(self.device)
        limits = {"batch_tokens": self.batch_tokens, "max_length": self._max_length}
        for name, value in limits.items():
            if value is not None and not (isinstance(value, Integral) and value >= 1):
                raise ValueError(
                    f"{name} should be a whole number from 1 on; got {value!r}."
                )

    def _check_loaded(self):
        if self._tokenizer is None:
            raise ValueError("A loaded model needs its tokenizer too: pass both.")
        if self.dtype != "auto":
            raise ValueError(
                "dtype says how a name is loaded, but the model is loaded. Convert it "
                "yourself, or pass its name."
            )
        if self.device is not None:
            raise ValueError(
                "device says where a name is loaded to, but the model is loaded. Move "
                "it yourself with model.to(device), or pass its name."
            )
        if has_adapters(self._model):
            self.name = None

    def __repr__(self):
        name = repr(self.name) if self.name else f"<{type(self.model).__name__}>"
        return f"LanguageModel({name})"

    @property
    def model(self):
        """The transformers model, loaded when first asked for."""
        if self._model is None:
            self._model = load_model(self.name, self.dtype, self.device or "cpu")
            self._verify()
        return self._model

    @property
    def tokenizer(self):
        """The tokenizer, loaded when first asked for."""
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self.name)
        return self._tokenizer

    @property
    def max_length(self):
        """Tokens that are read at once."""
        context = context_of(self.model.config.get_text_config()) or 2**30
        if self._max_length is not None and self._max_length > context:
            raise ValueError(
                f"max_length={self._max_length} is more than the {context} tokens that "
                "the model was made for. Longer texts are read in windows."
            )
        return self._max_length or context

    @property
    def tokens_in_batch(self):
        """Tokens in a batch, padding included."""
        return self.batch_tokens or tokens_at_once(self.model)

    @cached_property
    def head(self):
        """The module that makes logits of the last hidden states."""
        return output_head(self.model)

    @property
    def flag_token_id(self):
        """The last reserved token, or else the number after the head's last row.

        Reserved are tokens in brackets that a tokenizer has for later use, and numbers:
        ``<|reserved_special_token_0|>``, ``<unused0>``, ``<extra_id_0>``.
        """
        n_rows = self._n_rows()
        reserved = [
            number
            for token, number in self.tokenizer.get_added_vocab().items()
            if _RESERVED.fullmatch(token) and number < n_rows
        ]
        return max(reserved, default=n_rows)

    def _n_rows(self):
        head = self.model.get_output_embeddings()
        rows = head if head is not None else self.model.get_input_embeddings()
        return rows.weight.shape[0]

    def tokenize(self, X):
        """Turn texts, pairs and chats into tokens.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            As in :meth:`RedFlagClassifier.fit`.

        Returns
        -------
        texts : list of TokenizedText
            The tokens, which of them are scored, and where these are in the text.

        Raises
        ------
        TypeError
            If a row of X is no text, pair or chat.

        ValueError
            If a text has no token to score, if there is no chat template for a chat,
            or if the model does not know a token.
        """
        texts = tokenize(X, self.tokenizer)
        for text in texts:
            check_tokens(self, text.tokens)
        return texts


def as_language_model(language_model):
    """Return the handle itself, or one for a name or for a pair of model, tokenizer.

    Handles by name are shared as long as one of them is in use.
    """
    if isinstance(language_model, LanguageModel):
        return language_model
    if isinstance(language_model, tuple):
        return LanguageModel(*language_model)
    name = name_of(language_model)
    return _by_name.setdefault(name, LanguageModel(name))


def _is_named(tokenizer, name):
    return name is not None and name_of(tokenizer) == name


def _check_device(device):
    try:
        torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"device should be one of torch, such as 'cpu' or 'cuda:0'; got {device!r}."
        ) from error
