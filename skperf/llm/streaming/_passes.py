# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The forward passes that a model makes while generate runs."""

import weakref

import torch
from transformers import DynamicCache


class Passes:
    """The logits of a model's last forward pass, as the model made them.

    What a logits processor is handed was changed by others before it, such as
    penalties for repetition.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The model. It has a hook as long as this object is in use.
    """

    def __init__(self, model):
        self.model = model
        self._logits = self._inputs = None
        this = weakref.ref(self)

        def keep(module, args, inputs, output):
            passes = this()
            if passes is not None:
                passes._keep(inputs, output)  # noqa: SLF001 - its own

        handle = model.register_forward_hook(keep, with_kwargs=True)
        weakref.finalize(self, handle.remove)
        self.n_new = 0

    def _keep(self, inputs, output):
        self.n_new += 1
        self._logits = output.logits[:, -1].detach()
        self._inputs = inputs

    def take(self):
        """Return the logits of each row for the next token, in float32 or more."""
        logits = self._logits
        self._logits, self.n_new = None, 0
        return logits if logits.dtype == torch.float64 else logits.float()

    def read_last(self, sequences):
        """Return the logits after the last token of each row, which was not read yet.

        Parameters
        ----------
        sequences : torch.Tensor of shape (n_rows, n_tokens)
            All rows that the last pass read, in its order, and one more token each.
        """
        inputs, last = self._inputs, sequences[:, -1:]
        mask, position = inputs.get("attention_mask"), inputs.get("position_ids")
        changed = {"input_ids": last}
        if mask is not None:
            changed["attention_mask"] = torch.cat([mask, mask.new_ones(last.shape)], 1)
        if position is not None:
            changed["position_ids"] = position[:, -1:] + 1
        with torch.no_grad():
            self.model(**{**inputs, **changed})
        inputs["cache"].crop(-1)  # whoever has it finds it as generate left it
        return self.take()

    def can_go_on(self, n_read):
        """Tell whether the cache of the last pass is whole and has room for more."""
        cache, mask = self._inputs.get("cache"), self._inputs.get("attention_mask")
        return (
            type(cache) is DynamicCache
            and not any(cache.is_sliding)
            and cache.get_seq_length() == n_read
            and (mask is None or _is_plain(mask))
        )

    def read_again(self, sequence):
        """Return the logits after a sequence without padding, read as a whole."""
        inputs = self._inputs  # those of generate tell where its padding is
        with torch.no_grad():
            self.model(sequence[None], use_cache=False)
        self._inputs = inputs
        return self.take()

    def n_real(self, row, n_prompt, n_read):
        """Return how many tokens of a row's prompt are not padding, on its left."""
        mask, position = (
            self._inputs.get(name) for name in ("attention_mask", "position_ids")
        )
        if _is_plain(mask):
            return int(mask[row, :n_prompt].sum())
        if position is None:
            return n_prompt
        return int(position[row % len(position), -1]) + 1 - (n_read - n_prompt)


def _is_plain(mask):
    return torch.is_tensor(mask) and mask.ndim == 2
