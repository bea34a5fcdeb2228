# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Texts, pairs and chats as tokens, with the positions that are scored."""

from typing import NamedTuple

import numpy as np

from skperf.utils._conversations import rows_of

# Stands for the last message while its place in a rendered chat is looked for.
_MARK = "\ue000\ue001\ue000"


class TokenizedText(NamedTuple):
    """A text as the language model reads it.

    Attributes
    ----------
    tokens : ndarray of shape (n_tokens,)
        Token numbers, from the first to the last scored one.

    scored : ndarray of shape (n_scored,)
        Where in `tokens` the scored ones are.

    offsets : ndarray of shape (n_scored, 2)
        Start and end of each scored token, in characters of the scored text.
    """

    tokens: np.ndarray
    scored: np.ndarray
    offsets: np.ndarray


class _Rendered(NamedTuple):
    """One string for the tokenizer, and which of its characters are scored."""

    text: str
    start: int
    stop: int
    shift: int  # from characters of `text` to those of the scored text
    add_special_tokens: bool


def tokenize(X, tokenizer):
    """Return one TokenizedText for each row of X.

    Raises
    ------
    TypeError, ValueError
        If a row is no text, pair or chat, or has no token to score.
    """
    texts = encode(X, tokenizer)
    empty = [i for i, text in enumerate(texts) if not len(text.scored)]
    if empty:
        raise ValueError(
            f"The texts in rows {_some(empty)} have no token that could be scored. An "
            "empty text is neither harmful nor harmless: leave these rows out."
        )
    return texts


def encode(X, tokenizer):
    """Return one TokenizedText for each row of X, with or without scored tokens."""
    rendered = [_render(row, i, tokenizer) for i, row in enumerate(rows_of(X))]
    if not rendered:
        raise ValueError("Found 0 texts; at least 1 is required.")
    texts = [None] * len(rendered)
    for special in (True, False):
        rows = [i for i, r in enumerate(rendered) if r.add_special_tokens == special]
        for i, text in zip(rows, _encode(rendered, rows, tokenizer), strict=True):
            texts[i] = text
    return texts


def encode_lead(row, tokenizer):
    """Return the tokens that are read before the scored part of a row."""
    rendered = _render(row, 0, tokenizer)
    head = rendered.text[: rendered.start]
    lead = tokenizer(head, add_special_tokens=False, verbose=False)
    if not rendered.add_special_tokens:
        return lead["input_ids"]
    whole = tokenizer(rendered.text, return_special_tokens_mask=True)
    n_special = [*whole["special_tokens_mask"], 0].index(0)
    return whole["input_ids"][:n_special] + lead["input_ids"]


def _render(row, i, tokenizer):
    if isinstance(row, str):
        return _Rendered(row, 0, len(row), 0, True)
    parts = list(row) if isinstance(row, list | tuple | np.ndarray) else []
    if len(parts) == 2 and all(isinstance(part, str) for part in parts):
        return _render_pair(*parts, i, tokenizer)
    if parts and all(map(_is_message, parts)):
        return _render_chat(parts, i, tokenizer)
    raise TypeError(
        f"Row {i} of X should be a string, a pair (prompt, response), or a chat: a "
        f"list of messages with 'role' and 'content' as text. Got {row!r:.80}."
    )


def _is_message(part):
    return isinstance(part, dict) and all(
        isinstance(part.get(key), str) for key in ("role", "content")
    )


def _render_pair(prompt, response, i, tokenizer):
    """Without a response the prompt is what is scored."""
    if tokenizer.chat_template:
        chat = [{"role": "user", "content": prompt}]
        if response:
            chat.append({"role": "assistant", "content": response})
        return _render_chat(chat, i, tokenizer)
    if not response:
        return _Rendered(prompt, 0, len(prompt), 0, True)
    start = len(prompt) + 1
    text = f"{prompt}\n{response}"
    return _Rendered(text, start, len(text), -start, True)


def _render_chat(messages, i, tokenizer):
    """Find the last message by what the template makes of another one in its place."""
    content = messages[-1]["content"]
    text = _apply_template(messages, i, tokenizer)
    marked = [*messages[:-1], {**messages[-1], "content": _MARK}]
    head, found, tail = _apply_template(marked, i, tokenizer).partition(_MARK)
    start, stop = len(head), len(text) - len(tail)
    lead = content.find(text[start:stop])  # templates trim messages
    if not found or lead < 0 or text != head + text[start:stop] + tail:
        raise ValueError(
            f"The tokenizer's chat template rewrites the last message of row {i}, so "
            "its tokens cannot be told apart. Render the chat yourself and pass it as "
            "text."
        )
    return _Rendered(text, start, stop, lead - start, False)


def _apply_template(messages, i, tokenizer):
    if not tokenizer.chat_template:
        raise ValueError(
            f"Row {i} of X is a chat, but the tokenizer has no chat template. Pass "
            "texts or (prompt, response) pairs, or set tokenizer.chat_template."
        )
    from jinja2 import TemplateError

    try:
        return tokenizer.apply_chat_template(messages, tokenize=False)
    except TemplateError as error:
        raise ValueError(
            f"The tokenizer's chat template refuses the chat in row {i}: {error}"
        ) from error


def _encode(rendered, rows, tokenizer):
    if not rows:
        return []
    encoded = tokenizer(
        [rendered[i].text for i in rows],
        add_special_tokens=rendered[rows[0]].add_special_tokens,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_attention_mask=False,
        verbose=False,  # texts may be longer than the context
    )
    keys = ("input_ids", "offset_mapping", "special_tokens_mask")
    columns = zip(*(encoded[key] for key in keys), strict=True)
    return [
        _select(rendered[i], *column) for i, column in zip(rows, columns, strict=True)
    ]


def _select(rendered, tokens, offsets, special):
    """Keep what is needed: nothing after the last scored token is read."""
    offsets = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    clipped = offsets.clip(rendered.start, rendered.stop)
    inside = (clipped[:, 0] < clipped[:, 1]) & (np.array(special) == 0)
    scored = np.flatnonzero(inside)
    stop = scored[-1] + 1 if len(scored) else 0
    shifted = clipped[scored] + rendered.shift
    return TokenizedText(np.array(tokens[:stop], dtype=np.int64), scored, shifted)


def _some(rows):
    shown = ", ".join(map(str, rows[:10]))
    return f"[{shown}{', ...' if len(rows) > 10 else ''}]"
