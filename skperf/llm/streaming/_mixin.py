# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The methods of RedFlagClassifier for texts that are being written."""

from skperf.llm.streaming._monitor import RedFlagMonitor
from skperf.llm.streaming._stopping import RedFlagStoppingCriteria


class StreamingMixin:
    """Follow a text while it is written, and end its generation."""

    def stream(self, prompt=None, *, prefill="", kind=None):
        """Follow a text while it is written.

        Parameters
        ----------
        prompt : str, list of dict, sequence of int or None, default=None
            What comes before the text, and is read but not scored: the prompt of a
            pair; the messages of a chat, which the text answers; or the numbers of the
            tokens, as they are. None means nothing.

        prefill : str, default=""
            The beginning of the answer, if it was given to the model and is not its
            own. It belongs to the prompt, so it is read but not scored. It needs a
            chat template.

        kind : str, default=None
            The kind of the text, where there is a threshold for each: see
            :meth:`fit_threshold`. None will do if they are by role.

        Returns
        -------
        monitor : RedFlagMonitor
            Its `push` takes a piece of the text, and returns the probability that
            `predict_proba` gives to the text, pair or chat so far.

        Raises
        ------
        TypeError
            If the prompt is something else.

        ValueError
            If the model keeps no keys and values, or if there is no chat template for
            a chat.
        """
        return RedFlagMonitor(self, prompt, kind, prefill)

    def stopping_criteria(
        self, input_ids, attention_mask=None, *, kind=None, pad_token_id=None
    ):
        """Make a criterion that ends `generate` where a text is flagged.

        Pass it to `generate` of a model that writes in the tokens of this one,
        ``model.generate(**inputs, stopping_criteria=[criterion])``, with
        ``criterion = clf.stopping_criteria(**inputs)``. Any number of rows may be
        decoded greedily or sampled; each ends for itself and is padded. A row ends when
        `predict` would flag what was written after the prompt, the last token included.

        Parameters
        ----------
        input_ids : torch.Tensor of shape (n_prompts, n_tokens)
            The prompts that `generate` gets, padded on the left. They are read but not
            scored.

        attention_mask : torch.Tensor of shape (n_prompts, n_tokens), default=None
            0 where there is padding, as `generate` gets it. None means no padding.

        kind : str, default=None
            As in :meth:`stream`.

        pad_token_id : int, default=None
            The padding, if `generate` is given another one than the model's or the
            tokenizer's. At the end of a row it is no text.

        Returns
        -------
        criterion : RedFlagStoppingCriteria
            Good for one call of `generate`, after which its `flagged` tells which rows
            were flagged.

        Raises
        ------
        ValueError
            If the prompts are not rows of tokens.
        """
        return RedFlagStoppingCriteria(
            self, input_ids, attention_mask, kind, pad_token_id
        )
