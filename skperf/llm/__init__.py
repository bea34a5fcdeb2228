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

from skperf.llm._baselines import make_length_baseline, make_words_baseline
from skperf.llm._probe import MeanStatesProbe
from skperf.llm._red_flag import RedFlagClassifier
from skperf.llm._scores import PositionScores
from skperf.llm.model import LanguageModel
from skperf.llm.streaming import (
    GenerationReport,
    RedFlagLogitsProcessor,
    RedFlagMonitor,
    RedFlagStoppingCriteria,
)
from skperf.llm.tuning import Divergence, LoraTuning, TokenTuning

__all__ = [
    "Divergence",
    "GenerationReport",
    "LanguageModel",
    "LoraTuning",
    "MeanStatesProbe",
    "PositionScores",
    "RedFlagClassifier",
    "RedFlagLogitsProcessor",
    "RedFlagMonitor",
    "RedFlagStoppingCriteria",
    "TokenTuning",
    "make_length_baseline",
    "make_words_baseline",
]
