# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Texts, pairs and chats as tokens, with the positions that are scored."""

from typing import NamedTuple

import numpy as np

from skperf.utils._conversations import message_text, rows_of

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

    def __repr__(self):
        """Say how long it is: tokens are text, which may be in no log."""
        return f"TokenizedText(<{len(self.tokens)} tokens, {len(self.scored)} scored>)"


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
    for i, row in enumerate(rendered):
        _check_unicode(row.text, i)
    texts = [None] * len(rendered)
    for special in (True, False):
        rows = [i for i, r in enumerate(rendered) if r.add_special_tokens == special]
        for i, text in zip(rows, _encode(rendered, rows, tokenizer), strict=True):
            texts[i] = text
    return texts


def _check_unicode(text, i):
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"Row {i} of X has half of a surrogate pair, which is no character. Repair "
            "it: text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')."
        ) from None


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
        f"list of messages with 'role' and 'content'. Got a {type(row).__name__}"
        f"{_inside(parts)}."
    )


def _inside(parts):
    """Name the types in a row; its text may be in no log."""
    kinds = sorted({type(part).__name__ for part in parts})
    return f" of {len(parts)}: {', '.join(kinds)}" if parts else ""


def _is_message(part):
    is_dict = isinstance(part, dict) and "content" in part
    return is_dict and isinstance(part.get("role"), str)


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
    messages, prefill = _plain(messages, i)
    content = messages[-1]["content"]
    text = _apply_template(messages, i, tokenizer)
    marked = [*messages[:-1], {**messages[-1], "content": _MARK}]
    head, found, tail = _apply_template(marked, i, tokenizer).partition(_MARK)
    start, stop = len(head), len(text) - len(tail)
    part = text[start:stop]
    lead = content.find(part)  # templates trim messages
    rest = content.replace(part, "", 1) if lead >= 0 else content
    if not found or rest.strip() or text != head + part + tail:
        raise ValueError(
            f"The tokenizer's chat template rewrites the last message of row {i}, or "
            "leaves out some of it, such as its reasoning, which would not be scored. "
            "Render the chat yourself and pass it as text."
        )
    n_given = min(max(len(prefill) - lead, 0), len(part))
    return _Rendered(text, start + n_given, stop, lead - start, False)


def _plain(messages, i):
    """Return messages with text as content, and what the last one was begun with."""
    try:
        plain = [{**message, "content": message_text(message)} for message in messages]
    except TypeError as error:
        raise TypeError(f"Row {i} of X: {error}") from None
    if plain[-1].get("tool_calls"):
        raise ValueError(
            f"The last message of row {i} of X calls tools, and only text is scored. "
            "Put what the calls say into its content instead of tool_calls, or leave "
            "the message out."
        )
    prefill = plain[-1].pop("prefill", "")
    if not plain[-1]["content"].startswith(prefill):
        raise ValueError(
            f"The last message of row {i} of X does not begin with its 'prefill', "
            "which is the part of its content that was given to the model."
        )
    return plain, prefill


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
        quotes = any(m["content"] and m["content"] in str(error) for m in messages)
        reason = "its reason quotes the chat" if quotes else error
        raise ValueError(
            f"The tokenizer's chat template refuses the chat in row {i}: {reason}"
        ) from None


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
