# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shifts: how a population responds to the predictions made about it."""

from skperf.shift._base import BaseShift, PopulationShift, Sample
from skperf.shift._compose import ShiftPipeline, TransformedPredictionShift
from skperf.shift._function import FunctionShift
from skperf.shift._outcome import OutcomeShift
from skperf.shift._resample import ResampleIfRejected
from skperf.shift._strategic import StrategicResponse

__all__ = [
    "BaseShift",
    "FunctionShift",
    "OutcomeShift",
    "PopulationShift",
    "ResampleIfRejected",
    "Sample",
    "ShiftPipeline",
    "StrategicResponse",
    "TransformedPredictionShift",
]
