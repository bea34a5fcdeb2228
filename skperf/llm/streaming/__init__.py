# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The flag while a text is written."""

from skperf.llm.streaming._logits_processor import RedFlagLogitsProcessor
from skperf.llm.streaming._monitor import RedFlagMonitor
from skperf.llm.streaming._report import GenerationReport
from skperf.llm.streaming._stopping import RedFlagStoppingCriteria

__all__ = [
    "GenerationReport",
    "RedFlagLogitsProcessor",
    "RedFlagMonitor",
    "RedFlagStoppingCriteria",
]
