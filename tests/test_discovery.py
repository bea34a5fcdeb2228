# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Contracts of all that is public: who adds a class is asked for an example of it."""

import ast
import pickle
import re
from importlib import import_module
from inspect import isabstract, isclass, isfunction, signature
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier

import skperf
from skperf import (
    AffineRiskMinimizer,
    PerformativeRiskMinimizer,
    RepeatedRiskMinimizer,
)
from skperf.batches import IncrementalEstimator, LightGBMEstimator, XGBoostEstimator
from skperf.games import GameOutcomeShift, PerformativeGame
from skperf.inspection import (
    DetectionDelayDisplay,
    DriftDisplay,
    GamingDisplay,
    ReactionDisplay,
    RetrainingDisplay,
    RetrainingRunsDisplay,
    RetrainingStudy,
    RiskLandscapeDisplay,
    StressDisplay,
)
from skperf.metrics import DetectorEvaluation
from skperf.retraining import SnapshotStore
from skperf.shift import (
    BudgetedResponse,
    FunctionShift,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    QuantilePolicy,
    ResampleIfRejected,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    ThresholdPolicy,
    TransformedPredictionShift,
)

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import (  # noqa: E402
    LoraTuning,
    MeanStatesProbe,
    RedFlagClassifier,
    TokenTuning,
)
from skperf.neural_network import TorchClassifier, TorchRegressor  # noqa: E402


def identity(*parts):
    return parts[0] if len(parts) == 1 else parts


REJECT = ResampleIfRejected(0.5)
PLAYER = RepeatedRiskMinimizer(LinearRegression())
MINIMIZERS = [
    RepeatedRiskMinimizer(LogisticRegression(), REJECT, max_iter=2, random_state=0),
    AffineRiskMinimizer(LogisticRegression(), REJECT, max_iter=2, random_state=0),
    PerformativeRiskMinimizer(LogisticRegression(), REJECT, random_state=0),
]
EXAMPLES = [
    *MINIMIZERS,
    BudgetedResponse(0.1),
    FunctionShift(identity),
    GameOutcomeShift([[0.1]]),
    IncrementalEstimator(SGDClassifier()),
    LaggedShift(REJECT, 2),
    LightGBMEstimator(LogisticRegression()),
    LoraTuning(),
    MeanStatesProbe("some-model"),
    MemoryShift(REJECT, 0.5),
    OutcomeShift(0.5),
    PerformativeGame([("one", PLAYER)], GameOutcomeShift([[0.1]])),
    RedFlagClassifier("some-model"),
    QuantilePolicy(REJECT, 0.2),
    REJECT,
    RetrainingStudy(LogisticRegression(), REJECT),
    SelfFulfillingShift(0.5),
    ShiftPipeline([("reject", REJECT)]),
    SnapshotStore("some-folder"),
    StrategicResponse(0.1),
    ThresholdPolicy(REJECT, 0.5),
    TokenTuning(),
    TorchClassifier(),
    TorchRegressor(),
    TransformedPredictionShift(REJECT, identity),
    XGBoostEstimator(LogisticRegression()),
]


SMALL = [[0.0], [1.0]], [0.0, 1.0]


def minimizer():
    return RepeatedRiskMinimizer(LinearRegression(), OutcomeShift(0.5)).fit(*SMALL)


def evaluation():
    pd = pytest.importorskip("pandas")
    shared = {"detector": "flag", "value": 0.5, "low": 0.4, "high": 0.6}
    figures = [
        {"stress": stress, "figure": figure, **shared}
        for stress in ("none", "prefill")
        for figure in ("like-length AUC", "recall", "FPR")
    ]
    tokens = [
        {"tokens": tokens, "figure": figure, **shared}
        for tokens in (1, 2, 4)
        for figure in ("recall", "FPR")
    ]
    return DetectorEvaluation(pd.DataFrame(figures), pd.DataFrame(tokens))


def costs():
    pd = pytest.importorskip("pandas")
    row = {"feature": "x", "cost": 0.2, "cost_low": 0.1, "cost_high": 0.3}
    return pd.DataFrame([row])


DISPLAYS = {  # how each is made
    DetectionDelayDisplay: lambda: DetectionDelayDisplay.from_evaluation(evaluation()),
    DriftDisplay: lambda: DriftDisplay([0.1, 0.3], [0.1, 0.1]).plot(),
    ReactionDisplay: lambda: ReactionDisplay.from_estimator(
        minimizer(), OutcomeShift(0.5), *SMALL
    ),
    GamingDisplay: lambda: GamingDisplay.from_importance(costs()),
    RetrainingDisplay: lambda: RetrainingDisplay.from_estimator(minimizer()),
    RetrainingRunsDisplay: lambda: RetrainingRunsDisplay.from_estimators(
        {"one": [minimizer()]}
    ),
    RiskLandscapeDisplay: lambda: RiskLandscapeDisplay.from_estimator(
        minimizer(), OutcomeShift(0.5), *SMALL, grid_resolution=3
    ),
    StressDisplay: lambda: StressDisplay.from_evaluation(evaluation()),
}
SUBPACKAGES = [name for name in dir(skperf) if not isclass(getattr(skperf, name))]


def public_objects():
    modules = [
        import_module(f"skperf.{name}") for name in SUBPACKAGES if name[0] != "_"
    ]
    return [getattr(m, name) for m in modules for name in getattr(m, "__all__", ())]


def public_classes():
    return {found for found in public_objects() if isclass(found)}


def public_functions():
    """Return public functions and classes, and the methods of these."""
    for found in public_objects():
        if callable(found) and not isinstance(found, type(list[int])):
            yield found
        for method in vars(found).values() if isclass(found) else ():
            method = getattr(method, "__func__", method)
            if isfunction(method) and not method.__name__.startswith("_"):
                yield method


def test_every_public_estimator_has_an_example():
    estimators = {c for c in public_classes() if issubclass(c, BaseEstimator)}
    assert {c for c in estimators if not isabstract(c)} == {type(e) for e in EXAMPLES}


def test_every_public_class_is_at_the_top():
    assert {c.__name__ for c in public_classes()} <= set(dir(skperf))


def test_every_display_is_known():
    assert {c for c in public_classes() if c.__name__.endswith("Display")} == set(
        DISPLAYS
    )


examples = pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: type(e).__name__)


@examples
def test_parameters(example):
    """All can be set and read, a clone has them, and a pickle too."""
    for name in example.get_params():
        value, changed = object(), clone(example)
        assert changed.set_params(**{name: value}).get_params()[name] is value
    for copy in (clone(example), pickle.loads(pickle.dumps(example))):
        assert repr(copy) == repr(example)
        assert (
            copy.get_params(deep=False).keys() == example.get_params(deep=False).keys()
        )


@examples
def test_nothing_happens_before_fit(example):
    """Constructors store and do no more: what is wrong is told when it is used."""
    names = example.get_params(deep=False)
    strange = object()
    made = type(example)(**dict.fromkeys(names, strange))
    assert all(getattr(made, name) is strange for name in names)
    assert vars(made).keys() == names.keys()


@examples
def test_documentation(example):
    """A class says what its parameters are and shows how to use it."""
    text = type(example).__doc__
    titles = ("Parameters", "Examples") if example.get_params() else ("Examples",)
    for title in titles:
        assert f"{title}\n    {'-' * len(title)}" in text
    for name in example.get_params(deep=False):
        assert re.search(rf"\b{name}\b", text), name


def test_documented_defaults_are_those_of_the_signature():
    told = 0
    for function in public_functions():
        documented = re.findall(r"^ *(\w+) : .*default=(.+)$", function.__doc__, re.M)
        parameters = signature(function).parameters if documented else {}
        for name, default in documented:
            if name in parameters:
                value = parameters[name].default
                assert is_told(value, default), (function, name, value)
                told += 1
    assert told > 100


def is_told(value, text):
    """Return whether a default is what a text says: a value, or a class by its name."""
    if isclass(value):
        return text.endswith(f".{value.__name__}")
    return repr(value) == text or value == ast.literal_eval(text)


@pytest.mark.parametrize("display", DISPLAYS)
def test_displays_draw_what_they_were_made_from(display):
    pytest.importorskip("matplotlib.pyplot")
    shown = DISPLAYS[display]()
    assert shown.figure_.axes
    assert shown.plot() is shown


def test_scikit_learn_checks_run_for_every_predictor():
    """In a file of its own each; a game predicts a column a player, and has others."""
    texts = [file.read_text() for file in Path(__file__).parent.rglob("test_*.py")]
    checked = [text for text in texts if "parametrize_with_checks(" in text]
    for one in EXAMPLES:
        if hasattr(one, "predict") and not isinstance(one, PerformativeGame):
            assert any(type(one).__name__ in text for text in checked), one
