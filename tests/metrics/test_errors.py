# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is said of a score, a shift, an estimator or weights that cannot be used."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer

from skperf import RepeatedRiskMinimizer
from skperf.metrics import (
    decoupled_performative_risk,
    induce,
    make_performative_scorer,
    performative_risk,
    stability_gap,
)
from skperf.shift import FunctionShift, ResampleIfRejected, Sample

X, Y = make_classification(100, random_state=0)
TEXT = np.array(["good", "bad"])[Y]
SHIFT = ResampleIfRejected(0.3)
MODEL = LogisticRegression().fit(X, Y)


def unweighted(estimator, X, y):
    return estimator.score(X, y)


def metrics(model=MODEL, shift=SHIFT, X=X, y=Y, **options):
    return [
        lambda: performative_risk(model, shift, X, y, **options),
        lambda: decoupled_performative_risk(model, model, shift, X, y, **options),
        lambda: stability_gap(model, shift, X, y, **options),
    ]


def all_raise(error, words, calls):
    for call in calls:
        with pytest.raises(error, match=words):
            call()


@pytest.mark.parametrize("scoring", [unweighted, make_scorer(lambda y, y_pred: 0.0)])
def test_scorers_without_weights(scoring):
    minimizer = RepeatedRiskMinimizer(LogisticRegression(), SHIFT, scoring=scoring)
    scorer = make_performative_scorer(scoring, SHIFT)
    all_raise(
        TypeError,
        "scorer .* takes no sample_weight.*sample_weight=None.*'common'",
        [
            *metrics(scoring=scoring),
            lambda: minimizer.fit(X, Y),
            lambda: scorer(MODEL, X, Y),
        ],
    )


def test_scorers_without_weights_where_rows_count_the_same():
    shift = FunctionShift(lambda X, y, y_pred: Sample(X, y, np.full(len(y), 2.0)))
    risk = performative_risk(MODEL, shift, X, Y, scoring=unweighted)
    assert_allclose(risk, -MODEL.score(X, Y))


@pytest.mark.parametrize(
    "scoring", [["f1"], ("f1", "accuracy"), {"f1": "f1"}, {"f1", "accuracy"}]
)
def test_several_scorers(scoring):
    minimizer = RepeatedRiskMinimizer(LogisticRegression(), SHIFT, scoring=scoring)
    all_raise(
        TypeError,
        "'scoring' parameter is .*; expected one score.*one after the other",
        [
            *metrics(scoring=scoring),
            lambda: minimizer.fit(X, Y),
            lambda: make_performative_scorer(scoring, SHIFT),
        ],
    )


@pytest.mark.parametrize("scoring", ["f1", "precision", "recall"])
def test_the_class_that_is_scored(scoring):
    model = LogisticRegression().fit(X, TEXT)
    scorer = make_performative_scorer(scoring, SHIFT, pos_label="bad")
    words = "class people react to, not which one is scored.*make_scorer"
    options = {"scoring": scoring, "pos_label": "bad"}
    calls = [lambda: scorer(model, X, TEXT), *metrics(model, y=TEXT, **options)]
    all_raise(ValueError, words, calls)
    own = make_scorer(f1_score, pos_label="bad")
    scorer = make_performative_scorer(own, SHIFT, pos_label="bad")
    assert scorer(model, X, TEXT) > 0.5


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (-np.ones(100), "Negative values"),
        (np.ones(99), r"\(99,\), expected \(100,\)"),
        (np.full(100, np.nan), "NaN"),
        (np.zeros(100), "non-zero"),
        (["a"] * 100, "could not convert"),
    ],
)
def test_weights_of_metrics(weights, words):
    scorer = make_performative_scorer("accuracy", SHIFT)
    calls = [
        *metrics(sample_weight=weights),
        lambda: induce(MODEL, SHIFT, X, Y, sample_weight=weights),
        lambda: scorer(MODEL, X, Y, sample_weight=weights),
    ]
    all_raise(ValueError, words, calls)


def move(X, y, y_pred):
    return X, y


SHIFTS = [
    (ResampleIfRejected, r"class ResampleIfRejected; .*ResampleIfRejected\(\.\.\.\)"),
    (move, r"is a function; .*FunctionShift\(move\)"),
    (np.cumsum, r"expected an instance of a shift"),
]


@pytest.mark.parametrize(
    ("shift", "words"),
    [*SHIFTS, (None, "None; expected an instance"), (0.5, "is 0.5; expected")],
)
def test_shifts_of_metrics(shift, words):
    calls = [
        *metrics(shift=shift),
        lambda: induce(MODEL, shift, X, Y),
        lambda: make_performative_scorer("accuracy", shift),
    ]
    all_raise(TypeError, words, calls)


@pytest.mark.parametrize(("shift", "words"), SHIFTS)
def test_shifts_of_minimizers(shift, words):
    minimizer = RepeatedRiskMinimizer(LogisticRegression(), shift)
    calls = [lambda: minimizer.fit(X, Y), lambda: minimizer.partial_fit(X, Y)]
    all_raise(TypeError, words, calls)


def test_an_estimator_that_is_a_class():
    minimizer = RepeatedRiskMinimizer(LogisticRegression, SHIFT)
    calls = [lambda: minimizer.fit(X, Y), *metrics(LogisticRegression)]
    words = r"class LogisticRegression.*LogisticRegression\(\.\.\.\)"
    all_raise(TypeError, words, calls)


@pytest.mark.parametrize("kind", ["layer", "sequential", "own"])
def test_a_bare_torch_module(kind):
    nn = pytest.importorskip("torch").nn
    module = {
        "layer": nn.Linear,
        "sequential": lambda *sizes: nn.Sequential(nn.Linear(*sizes)),
        "own": type("Network", (nn.Linear,), {}),
    }[kind](20, 1)
    minimizer = RepeatedRiskMinimizer(module, SHIFT)
    calls = [
        lambda: minimizer.fit(X, Y),
        lambda: minimizer.partial_fit(X, Y),
        *metrics(module),
    ]
    all_raise(TypeError, "bare torch module.*TorchClassifier.*TorchRegressor", calls)
