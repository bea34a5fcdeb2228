# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is learnt: the flag's row, and adapters of the model's upper layers."""

from skperf.llm.tuning._row import FlagRow

__all__ = ["FlagRow"]
