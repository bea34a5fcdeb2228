# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""scikit-learn for models that change the data they predict.

Every public class and all sub-packages are here. They are imported when first used, so
that nobody needs torch who does not use it.
"""

import importlib as _importlib

__version__ = "0.1.0"

_SUBPACKAGES = [
    "base",
    "datasets",
    "exceptions",
    "games",
    "inspection",
    "llm",
    "metrics",
    "neural_network",
    "retraining",
    "risk_minimization",
    "shift",
    "testing",
]
# In which sub-package each public class is.
_CLASSES = {
    "AffineRiskMinimizer": "risk_minimization",
    "AfterChat": "metrics",
    "BaseGameShift": "games",
    "BaseRiskMinimizer": "base",
    "BaseShift": "shift",
    "BudgetedResponse": "shift",
    "ContractionRadius": "metrics",
    "ContractionRate": "metrics",
    "ConvergenceReport": "metrics",
    "Cotangent": "shift",
    "DamagedStoreError": "exceptions",
    "Deployment": "shift",
    "DetectionDelayDisplay": "inspection",
    "DetectorEvaluation": "metrics",
    "Dice": "shift",
    "Divergence": "llm",
    "DriftDisplay": "inspection",
    "DriftTest": "shift",
    "ExperimentPlan": "shift",
    "FineTuned": "metrics",
    "FormCheck": "shift",
    "FunctionShift": "shift",
    "GameOutcomeShift": "games",
    "GenerationReport": "llm",
    "Interval": "metrics",
    "JointPredictor": "games",
    "LaggedShift": "shift",
    "LanguageModel": "llm",
    "LoraTuning": "llm",
    "MeanStatesProbe": "llm",
    "MemoryShift": "shift",
    "MemoryStore": "retraining",
    "MissingLabelsWarning": "exceptions",
    "OutcomeShift": "shift",
    "Parameters": "shift",
    "PerformativeGame": "games",
    "PerformativeRiskMinimizer": "risk_minimization",
    "Pool": "retraining",
    "PopulationShift": "shift",
    "PositionScores": "llm",
    "PositiveClassWarning": "exceptions",
    "Predictor": "shift",
    "Prefill": "metrics",
    "PullBack": "shift",
    "QuantilePolicy": "shift",
    "ReactionDisplay": "inspection",
    "RedFlagClassifier": "llm",
    "RedFlagLogitsProcessor": "llm",
    "RedFlagMonitor": "llm",
    "RedFlagStoppingCriteria": "llm",
    "RepeatedPersonsWarning": "exceptions",
    "RepeatedRiskMinimizer": "risk_minimization",
    "ResampleIfRejected": "shift",
    "Resampled": "metrics",
    "RetrainingDisplay": "inspection",
    "RetrainingRunsDisplay": "inspection",
    "RiskLandscapeDisplay": "inspection",
    "Sample": "shift",
    "ScaledSigmoid": "neural_network",
    "Schema": "retraining",
    "SchemaError": "exceptions",
    "SelfFulfillingShift": "shift",
    "ShiftEstimate": "shift",
    "ShiftPipeline": "shift",
    "Snapshot": "retraining",
    "SnapshotStore": "retraining",
    "Store": "retraining",
    "StoreConflictError": "exceptions",
    "StoreError": "exceptions",
    "StrategicResponse": "shift",
    "Strength": "shift",
    "StressDisplay": "inspection",
    "ThresholdPolicy": "shift",
    "TokenTuning": "llm",
    "TorchClassifier": "neural_network",
    "TorchRegressor": "neural_network",
    "TransformedPredictionShift": "shift",
    "UnidentifiedError": "exceptions",
    "World": "shift",
}
# What `from skperf import *` imports has to be there without torch.
__all__ = [k for k, v in _CLASSES.items() if v not in ("llm", "neural_network")]


def __dir__():
    return [*_SUBPACKAGES, *_CLASSES, "__version__"]


def __getattr__(name):
    if name in _CLASSES:
        return getattr(_importlib.import_module(f"skperf.{_CLASSES[name]}"), name)
    if name in _SUBPACKAGES:
        return _importlib.import_module(f"skperf.{name}")
    raise AttributeError(f"module 'skperf' has no attribute {name!r}")
