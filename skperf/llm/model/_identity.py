# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which model a handle is of: handles are shared, and pickled by name and digest."""

import multiprocessing
import weakref
from collections import deque

from skperf.llm.model._loading import digest, rules_of

_unpickled: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_last: deque = deque(maxlen=1)


class IdentityMixin:
    """Copies are the handle itself, and pickles become it again."""

    def __sklearn_clone__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def digest(self):
        """Compute a digest of the model's weights and the tokenizer's rules.

        Returns
        -------
        digest : str
            A hexadecimal number, the same for models that compute the same.
        """
        if self._digest is None:
            self._digest = digest(self.model, self.tokenizer)
        return self._digest

    def _verify(self):
        if self._must_be is not None and self.digest() != self._must_be:
            self._model = None
            raise ValueError(
                f"The model {self.name!r} is not the one that was pickled: weights, "
                "configuration or tokenizer differ. Restore it, or fit again."
            )

    def __reduce__(self):
        if self.name is None:
            raise TypeError(
                "This language model was made in memory and has no name, so it cannot "
                "be pickled. Save model and tokenizer with save_pretrained and make "
                "the LanguageModel with the folder's name."
            )
        settings = (self.name, self.batch_tokens, self.cache, self._max_length)
        own = self._tokenizer if self._is_own else None
        rules = own and rules_of(own)
        if self._model is None:  # nothing was learnt from it here
            dtype, must_be = self.dtype, self._must_be
        else:
            dtype = str(self._model.dtype).removeprefix("torch.")
            must_be = self.digest()
        return (
            _unpickle,
            (type(self), *settings, self.device, dtype, must_be, rules),
            (must_be, own),
        )

    def __setstate__(self, state):
        self._must_be, own = state
        if own is not None:
            self._tokenizer, self._is_own = own, True


def _unpickle(make, *settings):
    """Return the handle that such a pickle has become before, or a new one.

    What the model must be and what a tokenizer of its own does are among the settings,
    since they tell handles apart.

    Tasks of a worker come one by one: it keeps the last handle for the next one.
    """
    handle = _unpickled.get(settings)
    if handle is None:
        name, batch_tokens, cache, max_length, device, dtype, *_ = settings
        handle = make(
            name,
            dtype=dtype,
            device=device,
            max_length=max_length,
            batch_tokens=batch_tokens,
            cache=cache,
        )
        _unpickled[settings] = handle
    if multiprocessing.parent_process() is not None:
        _last.append(handle)
    return handle
