# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The language model: how it is loaded, read and remembered."""

from skperf.llm.model._cache import States
from skperf.llm.model._language_model import LanguageModel

__all__ = ["LanguageModel", "States"]
