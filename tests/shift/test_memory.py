# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""People who remember past models: which rows are seen, and with what weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier

from skperf import RepeatedRiskMinimizer
from skperf.exceptions import RepeatedPersonsWarning, UnidentifiedError
from skperf.games import GameOutcomeShift, PerformativeGame
from skperf.metrics import induce, performative_risk
from skperf.shift import (
    Deployment,
    FunctionShift,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    PopulationShift,
    Predictor,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    TransformedPredictionShift,
    World,
    estimate_shift,
    plan_experiment,
)
from skperf.shift._predictor import as_prediction_function
from skperf.testing import check_shift

X, Y = make_classification(60, 3, n_redundant=0, random_state=0)
MODELS = [
    Predictor(LogisticRegression(C=C).fit(X, labels))
    for C, labels in ((1.0, Y), (0.01, Y), (1.0, 1 - Y), (0.1, 1 - Y))
]
WEIGHTS = np.linspace(0.5, 2.0, 60)


def meet(shift, models=MODELS, X=X, y=Y, sample_weight=None, groups=None):
    """Return what is seen of each model in turn."""
    world = shift.bind(X, y, sample_weight=sample_weight, groups=groups, random_state=0)
    samples, state = [], world.start()
    for model in models:
        sample, state = world.react(state, model)
        samples.append(sample)
    return samples


def law(sample, function):
    """Return the mean of a function of the rows."""
    values = function(np.asarray(sample.X), np.asarray(sample.y))
    return np.average(values, weights=sample.sample_weight, axis=0)


def moments(X, y):
    """Return numbers that tell laws apart: products in pairs, and cubes."""
    rows = np.column_stack([np.ones(len(X)), X, y])
    products = np.einsum("ni,nj->nij", rows, rows).reshape(len(rows), -1)
    return np.column_stack([products, rows**3])


SHIFTS = {
    "weights": ResampleIfRejected(0.2),
    "copies": ResampleIfRejected(0.2, strategic_features=[1]),
    "common": ResampleIfRejected(0.2, resampling="common"),
    "drawn": ResampleIfRejected(0.2, resampling="drawn"),
    "moves": StrategicResponse(0.5),
    "told": SelfFulfillingShift(0.6),
    "chain": ShiftPipeline(
        [("move", StrategicResponse(0.3)), ("told", SelfFulfillingShift(0.6))]
    ),
}
all_shifts = pytest.mark.parametrize("shift", SHIFTS.values(), ids=SHIFTS.keys())


# The laws


@all_shifts
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("decay", [0.3, 1.0])
def test_memory_fades(shift, sample_weight, decay):
    """d <- (1 - l) d + l D(f), from the base population on."""
    alone = meet(shift, sample_weight=sample_weight)
    seen = meet(MemoryShift(shift, decay), sample_weight=sample_weight)
    expected = law(Sample(X, Y, sample_weight), moments)
    for answer, sample in zip(alone, seen, strict=True):
        expected = (1 - decay) * expected + decay * law(answer, moments)
        assert_allclose(law(sample, moments), expected, rtol=1e-12, atol=1e-13)


@all_shifts
@pytest.mark.parametrize("n_groups", [1, 2, 3])
def test_groups_answer_the_last_models(shift, n_groups):
    alone = [law(answer, moments) for answer in meet(shift)]
    for number, sample in enumerate(meet(LaggedShift(shift, n_groups)), start=1):
        last = alone[max(number - n_groups, 0) : number]
        assert_allclose(
            law(sample, moments), np.mean(last, axis=0), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize(
    "remember", [lambda s: MemoryShift(s, 0.3), lambda s: LaggedShift(s, 2)]
)
@all_shifts
def test_a_model_that_stays_is_answered_by_all(shift, remember):
    """Rounds under one model lead to what settle says; it says so at once."""
    model, other = MODELS[0], MODELS[2]
    alone, world = (s.bind(X, Y, random_state=0) for s in (shift, remember(shift)))
    _, state = world.react(world.start(), other)
    _, own = alone.react(alone.start(), other)
    rest, expected = world.settle(state, model), alone.settle(own, model)
    assert_allclose(law(rest, moments), law(expected, moments), rtol=0, atol=0)
    if world.is_random:
        return
    for _ in range(90):  # 0.7 ** 90 = 1e-14
        seen, state = world.react(state, model)
    assert_allclose(law(seen, moments), law(rest, moments), rtol=0, atol=1e-11)


def test_people_who_leave_are_shares_of_a_law():
    """A mixture is one of laws, whatever the number of people, as in a minimizer."""

    def leave(X, y, y_pred, sample_weight):
        own = np.ones(len(y)) if sample_weight is None else sample_weight
        return Sample(X, y, 0.1 * own * y_pred)

    shift = FunctionShift(leave)
    alone = meet(shift)[0]
    seen = meet(MemoryShift(shift, 0.5))[0]
    expected = (law(Sample(X, Y), moments) + law(alone, moments)) / 2
    assert_allclose(law(seen, moments), expected, rtol=1e-12)
    total = (60 + alone.sample_weight.sum()) / 2
    assert seen.sample_weight.sum() == pytest.approx(total, rel=1e-12)


# The rows


def test_weights_alone_are_remembered_where_rows_stay():
    """The running weights of each row, and the rows that all samples share."""
    world = MemoryShift(ResampleIfRejected(0.2), 0.3).bind(X, Y, sample_weight=WEIGHTS)
    weights, state = WEIGHTS, world.start()
    for model in MODELS:
        new = ResampleIfRejected(0.2).sample(X, Y, model(X), sample_weight=WEIGHTS)
        weights = 0.7 * weights + 0.3 * new.sample_weight
        seen, state = world.react(state, model)
        assert_array_equal(seen.X, X)
        assert_array_equal(seen.y, Y)
        assert seen.support == world.base.support
        assert_allclose(seen.sample_weight, weights, rtol=1e-13)
        (remembered,) = state.samples
        assert_array_equal(remembered.X, X)


@pytest.mark.parametrize(("name", "sizes"), [("told", [3, 3, 3]), ("moves", [2, 3, 4])])
def test_rows_that_move_are_stacked(name, sizes):
    samples = meet(MemoryShift(SHIFTS[name], 0.3))
    assert [len(sample.X) / 60 for sample in samples][:3] == sizes


def test_what_is_forgotten_to_the_last_digit_is_dropped():
    """With a decay of .9 each round leaves a tenth: 16 rounds are beyond 2^-52."""
    models = [lambda X, f=f: np.full(len(X), f) for f in np.arange(1.0, 31.0)]
    samples = meet(MemoryShift(OutcomeShift(0.5), 0.9), models)
    n_rows = [len(sample.X) for sample in samples]
    assert n_rows[:14] == [60 * (number + 2) for number in range(14)]
    assert set(n_rows[16:]) == {60 * 16}
    totals = [sample.sample_weight.sum() for sample in samples]
    assert_allclose(totals, 60, rtol=1e-13)


def test_nothing_is_stacked_where_nothing_is_remembered():
    for shift in (
        MemoryShift(StrategicResponse(0.5), 1.0),
        LaggedShift(SHIFTS["drawn"], 1),
    ):
        for sample in meet(shift):
            assert sample.sample_weight is None
            assert len(sample.X) == 60


@pytest.mark.parametrize("groups", [None, np.arange(60) // 2 + 100])
@all_shifts
def test_persons_are_known(shift, groups):
    """Each row is of somebody with that target, or of one of those with that label."""
    persons = np.arange(60) if groups is None else groups
    known = {person: set(Y[persons == person]) for person in persons.tolist()}
    for remembering in (MemoryShift(shift, 0.3), LaggedShift(shift, 3)):
        for sample in meet(remembering, groups=groups)[1:]:
            if sample.groups is None:
                assert_array_equal(sample.X, X)
                assert groups is None
                continue
            assert set(sample.groups) <= set(persons)
            if shift is not SHIFTS["told"] and shift is not SHIFTS["chain"]:
                pairs = zip(sample.groups.tolist(), sample.y, strict=True)
                assert all(label in known[person] for person, label in pairs)


def test_who_stands_several_times_is_told_of():
    shift = ResampleIfRejected(0.2, strategic_features=[1], resampling="drawn")
    trees = HistGradientBoostingClassifier(max_iter=2)
    model = RepeatedRiskMinimizer(trees, shift, max_iter=1, tol=1.0).fit(X, Y)
    model.set_params(shift=MemoryShift(shift, 0.5))
    with pytest.warns(RepeatedPersonsWarning):
        model.fit(X, Y)


# Tables


@pytest.mark.parametrize("whole", [False, True], ids=["floats", "integers"])
def test_data_frames(df_module, whole):
    """Columns of whole numbers become floats where people move them by fractions."""
    values = np.round(3 * X) if whole else X
    names = list("abc")
    table = df_module.DataFrame(dict(zip(names, values.T, strict=True)))
    if whole:
        columns = {name: table[name].to_numpy().astype(int) for name in names}
        table = df_module.DataFrame(columns)
    target = df_module.Series("y", Y) if df_module.__name__ == "polars" else Y
    for shift in (
        MemoryShift(StrategicResponse(0.3, strategic_features=["b"]), 0.4),
        LaggedShift(ResampleIfRejected(0.2, strategic_features=["b"]), 2),
    ):
        params = {"max_iter": 3, "tol": 1.0}
        model = RepeatedRiskMinimizer(LogisticRegression(), shift, **params)
        framed = model.fit(table, target)
        assert list(framed.feature_names_in_) == names
        found = framed.predict_proba(table)
        plain = shift.set_params(shift__strategic_features=[1])
        bare = RepeatedRiskMinimizer(LogisticRegression(), plain, **params)
        assert_allclose(found, bare.fit(values, Y).predict_proba(values), rtol=1e-10)


def test_sparse_tables():
    table = sparse.csr_array(np.where(abs(X) > 0.5, X, 0.0))
    shift = MemoryShift(StrategicResponse(0.3), 0.4)
    models = [Predictor(LogisticRegression().fit(table, Y))] * 2
    seen = meet(shift, models, X=table)[1]
    dense = meet(shift, models, X=table.toarray())[1]
    assert sparse.issparse(seen.X)
    assert_allclose(seen.X.toarray(), dense.X)


def test_tables_of_another_kind_are_refused(df_module):
    table = df_module.DataFrame(dict(zip("abc", X.T, strict=True)))
    shift = FunctionShift(lambda X, y, y_pred: (np.asarray(X), y))
    world = MemoryShift(shift, 0.5).bind(table, Y)
    with pytest.raises(TypeError, match=r"FunctionShift was given a DataFrame and ret"):
        world.react(world.start(), lambda X: np.zeros(60))


def test_a_sparse_table_that_was_made_dense_is_refused():
    shift = FunctionShift(lambda X, y, y_pred: (X.toarray(), y))
    world = MemoryShift(shift, 0.5).bind(sparse.csr_array(X), Y)
    with pytest.raises(TypeError, match=r"given a csr_array and returned a ndarray"):
        world.react(world.start(), lambda X: np.zeros(60))


# Together with others


@pytest.mark.slow
@pytest.mark.parametrize(
    "shift",
    [
        MemoryShift(SHIFTS["chain"], 0.5),
        MemoryShift(LaggedShift(SHIFTS["weights"], 2), 0.5),
        MemoryShift(TransformedPredictionShift(SHIFTS["weights"], np.sqrt), 0.5),
        TransformedPredictionShift(LaggedShift(SHIFTS["moves"], 2), np.sqrt),
        ShiftPipeline(
            [("slow", MemoryShift(SHIFTS["weights"], 0.5)), ("move", SHIFTS["moves"])]
        ),
        ShiftPipeline(
            [("move", SHIFTS["moves"]), ("slow", LaggedShift(SHIFTS["told"], 2))]
        ),
    ],
    ids=["chain", "lag", "inside", "outside", "first", "last"],
)
def test_compositions_keep_the_contract(shift):
    check_shift(shift, n_draws=10)
    model = RepeatedRiskMinimizer(LogisticRegression(), shift, max_iter=100, tol=1e-4)
    assert model.fit(X, Y).diagnosis_ == "converged"


@pytest.mark.parametrize("remember", [MemoryShift, LaggedShift])
def test_a_later_step_remembers_what_was_seen_after_it(remember):
    """The population that it is given is another one in each round."""
    how = {"decay": 0.5} if remember is MemoryShift else {"n_groups": 2}
    steps = [("move", SHIFTS["moves"]), ("tell", SHIFTS["told"])]
    slow = [steps[0], ("tell", remember(SHIFTS["told"], **how))]
    alone = [law(answer, moments) for answer in meet(ShiftPipeline(steps))]
    found = [law(sample, moments) for sample in meet(ShiftPipeline(slow))]
    # it begins with the people whom the first model has moved
    expected = law(meet(SHIFTS["moves"])[0], moments)
    for number, sample in enumerate(found):
        if remember is MemoryShift:
            expected = (expected + alone[number]) / 2
        else:
            expected = np.mean(alone[max(number - 1, 0) : number + 1], axis=0)
        assert_allclose(sample, expected, rtol=1e-12, atol=1e-13)


def test_a_later_step_whose_rows_stay_remembers_weights():
    """It is bound anew in each round, and its rows are known by what they hold."""
    pipeline = ShiftPipeline(
        [("one", SHIFTS["weights"]), ("other", MemoryShift(SHIFTS["weights"], 0.5))]
    )
    assert [len(sample.X) for sample in meet(pipeline)] == [60] * 4
    pipeline.set_params(other=LaggedShift(SHIFTS["told"], 3))
    assert [len(sample.X) for sample in meet(pipeline)] == [120] * 4


def test_a_world_with_a_memory_of_its_own():
    """Its state is kept inside the other, and it settles as it says."""

    class Counts(World):
        is_random = False

        def __init__(self, base):
            self.base = base

        def start(self):
            return np.zeros(1)

        def react(self, state, predictor):
            return self.base._replace(y=self.base.y + state + 1), state + 1

        def settle(self, state, predictor):
            return self.base._replace(y=self.base.y + 100)

    class CountsShift(PopulationShift):
        def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
            return Counts(Sample(X, y, sample_weight, groups))

    world = MemoryShift(CountsShift(), 0.5).bind(np.zeros((1, 1)), np.zeros(1))
    state = world.start()
    for expected in (0.5, 1.25, 2.125):
        seen, state = world.react(state, None)
        mean = np.average(seen.y, weights=seen.sample_weight)
        assert mean == pytest.approx(expected, abs=1e-15)
    assert world.settle(state, None).y == 100


def test_parameters_are_set_through_all():
    model = RepeatedRiskMinimizer(
        LogisticRegression(), MemoryShift(ResampleIfRejected(0.2), 0.5)
    )
    model.set_params(shift__decay=0.25, shift__shift__delta=0.75)
    assert (
        repr(model.shift)
        == "MemoryShift(decay=0.25, shift=ResampleIfRejected(delta=0.75))"
    )
    search = GridSearchCV(
        model.set_params(max_iter=2, tol=1.0),
        {"shift__decay": [0.2, 0.9], "n_rounds_per_deployment": [1, 2]},
        cv=2,
    ).fit(X, Y)
    assert search.best_estimator_.converged_


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (MemoryShift(SHIFTS["weights"], 0.0), "'decay' parameter of MemoryShift"),
        (MemoryShift(SHIFTS["weights"], 1.1), "'decay' parameter of MemoryShift"),
        (LaggedShift(SHIFTS["weights"], 0), "'n_groups' parameter of LaggedShift"),
        (LaggedShift(SHIFTS["weights"], 2.0), "'n_groups' parameter of LaggedShift"),
        (MemoryShift(ResampleIfRejected, 0.5), "Pass ResampleIfRejected"),
        (MemoryShift(None, 0.5), "parameter is None; expected an instance of a shift"),
    ],
)
def test_parameters_are_checked(shift, message):
    with pytest.raises((TypeError, ValueError), match=message):
        shift.bind(X, Y)


# What looks at people


def test_metrics_look_at_people_at_rest():
    model = LogisticRegression().fit(X, Y)
    for shift in (SHIFTS["told"], SHIFTS["moves"]):
        slow = MemoryShift(shift, 0.1)
        risks = [performative_risk(model, s, X, Y) for s in (shift, slow)]
        assert risks[0] == risks[1]
        assert len(induce(model, slow, X, Y).X) == len(induce(model, shift, X, Y).X)


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_an_estimator_without_weights_is_told():
    shift = MemoryShift(SHIFTS["drawn"], 0.5)
    model = RepeatedRiskMinimizer(KNeighborsClassifier(), shift)
    with pytest.raises(ValueError, match="MemoryShift and LaggedShift always need"):
        model.fit(X, Y)


def test_a_game_is_refused():
    """Its samples are lists, and its memory is a world's of one's own."""
    players = [("a", RepeatedRiskMinimizer(LinearRegression()))]
    game = PerformativeGame(players, LaggedShift(GameOutcomeShift([[0.5]]), 2))
    with pytest.raises(
        TypeError, match=r"GameOutcomeShift returned a list.*World of your own"
    ):
        game.fit(X, X[:, 0])


class Own(PopulationShift):
    """A shift of one's own, whose world remembers."""

    def __init__(self, strength=1.0):
        self.strength = strength

    def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
        people = ResampleIfRejected(0.5).bind(X, y, sample_weight=sample_weight)
        people.start = lambda: np.zeros(1)
        return people


@pytest.mark.parametrize(
    ("shift", "params"),
    [
        (MemoryShift(SHIFTS["weights"], 0.5), None),
        (MemoryShift(SHIFTS["weights"], 0.5), ["shift__delta"]),
        (LaggedShift(SHIFTS["weights"], 2), ["shift__delta"]),
        (
            ShiftPipeline(
                [("a", SHIFTS["told"]), ("b", LaggedShift(SHIFTS["told"], 2))]
            ),
            None,
        ),
        (Own(), ["strength"]),
    ],
    ids=["plain", "named", "lagged", "inside", "own"],
)
def test_strengths_are_not_estimated_through_a_memory(shift, params):
    """A deployment tells of one model, and people answer several."""
    seen = Deployment(
        Sample(X, Y), Sample(X, Y), predictor=MODELS[0], y_pred=MODELS[0](X)
    )
    with pytest.raises(UnidentifiedError, match="people answer past models too"):
        estimate_shift(shift, seen, params=params)


def test_no_experiment_is_planned_for_a_memory():
    shift = MemoryShift(SHIFTS["weights"], 0.5)
    with pytest.raises(UnidentifiedError, match="Under MemoryShift people answer"):
        plan_experiment(shift, X, Y, precision=0.1, predictor=MODELS[0])


def test_a_round_is_published_with_its_memory():
    """Rounds that were interrupted do not count: a path holds the state whole."""
    calls = []

    def fail_late(X, y, y_pred):
        calls.append(y_pred)
        if len(calls) == 3:
            raise RuntimeError("The power is gone.")
        return X, y + 0.5 * y_pred

    shift = MemoryShift(FunctionShift(fail_late), 0.5)
    model = RepeatedRiskMinimizer(LinearRegression(), shift, tol=0)
    target = X[:, 0] + 0.1 * Y
    with pytest.raises(RuntimeError, match="The power is gone"):
        model.fit(X, target)
    whole = RepeatedRiskMinimizer(
        LinearRegression(), MemoryShift(OutcomeShift(0.5), 0.5), max_iter=2, tol=0
    )
    with pytest.warns(ConvergenceWarning):
        whole.fit(X, target)
    assert model.n_iter_ == 2
    assert_allclose(model.predict(X), whole.predict(X), rtol=1e-12)


@pytest.mark.parametrize("kind", ["array", "pandas"])
def test_people_are_remembered_as_they_were(kind):
    """Whoever changes the table between two rounds changes nobody's past."""
    table = np.arange(12.0).reshape(6, 2)
    if kind == "pandas":
        table = pytest.importorskip("pandas").DataFrame(table, columns=["a", "b"])

    def first(X):
        return np.asarray(X)[:, 0]

    world = MemoryShift(StrategicResponse(0.1), 0.5).bind(table, np.zeros(6))
    _, state = world.react(world.start(), as_prediction_function(first))
    expected, _ = world.react(state, as_prediction_function(first))
    table[:] = -100.0
    found, _ = world.react(state, as_prediction_function(first))
    assert_allclose(np.asarray(found.X), np.asarray(expected.X))
