# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rows of texts: strings, (prompt, response) pairs and chats."""

from collections.abc import Iterable

import narwhals.stable.v2 as nw
import numpy as np


def rows_of(X):
    """Return the rows of any kind of column, or of a table of prompts and responses."""
    if isinstance(X, str | bytes | dict) or not isinstance(X, Iterable):
        raise ValueError(
            "X should hold one text, pair or chat for each sample; got a single "
            f"{type(X).__name__}. Put it into a list."
        )
    if nw.dependencies.is_into_dataframe(X):
        return _table_rows(nw.from_native(X, eager_only=True).rows())
    if nw.dependencies.is_into_series(X):
        return nw.from_native(X, series_only=True).to_list()
    if isinstance(X, np.ndarray) and X.ndim == 2:
        return _table_rows(X.tolist())
    if isinstance(X, np.ndarray) and X.ndim != 1:
        raise ValueError(
            f"X should be a column, or a table of prompts and responses; got an array "
            f"of shape {X.shape}."
        )
    return X.tolist() if isinstance(X, np.ndarray) else list(X)


def _table_rows(rows):
    widths = {len(row) for row in rows}
    if not widths <= {1, 2}:
        raise ValueError(
            "A table of texts has one column, or two: prompts and responses; got "
            f"{widths.pop()} columns. Select the column with the texts."
        )
    return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def role_of(row):
    """Return who wrote the part of a row that is judged: "text" if nobody is named.

    That part is all of a text; the response of a pair, or the prompt if there is no
    response; and the last message of a chat.
    """
    if isinstance(row, str):
        return "text"
    if _is_pair(row):
        return "assistant" if row[1] else "user"
    return _last_message(row)["role"]


def judged_part(row):
    """Return the part of a row that is judged, as text."""
    if isinstance(row, str):
        return row
    if _is_pair(row):
        return row[1] or row[0]
    last = _last_message(row)
    return message_text(last)[len(last.get("prefill", "")) :]


def message_text(message):
    """Return the text of a message of a chat, as logs have it.

    Its content is text, None where there are tool calls only, or a list of parts.

    Raises
    ------
    TypeError
        If it is something else, or has parts that are no text.
    """
    content = message["content"]
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple | np.ndarray):
        raise TypeError(
            "The content of a message should be text, a list of parts or None; got a "
            f"{type(content).__name__}."
        )
    return "".join(map(_part_text, content))


def _part_text(part):
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return part["text"]
    kind = part.get("type") if isinstance(part, dict) else None
    named = kind if kind in ("image", "image_url", "audio", "video", "file") else ""
    raise TypeError(
        f"A part of a message is no text but {named or type(part).__name__}. Leave out "
        "such parts, if the text can be judged without them."
    )


def with_answer(row, change):
    """Return a row whose answer is what a function makes of the old one.

    Raises
    ------
    ValueError
        If the row has no answer: if it is a prompt, or a chat that ends with another
        role than the assistant.
    """
    if isinstance(row, str):
        return change(row)
    if role_of(row) != "assistant":
        raise ValueError(
            "A row of X has no answer, only a prompt. Leave out rows of which the "
            "prompt is judged."
        )
    if _is_pair(row):
        return (row[0], change(row[1]))
    content = row[-1].get("prefill", "") + change(judged_part(row))
    return [*row[:-1], {**row[-1], "content": content}]


def as_chat(row):
    """Return a row as a list of messages."""
    if isinstance(row, str):
        return [{"role": "user", "content": row}]
    if not _is_pair(row):
        _last_message(row)
        return list(row)
    chat = [{"role": "user", "content": row[0]}]
    return [*chat, {"role": "assistant", "content": row[1]}] if row[1] else chat


def _is_pair(row):
    is_list = isinstance(row, list | tuple | np.ndarray) and len(row) == 2
    return is_list and all(isinstance(part, str) for part in row)


def _last_message(row):
    if isinstance(row, list | tuple | np.ndarray) and len(row):
        last = row[-1]
        if isinstance(last, dict) and {"role", "content"} <= last.keys():
            return last
    raise TypeError(
        "A row of X should be a string, a pair (prompt, response), or a chat: a list "
        f"of messages with 'role' and 'content'; got a {type(row).__name__}."
    )
