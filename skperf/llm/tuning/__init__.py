# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is learnt: the flag's row, and adapters of the model's upper layers."""

from skperf.llm.tuning._divergence import Divergence
from skperf.llm.tuning._lora_tuning import LoraTuning
from skperf.llm.tuning._row import FlagRow
from skperf.llm.tuning._token_tuning import TokenTuning

__all__ = ["Divergence", "FlagRow", "LoraTuning", "TokenTuning"]
