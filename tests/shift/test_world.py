# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Worlds: with and without memory, in minimizers and games, pure and picklable."""

import pickle
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.games import BaseGameShift, PerformativeGame
from skperf.metrics import performative_risk
from skperf.shift import (
    BaseShift,
    Dice,
    FunctionShift,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    PopulationShift,
    Predictor,
    ResampleIfRejected,
    Sample,
    ShiftPipeline,
    StrategicResponse,
    TransformedPredictionShift,
    World,
)
from skperf.testing import check_shift

X, Y = make_classification(60, 4, random_state=0)
SAME = LinearRegression(fit_intercept=False)
FACES = {
    "expected": ResampleIfRejected(0.3),
    "copies": ResampleIfRejected(0.3, strategic_features=[0, 2]),
    "common": ResampleIfRejected(0.3, resampling="common"),
    "drawn": ResampleIfRejected(0.3, resampling="drawn"),
    "drawn columns": ResampleIfRejected(
        0.3, strategic_features=[1], resampling="drawn"
    ),
    "moves": StrategicResponse(0.1),
    "outcomes": OutcomeShift(0.5, spread=2.0),
    "pipeline": ShiftPipeline(
        [
            ("move", StrategicResponse(0.1)),
            ("draw", ResampleIfRejected(0.3, resampling="drawn")),
            ("copies", ResampleIfRejected(0.3, strategic_features=[0])),
        ]
    ),
    "drawn memory": MemoryShift(ResampleIfRejected(0.3, resampling="drawn"), 0.4),
    "lagged moves": LaggedShift(StrategicResponse(0.1), 2),
    "transformed": TransformedPredictionShift(
        ResampleIfRejected(0.3, resampling="drawn"), np.sqrt
    ),
}


class Habit(NamedTuple):
    """What people have got used to, and the number of rounds."""

    prediction: np.ndarray
    n_rounds: int = 0


class HabitWorld(World):
    """Outcomes follow a running mean of predictions: y + k h with h <- h + l (f - h).

    The data at rest under f are y + k f, so the stable model is y / (1 - k).
    """

    is_random = False

    def __init__(self, base, feedback, decay):
        self.base = base
        self.feedback = feedback
        self.decay = decay

    def start(self):
        return Habit(np.zeros(len(self.base.y)))

    def react(self, state, predictor):
        habit = state.prediction
        habit = habit + self.decay * (predictor(self.base.X) - habit)
        return self._answer(habit), Habit(habit, state.n_rounds + 1)

    def settle(self, state, predictor):
        return self._answer(predictor(self.base.X))

    def _answer(self, prediction):
        return self.base._replace(y=self.base.y + self.feedback * prediction)


class HabitShift(PopulationShift):
    def __init__(self, feedback=0.5, decay=0.5):
        self.feedback = feedback
        self.decay = decay

    def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
        base = Sample(X, np.asarray(y, dtype=float), sample_weight, groups)
        return HabitWorld(base, self.feedback, self.decay)


MINIMIZERS = {
    "repeated": RepeatedRiskMinimizer(SAME),
    "window": AffineRiskMinimizer(SAME, window=2),
    "all": AffineRiskMinimizer(SAME),
    "anderson": AffineRiskMinimizer(SAME, coefficients="anderson"),
}


# Memory


@pytest.mark.parametrize("name", MINIMIZERS)
@pytest.mark.parametrize("feedback", [0.5, -0.5])
def test_memory_in_a_minimizer(name, feedback):
    """Stable means at rest: the stable model is the one without a memory."""
    tol = 0.1 if name == "all" else 1e-9
    model = MINIMIZERS[name].set_params(
        shift=HabitShift(feedback, decay=0.4), max_iter=400, tol=tol
    )
    model.fit(np.eye(2), [1.0, 3.0])
    assert model.diagnosis_ == "converged"
    f = model.predict(np.eye(2))
    # |f - stable| = residual / (1 - k) in the root mean square
    assert_allclose(f, np.array([1, 3]) / (1 - feedback), rtol=0, atol=4 * tol)
    residual = np.sqrt(np.mean((np.array([1, 3]) + feedback * f - f) ** 2))
    # two rounds of the same arithmetic
    assert model.stability_residual_ == pytest.approx(residual, abs=1e-14)


def test_a_slow_world_is_not_taken_for_a_stable_one():
    """With a decay of .01 the first moves are a hundredth of what is to come."""
    model = RepeatedRiskMinimizer(SAME, HabitShift(0.9, decay=0.01), tol=0.05)
    with pytest.warns(ConvergenceWarning):
        model.fit(np.eye(1), [1.0])
    assert model.history_["prediction_gap"][-1] < 0.05
    assert model.stability_residual_ > 0.5


@pytest.mark.parametrize("decay", [0.2, 0.7])
def test_rate_of_retraining_with_memory(decay):
    """Errors shrink by 1 - l (1 - k) a round, once habit and model move together."""
    model = RepeatedRiskMinimizer(SAME, HabitShift(0.5, decay), max_iter=200, tol=1e-8)
    gaps = model.fit(np.eye(1), [1.0]).history_["prediction_gap"]
    assert gaps[40] / gaps[39] == pytest.approx(1 - decay * 0.5, abs=1e-6)


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_memory_in_a_game(order):
    class Town(World):
        """All players see outcomes that follow the habit of the mean prediction."""

        is_random = False

        def __init__(self, base):
            self.base = base

        def start(self):
            return Habit(np.zeros(1))

        def react(self, state, predictor):
            mean = predictor(self.base.X).mean()
            habit = state.prediction + 0.5 * (mean - state.prediction)
            return self._answer(habit, predictor), Habit(habit, state.n_rounds + 1)

        def settle(self, state, predictor):
            return self._answer(predictor(self.base.X).mean(), predictor)

        def _answer(self, habit, predictor):
            seen = self.base._replace(y=self.base.y + 0.5 * habit)
            return [seen for _ in predictor]

    class TownShift(BaseGameShift):
        def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
            return Town(Sample(X, np.asarray(y, dtype=float), sample_weight, groups))

        def sample(self, X, y, y_pred, **kwargs):
            raise NotImplementedError("The game binds.")

    players = [
        ("one", RepeatedRiskMinimizer(SAME)),
        ("other", AffineRiskMinimizer(SAME, window=2)),
    ]
    game = PerformativeGame(
        players, TownShift(), order=order, max_iter=200, tol=1e-9
    ).fit(np.ones((1, 1)), [1.0])
    assert game.converged_
    assert_allclose(game.predict([[1.0]]), [[2.0, 2.0]], rtol=0, atol=1e-8)


def test_memory_in_a_step_of_a_pipeline():
    """It goes on from its own state in each round, on people who have moved."""
    pipeline = ShiftPipeline([("out", OutcomeShift(0.0)), ("habit", HabitShift(0.5))])
    params = {"max_iter": 100, "tol": 1e-9}
    alone = RepeatedRiskMinimizer(SAME, HabitShift(0.5), **params)
    within = RepeatedRiskMinimizer(SAME, pipeline, **params)
    for model in (alone, within):
        model.fit(np.eye(2), [1.0, 3.0])
    assert_array_equal(within.predict(np.eye(2)), alone.predict(np.eye(2)))
    assert within.n_iter_ == alone.n_iter_ > 5
    assert within.stability_residual_ == alone.stability_residual_


def test_risk_is_judged_at_rest():
    model = LinearRegression(fit_intercept=False).fit(np.eye(1), [1.0])
    # at rest the outcome is 1 + .5, one round after the start 1 + .05
    risk = performative_risk(model, HabitShift(0.5, decay=0.1), np.eye(1), [1.0])
    assert risk == pytest.approx(0.25)


def test_contract_of_a_world_with_memory():
    check_shift(HabitShift(), n_draws=2)


# Questions cost nothing


class Counted(BaseShift):
    n_calls = 0

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        Counted.n_calls += 1
        return Sample(X, y + 0.9 * y_pred, sample_weight)


@pytest.mark.parametrize("n_rounds", [1, 7])
def test_as_many_deployments_as_rounds(n_rounds):
    """Nobody asks again to see whether the shift is random.

    One question is what the last model would induce.
    """
    Counted.n_calls = 0
    model = RepeatedRiskMinimizer(SAME, Counted(), max_iter=n_rounds, tol=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(np.eye(2), [1.0, 2.0])
    assert Counted.n_calls - 1 == model.history_["n_deployments"][-1] == n_rounds


def test_questions_do_not_move_the_dice(throw):
    shift = ResampleIfRejected(0.3, resampling="drawn")
    model = Predictor(LogisticRegression().fit(X, Y))
    world = shift.bind(X, Y, random_state=0)
    plain = throw(world, model, 3)
    state, asked = world.start(), []
    for _ in range(3):
        world.settle(state, model)
        world.react(state, model)
        sample, state = world.react(state, model)
        asked.append(sample)
    for first, second in zip(plain, asked, strict=True):
        assert_array_equal(first.X, second.X)
    assert np.any(plain[0].X != plain[1].X)


# Purity


def test_reacts_alike_in_another_process(tmp_path):
    model = Predictor(LogisticRegression().fit(X, Y))
    worlds, here = {}, {}
    for name, shift in FACES.items():
        world = shift.bind(X, Y, random_state=0)
        _, state = world.react(world.start(), model)
        worlds[name], (here[name], _) = (world, state), world.react(state, model)
    (tmp_path / "worlds.pickle").write_bytes(pickle.dumps((worlds, model)))
    code = (
        "import pickle; worlds, model = pickle.load(open('worlds.pickle', 'rb'))\n"
        "seen = {n: tuple(w.react(s, model)[0]) for n, (w, s) in worlds.items()}\n"
        "pickle.dump(seen, open('samples.pickle', 'wb'))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    there = pickle.loads((tmp_path / "samples.pickle").read_bytes())
    assert there.keys() == here.keys() == FACES.keys()
    for name, sample in here.items():
        *parts, support = sample
        for part, other in zip(parts, there[name], strict=False):
            assert_array_equal(part, other, err_msg=name)
        assert support == there[name][-1]


def test_parameters_set_later_do_not_reach_a_world():
    y_pred = np.linspace(0, 1, 60)
    for shift, change in [
        (ResampleIfRejected(0.3), {"delta": 0.9}),
        (OutcomeShift(0.5), {"feedback": 2.0}),
        (FunctionShift(shrink, kw_args={"rate": 0.5}), {"kw_args": {"rate": 2.0}}),
    ]:
        world = shift.bind(X, Y)
        before = world(y_pred)
        shift.set_params(**change)
        after = world(y_pred)
        assert_array_equal(before.y, after.y)
        assert_array_equal(before.sample_weight, after.sample_weight)


def shrink(X, y, y_pred, rate):
    return X, y - rate * y_pred


def test_a_function_in_place_of_a_world():
    class Old(PopulationShift):
        def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
            return lambda y_pred, predictor=None: Sample(X, y)

    with pytest.raises(TypeError, match=r"Old.bind returned a function without base"):
        RepeatedRiskMinimizer(SAME, Old()).fit(X, Y)
    with pytest.raises(TypeError, match=r"Old.bind returned a function"):
        performative_risk(SAME.fit(X, Y), Old(), X, Y)
    pipeline = ShiftPipeline([("one", OutcomeShift(0.1)), ("old", Old())])
    with pytest.raises(TypeError, match=r"Old.bind returned a function"):
        RepeatedRiskMinimizer(SAME, pipeline).fit(X, Y)


# Chance


class Draws(BaseShift):
    """Says nothing about itself."""

    def __init__(self, really=True):
        self.really = really

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        noise = random_state.normal(size=len(y)) if self.really else 0
        return Sample(X, y + noise, sample_weight)


@pytest.mark.parametrize("really", [True, False])
def test_chance_is_noticed_where_it_is_not_declared(really):
    world = Draws(really).bind(X, Y, random_state=0)
    _, state = world.react(world.start(), lambda X: X[:, 0])
    assert world.is_random == really
    assert state == (Dice(world.start().seed, 1) if really else world.start())


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        *((face, name.startswith(("drawn", "trans"))) for name, face in FACES.items()),
        (FunctionShift(lambda X, y, y_pred, random_state: (X, y)), True),
        (FunctionShift(lambda X, y, y_pred: (X, y)), False),
    ],
)
def test_chance_is_declared(shift, expected):
    world = shift.bind(X, Y)
    if not isinstance(shift, ShiftPipeline):
        assert world.is_random == expected
        return
    world.react(world.start(), Predictor(LogisticRegression().fit(X, Y)))
    assert world.is_random
