# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Red flag tokens: causal language models as classifiers of texts."""

try:
    import torch  # noqa: F401
    import transformers  # noqa: F401
except ImportError as error:
    raise ImportError(
        "skperf.llm needs PyTorch and transformers. Install them with: "
        "pip install skperf[llm]"
    ) from error

from skperf.llm._red_flag import RedFlagClassifier
from skperf.llm._scores import PositionScores
from skperf.llm.model import LanguageModel
from skperf.llm.streaming import RedFlagMonitor, RedFlagStoppingCriteria
from skperf.llm.tuning import LoraTuning, TokenTuning

__all__ = [
    "LanguageModel",
    "LoraTuning",
    "PositionScores",
    "RedFlagClassifier",
    "RedFlagMonitor",
    "RedFlagStoppingCriteria",
    "TokenTuning",
]
