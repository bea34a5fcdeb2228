# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a stream has been given so far, as tokens."""

import operator

import numpy as np

from skperf.llm.model._states import check_tokens
from skperf.llm.text._texts import encode, encode_lead


class GrowingText:
    """Pieces of text. As a word grows its tokens may become others.

    So the text is tokenised anew each time, exactly as if it had come as a whole.

    Parameters
    ----------
    language_model : LanguageModel
        The model.

    row : callable
        Makes a row of X, e.g. a pair, of the text so far.
    """

    def __init__(self, language_model, row):
        self._language_model = language_model
        self._row = row
        self._text = ""
        self.tokens = self.scored = np.empty(0, dtype=np.int64)

    def add(self, piece):
        """Take a piece of text."""
        if not isinstance(piece, str):
            raise TypeError(
                "This stream was given text; push text, not a "
                f"{type(piece).__name__}. Tokens need a stream of their own."
            )
        self._text += piece

    def update(self):
        """Return how many of the former tokens and scored positions are still right."""
        if not self._text:
            return 0, 0
        (text,) = encode([self._row(self._text)], self._language_model.tokenizer)
        check_tokens(self._language_model, text.tokens)
        n_tokens = _n_common(self.tokens, text.tokens)
        n_scored = min(
            _n_common(self.scored, text.scored),
            np.searchsorted(text.scored, n_tokens),
        )
        self.tokens, self.scored = text.tokens, text.scored
        return n_tokens, n_scored


class GrowingTokens:
    """Token numbers, as a language model writes them.

    A special token, such as the end of a turn, is read but not scored.

    Parameters
    ----------
    language_model : LanguageModel
        The model.

    lead : sequence of int
        What comes before the first token that is scored.
    """

    def __init__(self, language_model, lead):
        self._language_model = language_model
        self._special = special_tokens(language_model.tokenizer)
        self.tokens = list(lead)
        self.scored = []

    def add(self, piece):
        """Take a token number."""
        token = _as_token(piece)
        check_tokens(self._language_model, np.array([token]))
        if token not in self._special:
            self.scored.append(len(self.tokens))
        self.tokens.append(token)

    def update(self):
        """Return that all of the former tokens and scored positions are still right."""
        return len(self.tokens), len(self.scored)


def special_tokens(tokenizer):
    """Return the numbers of tokens that are no part of a text."""
    added = tokenizer.added_tokens_decoder.items()
    special = {number for number, token in added if token.special}
    return special - {tokenizer.unk_token_id}


def lead_tokens(prompt, prefill, tokenizer):
    """Return the tokens of a prompt, a prefill, and what else comes before the scored.

    Raises
    ------
    TypeError, ValueError
        If the prompt is neither text, a chat nor token numbers, or if there is no chat
        template for a chat.
    """
    if not is_tokens(prompt):
        row = row_after(prompt, prefill, "a")  # any text will do
        return encode_lead(row, tokenizer)
    if prefill:
        raise ValueError("The prompt is tokens: put those of the prefill behind them.")
    try:
        return [operator.index(token) for token in prompt]
    except TypeError as error:
        raise TypeError(
            "prompt should be text, a chat: a list of messages with 'role' and "
            f"'content' as text, or token numbers; got a {type(prompt).__name__}."
        ) from error


def growing(piece, language_model, prompt, prefill, lead):
    """Return what takes pieces of this kind.

    Raises
    ------
    ValueError
        If text is to follow on tokens.
    """
    if not isinstance(piece, str):
        return GrowingTokens(language_model, lead)
    if is_tokens(prompt):
        raise ValueError("The prompt of this stream is tokens: push tokens, not text.")
    return GrowingText(language_model, lambda text: row_after(prompt, prefill, text))


def row_after(prompt, prefill, text):
    """Return the row of X that has a text after the prompt, and after a prefill."""
    if prompt is None and not prefill:
        return text
    if isinstance(prompt, str) and not prefill:
        return (prompt, text)
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    answer = {"role": "assistant", "content": prefill + text, "prefill": prefill}
    return [*(prompt or []), answer]


def _as_token(piece):
    try:
        return operator.index(piece)
    except TypeError as error:
        raise TypeError(
            "push takes text, or else one token number at a time; got a "
            f"{type(piece).__name__}. A stream takes one of both."
        ) from error


def is_tokens(prompt):
    """Tell whether a prompt is neither text nor a chat."""
    return prompt is not None and not isinstance(prompt, str) and not _is_chat(prompt)


def _is_chat(prompt):
    return isinstance(prompt, list) and len(prompt) > 0 and isinstance(prompt[0], dict)


def _n_common(one, other):
    """Return the number of leading elements that two arrays share."""
    n = min(len(one), len(other))
    differing = np.flatnonzero(one[:n] != other[:n])
    return int(differing[0]) if len(differing) else n
