# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""RedFlagMonitor: the probability of a red flag while a text is written."""

from copy import copy

import numpy as np
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from skperf.llm._aggregates import text_score_of
from skperf.llm._forms import warn_of_forms
from skperf.llm._threshold import choose_thresholds
from skperf.llm.model._states import check_tokens
from skperf.llm.streaming._growing import growing, is_tokens, lead_tokens, row_after
from skperf.llm.streaming._reader import Reader
from skperf.llm.streaming._running import RunningScore
from skperf.llm.tuning._row import log_odds, row_of


class RedFlagMonitor:
    """Follows a text while it is written; made by :meth:`RedFlagClassifier.stream`.

    Each token is read once, with the keys and values of those before it, and the
    probability is that which the classifier gives to the text so far.

    Parameters
    ----------
    classifier : RedFlagClassifier
        A fitted classifier. Fitting it anew has no influence on the monitor.

    prompt : str, list of dict, sequence of int or None, default=None
        As in :meth:`RedFlagClassifier.stream`.

    kind : str, default=None
        As in :meth:`RedFlagClassifier.stream`.

    prefill : str, default=""
        As in :meth:`RedFlagClassifier.stream`.

    Notes
    -----
    If a piece could not be scored, because of an error, the text has it all the same:
    it is tried again with the next piece, and there is no probability without it.

    Examples
    --------
    A random model of words stands in for a real one:

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
    >>> monitor = clf.stream()
    >>> monitor.push("we had") < 0.5 < monitor.push(" dies")
    True
    >>> monitor.flagged
    True
    """

    def __init__(self, classifier, prompt=None, kind=None, prefill=""):
        check_is_fitted(classifier)
        language_model = classifier.language_model_
        self._language_model = language_model
        self._prompt = copy(prompt)  # chats are lists that grow
        self._prefill = prefill
        self._lead = lead_tokens(prompt, prefill, language_model.tokenizer)
        _warn_of_form(classifier, prompt, prefill)
        check_tokens(language_model, np.array(self._lead, dtype=np.int64))
        self._row = row_of(classifier)
        self._looks_at_all = classifier.threshold_looks_ == "every"
        self._threshold = _threshold(classifier, prompt, kind)
        lora_weights = getattr(classifier, "lora_weights_", None)
        self._reader = Reader(language_model, classifier.layer_, lora_weights)
        self._pooling = RunningScore(text_score_of(classifier))
        self._source = None
        self._is_behind = False
        self._pooled = self._pooling.pooled

    def push(self, piece):
        """Go on with the text.

        Parameters
        ----------
        piece : str or int
            What comes next: text, of any length, or the number of a token. A stream is
            given one of both throughout.

            Text is tokenised together with all that came before, since the tokens of a
            whole are not those of its parts. Where a word's tokens become others as it
            grows, these few are read again. So the probability is always that of the
            text as a whole.

            Tokens are taken as they are. Special ones, such as the end of a turn, are
            read but not scored.

        Returns
        -------
        probability : float
            The probability of the flagged class for the text so far; nan as long as
            there is no token to score.

        Raises
        ------
        MemoryError
            If the text does not fit in memory.

        TypeError
            If the piece is neither text nor a token number, or not of the kind that
            the stream was given before.

        ValueError
            If the model does not know a token, or its states are not finite.
        """
        source = self._source or growing(
            piece, self._language_model, self._prompt, self._prefill, self._lead
        )
        source.add(piece)
        self._source = source
        self._is_behind = True
        return self.probability

    @property
    def probability(self):
        """The probability of the flagged class for the text so far."""
        return float(expit(self._log_odds()))

    @property
    def flagged(self):
        """Whether `predict` would flag the text so far, by the classifier's threshold.

        A text without a token to score is not flagged.
        """
        last = self._log_odds()
        decisive = self._pooling.highest if self._looks_at_all else last
        return bool(decisive > self._threshold)

    def _log_odds(self):
        if self._is_behind:
            self._catch_up()
            self._pooled = self._pooling.pooled
            self._is_behind = False
        return self._pooled

    def _catch_up(self):
        n_tokens, n_scored = self._source.update()
        self._reader.forget(n_tokens)
        self._pooling.forget(n_scored)
        pending = self._source.scored[len(self._pooling.scores) :]
        if len(pending):
            states = self._reader.states(self._source.tokens, pending)
            for score in log_odds(self._row, states):
                self._pooling.push(score)


def _warn_of_form(classifier, prompt, prefill):
    """Warn if texts of this form were not learnt from; tokens have no form."""
    if not is_tokens(prompt):
        warn_of_forms(classifier, [row_after(prompt, prefill, "")])


def _threshold(classifier, prompt, kind):
    """Return the threshold for a text of a kind that follows a prompt."""
    if kind is None and classifier.threshold_by_ == "role":
        kind = "text" if prompt is None else "assistant"
    chosen = choose_thresholds(classifier, None if kind is None else np.array([kind]))
    return float(np.ravel(chosen)[0])
