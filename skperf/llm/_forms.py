# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Bare texts and chats: what was learnt from the one says little of the other."""

import warnings

from skperf.utils._conversations import form_of


def forms_of(rows):
    """Return which of "chats" and "texts" there are among rows, sorted."""
    return sorted({form_of(row) for row in rows})


def warn_of_forms(clf, rows):
    """Warn if there are rows of a form that a classifier was not fitted on."""
    unknown = sorted(set(forms_of(rows)) - set(clf.forms_))
    if unknown:
        warnings.warn(
            f"The classifier was fitted on {clf.forms_[0]} only and is asked about "
            f"{unknown[0]}. Other tokens come before these, so many may be flagged "
            "that are harmless. Ask about what it was fitted on, or fit it on both.",
            UserWarning,
            stacklevel=3,
        )
