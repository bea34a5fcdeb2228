# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Shifts: how a population responds to the predictions made about it."""

from skperf.shift._base import BaseShift, PopulationShift
from skperf.shift._budgeted import BudgetedResponse
from skperf.shift._compose import ShiftPipeline, TransformedPredictionShift
from skperf.shift._deployment import Deployment
from skperf.shift._dice import Dice
from skperf.shift._function import FunctionShift
from skperf.shift._memory import LaggedShift, MemoryShift
from skperf.shift._outcome import OutcomeShift
from skperf.shift._parameters import Parameters
from skperf.shift._policies import QuantilePolicy, ThresholdPolicy
from skperf.shift._predictor import Predictor
from skperf.shift._pull_back import Cotangent, PullBack
from skperf.shift._resample import ResampleIfRejected
from skperf.shift._sample import Sample
from skperf.shift._self_fulfilling import SelfFulfillingShift
from skperf.shift._strategic import StrategicResponse
from skperf.shift._strength import Strength
from skperf.shift._world import World
from skperf.shift.estimation._board import checkerboard_drift_test
from skperf.shift.estimation._drift import DriftTest, performative_drift_test
from skperf.shift.estimation._estimate import estimate_shift
from skperf.shift.estimation._plan import ExperimentPlan, plan_experiment
from skperf.shift.estimation._result import FormCheck, ShiftEstimate

__all__ = [
    "BaseShift",
    "BudgetedResponse",
    "Cotangent",
    "Deployment",
    "Dice",
    "DriftTest",
    "ExperimentPlan",
    "FormCheck",
    "FunctionShift",
    "LaggedShift",
    "MemoryShift",
    "OutcomeShift",
    "Parameters",
    "PopulationShift",
    "Predictor",
    "PullBack",
    "QuantilePolicy",
    "ResampleIfRejected",
    "Sample",
    "SelfFulfillingShift",
    "ShiftEstimate",
    "ShiftPipeline",
    "StrategicResponse",
    "Strength",
    "ThresholdPolicy",
    "TransformedPredictionShift",
    "World",
    "checkerboard_drift_test",
    "estimate_shift",
    "performative_drift_test",
    "plan_experiment",
]
