# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skperf import RepeatedRiskMinimizer
from skperf.shift import (
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    ShiftPipeline,
    StrategicResponse,
    TransformedPredictionShift,
)
from skperf.shift._predictor import PlainFunction

X, Y = make_classification(100, 3, n_redundant=0, random_state=0)
SLOPES = np.array([1.0, -2.0, 0.5])
WEIGHTS = np.random.default_rng(0).uniform(0.1, 2, size=100)


def predictor(X):
    return expit(X @ SLOPES)


# One after the other


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_later_steps_see_the_moved_population(weights):
    game, reject = StrategicResponse(0.1), ResampleIfRejected(0.5)
    pipeline = ShiftPipeline([("game", game), ("reject", reject)])
    sample = pipeline.sample(
        X, Y, predictor(X), predictor=predictor, sample_weight=weights
    )
    moved = game.sample(X, Y, predictor(X), predictor=predictor).X
    assert_array_equal(sample.X, moved)
    expected = reject.sample(moved, Y, predictor(moved), sample_weight=weights)
    assert_array_equal(sample.sample_weight, expected.sample_weight)
    before = reject.sample(X, Y, predictor(X), sample_weight=weights)
    assert np.abs(sample.sample_weight - before.sample_weight).max() > 1e-3


def test_order_matters():
    double = FunctionShift(lambda X, y, y_pred: (X, 2 * y))
    move = OutcomeShift(1.0)
    for steps, expected in [
        ([("double", double), ("move", move)], 2 * Y + predictor(X)),
        ([("move", move), ("double", double)], 2 * (Y + predictor(X))),
    ]:
        sample = ShiftPipeline(steps).sample(X, Y, predictor(X), predictor=predictor)
        assert_allclose(sample.y, expected, rtol=1e-15)


def test_one_step_is_the_step():
    alone = ResampleIfRejected(0.5)
    found = ShiftPipeline([("reject", alone)]).sample(X, Y, predictor(X))
    expected = alone.sample(X, Y, predictor(X))
    assert_array_equal(found.sample_weight, expected.sample_weight)
    assert found.X is X


def test_missing_predictor():
    pipeline = ShiftPipeline(
        [("reject", ResampleIfRejected(0.5)), ("move", OutcomeShift(0.1))]
    )
    with pytest.raises(ValueError, match="ShiftPipeline must ask the deployed model"):
        pipeline.sample(X, Y, predictor(X))


def draw():
    return ResampleIfRejected(0.5, strategic_features=0, resampling="drawn")


def test_steps_have_random_numbers_of_their_own():
    """A step draws the same whatever its neighbors use up."""
    one = ShiftPipeline([("first", draw())])
    two = ShiftPipeline([("first", draw()), ("second", draw())])
    other = clone(draw()).set_params(strategic_features=1)
    mixed = ShiftPipeline([("first", draw()), ("second", other)])
    samples = [
        shift.sample(X, Y, predictor(X), predictor=predictor, random_state=0).X
        for shift in (one, mixed)
    ]
    assert_array_equal(samples[0][:, 0], samples[1][:, 0])
    twice = two.sample(X, Y, predictor(X), predictor=predictor, random_state=0).X
    assert np.any(twice[:, 0] != samples[0][:, 0])


def test_bound_steps_draw_afresh_and_repeatably():
    pipeline = ShiftPipeline([("first", draw()), ("second", draw())])
    paths = []
    for _ in range(2):
        world = pipeline.bind(X, Y, random_state=0)
        first, state = world.react(world.start(), PlainFunction(predictor))
        second, _ = world.react(state, PlainFunction(predictor))
        paths.append([first.X, second.X])
    assert_array_equal(paths[0], paths[1])
    assert np.any(paths[0][0] != paths[0][1])


def test_steps_are_tunable():
    pipeline = ShiftPipeline(
        [("game", StrategicResponse(0.1)), ("reject", ResampleIfRejected(0.5))]
    )
    params = pipeline.get_params()
    assert params["reject__delta"] == 0.5
    assert params["game"] is pipeline.steps[0][1]
    model = RepeatedRiskMinimizer(LogisticRegression(), pipeline)
    model.set_params(shift__reject__delta=0.7, shift__game=OutcomeShift(0.2))
    assert pipeline.steps[1][1].delta == 0.7
    assert isinstance(pipeline.steps[0][1], OutcomeShift)
    copy = clone(pipeline).set_params(reject__delta=0.1)
    assert pipeline.steps[1][1].delta == 0.7
    assert copy.steps[1][1].delta == 0.1


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([("a", OutcomeShift(1)), ("a", OutcomeShift(1))], "not unique"),
        ([("a__b", OutcomeShift(1))], "must not contain __"),
        ([("steps", OutcomeShift(1))], "conflict with constructor arguments"),
        ("game", "'steps' parameter"),
        ([], "step"),
        ([("a", 3.0)], "shift"),
    ],
)
def test_invalid_steps(steps, message):
    with pytest.raises(ValueError, match=message):
        ShiftPipeline(steps).bind(X, Y)


def test_invalid_sample_names_the_step():
    wrong = FunctionShift(lambda X, y, y_pred: X)
    for steps in (
        [("wrong", wrong)],
        [("move", OutcomeShift(1.0)), ("wrong", wrong)],
    ):
        with pytest.raises(TypeError, match="FunctionShift returned ndarray"):
            ShiftPipeline(steps).sample(X, Y, predictor(X), predictor=predictor)


def test_pipeline_in_a_minimizer():
    """A stable model is a fixed point of the two steps written out."""
    pipeline = ShiftPipeline(
        [("game", StrategicResponse(0.1)), ("reject", ResampleIfRejected(0.5))]
    )
    estimator = LogisticRegression(tol=1e-10, max_iter=1000)
    model = RepeatedRiskMinimizer(estimator, pipeline, tol=1e-8, max_iter=50)
    model.fit(X, Y)
    moved = X - 0.1 * model.estimator_.coef_
    y_pred = model.predict_proba(moved)[:, 1]
    g = 0.5 + 0.5 * y_pred
    again = clone(estimator).fit(moved, Y, sample_weight=1 - g + g.mean())
    assert_allclose(again.coef_, model.estimator_.coef_, atol=1e-6)


# Of transformed predictions


def test_transformed_predictions():
    scores = X @ SLOPES
    inner = ResampleIfRejected(0.5)
    sample = TransformedPredictionShift(inner, expit).sample(X, Y, scores)
    expected = inner.sample(X, Y, expit(scores))
    assert_array_equal(sample.sample_weight, expected.sample_weight)


def test_transformed_predictor():
    """Only what is seen as the prediction changes: people still climb the score."""
    shift = TransformedPredictionShift(StrategicResponse(0.5), np.exp)
    sample = shift.sample(X, Y, X @ SLOPES, predictor=lambda X: X @ SLOPES)
    # relative errors of (6e-6)^2 and of rounding over 6e-6
    assert_allclose(sample.X, X - 0.5 * SLOPES, rtol=1e-8, atol=1e-8)


def test_transformed_shift_shares_its_rows():
    shift = TransformedPredictionShift(
        ResampleIfRejected(0.5, strategic_features=0), expit
    )
    respond = shift.bind(X, Y, random_state=0)
    assert respond(X @ SLOPES).X is respond(-X @ SLOPES).X


@pytest.mark.parametrize(
    ("params", "message"),
    [({"shift": expit}, "'shift' parameter"), ({"func": 2.0}, "'func' parameter")],
)
def test_invalid_transformations(params, message):
    shift = TransformedPredictionShift(ResampleIfRejected(0.5), expit)
    with pytest.raises(ValueError, match=message):
        shift.set_params(**params).bind(X, Y)
