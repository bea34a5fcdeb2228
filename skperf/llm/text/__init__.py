# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Texts, pairs and chats as tokens, and long ones in windows."""

from skperf.llm.text._batches import Window
from skperf.llm.text._texts import TokenizedText

__all__ = ["TokenizedText", "Window"]
