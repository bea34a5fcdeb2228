# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Games: several models that retrain on data which all of them move."""

from skperf.games._game import PerformativeGame
from skperf.games._shift import BaseGameShift, GameOutcomeShift
from skperf.games._world import JointPredictor

__all__ = ["BaseGameShift", "GameOutcomeShift", "JointPredictor", "PerformativeGame"]
