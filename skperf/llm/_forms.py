# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Bare texts and chats: what was learnt from the one says little of the other."""

import warnings


def forms_of(rows, tokenizer):
    """Return which of "chats" and "texts" there are among rows, sorted.

    A pair is a chat where there is a template for chats, and else part of a text.
    """
    if not tokenizer.chat_template:
        return ["texts"]
    return sorted({"texts" if isinstance(row, str) else "chats" for row in rows})


def warn_of_forms(clf, rows):
    """Warn if there are rows of a form that a classifier was not fitted on."""
    forms = forms_of(rows, clf.language_model_.tokenizer)
    unknown = sorted(set(forms) - set(clf.forms_))
    if unknown:
        warnings.warn(
            f"The classifier was fitted on {clf.forms_[0]} only and is asked about "
            f"{unknown[0]}. Other tokens come before these, so many may be flagged "
            "that are harmless. Ask about what it was fitted on, or fit it on both.",
            UserWarning,
            stacklevel=3,
        )
