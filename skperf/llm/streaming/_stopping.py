# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""RedFlagStoppingCriteria: end the generation of a text that is flagged."""

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from transformers import StoppingCriteria

from skperf.llm.streaming._monitor import RedFlagMonitor


class RedFlagStoppingCriteria(StoppingCriteria):
    """Ends rows of `generate` when they are flagged.

    Made by :meth:`RedFlagClassifier.stopping_criteria`, for one call of `generate`.
    Each new token is read once by the classifier's language model.

    Parameters
    ----------
    classifier : RedFlagClassifier
        A fitted classifier.

    input_ids : torch.Tensor of shape (n_prompts, n_tokens)
        As in :meth:`RedFlagClassifier.stopping_criteria`.

    attention_mask : torch.Tensor of shape (n_prompts, n_tokens), default=None
        As in :meth:`RedFlagClassifier.stopping_criteria`.

    kind : str, default=None
        As in :meth:`RedFlagClassifier.stopping_criteria`.

    pad_token_id : int, default=None
        As in :meth:`RedFlagClassifier.stopping_criteria`.

    Attributes
    ----------
    flagged : ndarray of shape (n_rows,)
        Which rows of the output were flagged. The others ended for other reasons.

    Examples
    --------
    A random model of words stands in for a real one, and writes what it likes:

    >>> import torch
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    >>> words = {word: i for i, word in enumerate("? we had tea he dies".split())}
    >>> tokenizer = Tokenizer(models.WordLevel(words, unk_token="?"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    >>> config = LlamaConfig(
    ...     vocab_size=6, hidden_size=8, intermediate_size=8, num_attention_heads=2,
    ...     num_hidden_layers=1,
    ... )
    >>> from skperf.llm import LanguageModel, RedFlagClassifier
    >>> _ = torch.manual_seed(0)
    >>> language_model = LanguageModel(LlamaForCausalLM(config), tokenizer)
    >>> clf = RedFlagClassifier(language_model)
    >>> clf = clf.fit(["we had tea", "he dies", "tea", "dies"], [0, 1, 0, 1])
    >>> inputs = tokenizer(["we had"], return_tensors="pt")["input_ids"]
    >>> criterion = clf.stopping_criteria(inputs, pad_token_id=0)
    >>> written = language_model.model.generate(
    ...     inputs, stopping_criteria=[criterion], max_new_tokens=4, do_sample=False,
    ...     pad_token_id=0,
    ... )
    >>> tokenizer.decode(written[0])[:6], criterion.flagged.shape
    ('we had', (1,))
    """

    # generate pads rows that have ended only if one of its criteria has this attribute
    eos_token_id = None

    def __init__(
        self, classifier, input_ids, attention_mask=None, kind=None, pad_token_id=None
    ):
        check_is_fitted(classifier)
        rows = _as_rows(input_ids, "input_ids")
        kept = torch.ones_like(rows)
        if attention_mask is not None:
            kept = _as_rows(attention_mask, "attention_mask")
        self._classifier, self._kind = classifier, kind
        self._rows = rows  # as they were at the last call
        self._prompts = [
            row[some].tolist() for row, some in zip(rows, kept.bool(), strict=True)
        ]
        self._ends = _ends(classifier.language_model_)
        self._pad = _pad(classifier.language_model_, pad_token_id)
        self._monitors = []
        self.flagged = np.zeros(len(rows), dtype=bool)

    def __call__(self, input_ids, scores, **kwargs):
        """Read the new tokens, and return which rows are flagged.

        Parameters
        ----------
        input_ids : torch.Tensor of shape (n_rows, n_tokens)
            Prompts and what was written after them.

        scores : object
            Not used.

        **kwargs : object
            Not used.

        Returns
        -------
        flagged : torch.Tensor of shape (n_rows,)
            Which rows are to end.

        Raises
        ------
        ValueError
            If the rows do not start with the prompts, or do not go on from those of the
            last call, as in beam search.
        """
        rows = input_ids.cpu()
        if not self._monitors:
            self._start(len(rows))
        n_read = self._rows.shape[1]
        if not torch.equal(rows[:, :n_read], self._rows):
            raise ValueError(
                "The rows do not go on from the prompts, or from the rows of the last "
                "step. Make stopping criteria for each call of generate, with the "
                "input_ids and attention_mask that it is given, and sample or decode "
                "greedily: beams change their past."
            )
        self._rows = rows
        for i, new in enumerate(rows[:, n_read:].tolist()):
            self._go_on(i, new)
        return torch.tensor(self.flagged, device=input_ids.device)

    def _start(self, n_rows):
        """Make a monitor for each row; `num_return_sequences` repeats the prompts."""
        repeats = max(n_rows // len(self._prompts), 1)
        self._rows = self._rows.repeat_interleave(repeats, dim=0)
        self._monitors = [
            RedFlagMonitor(self._classifier, prompt, self._kind)
            for prompt in self._prompts
            for _ in range(repeats)
        ]
        self.flagged = np.zeros(n_rows, dtype=bool)
        self._ended = np.zeros(n_rows, dtype=bool)
        self._n_pads = np.zeros(n_rows, dtype=int)

    def _go_on(self, i, tokens):
        """Give tokens to the monitor of a row, unless the row has ended.

        Rows may end in ways that are not known here, and are padded then. So what may
        be padding is text only where other text follows.
        """
        for token in tokens:
            if self._ended[i]:
                break
            if token == self._pad and token not in self._ends:
                self._n_pads[i] += 1
                continue
            for part in [*[self._pad] * self._n_pads[i], token]:
                self._monitors[i].push(part)
            self._n_pads[i] = 0
            self.flagged[i] = self._monitors[i].flagged
            self._ended[i] = self.flagged[i] or token in self._ends


def _as_rows(tokens, name):
    tokens = torch.as_tensor(tokens).cpu()
    if tokens.ndim != 2:
        raise ValueError(
            f"{name} should have shape (n_prompts, n_tokens), as for generate; got "
            f"{tuple(tokens.shape)}."
        )
    return tokens


def _pad(language_model, pad_token_id):
    """Return what rows are padded with, if that is not what ends them."""
    config = getattr(language_model.model, "generation_config", None)
    choices = (pad_token_id, getattr(config, "pad_token_id", None))
    chosen = next((choice for choice in choices if choice is not None), None)
    return language_model.tokenizer.pad_token_id if chosen is None else chosen


def _ends(language_model):
    """Return the tokens that end a row: what follows is padding."""
    config = getattr(language_model.model, "generation_config", None)
    ends = getattr(config, "eos_token_id", None)
    ends = ends if isinstance(ends, list) else [ends]
    return {*ends, language_model.tokenizer.eos_token_id}
