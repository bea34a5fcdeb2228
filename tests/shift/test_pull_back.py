# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Pull-backs: against differences, formulas and each other; who has none says so."""

import pickle
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skperf.shift import (
    BaseShift,
    Cotangent,
    FunctionShift,
    OutcomeShift,
    PopulationShift,
    Predictor,
    PullBack,
    ResampleIfRejected,
    Sample,
    ShiftPipeline,
    StrategicResponse,
    TransformedPredictionShift,
    World,
)
from skperf.testing._population import make_population
from skperf.testing._pull_back_checks import check_pull_back

N = 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)) * [1, 3, 0.5] + [0, 1, 0]
LABELS = (X[:, 0] + 0.5 * RNG.normal(size=N) > 0).astype(int)
TARGETS = X @ [0.5, 0.1, -0.3] + RNG.normal(size=N)
MATRIX = RNG.normal(size=(N, N)) / N


def probability(X):
    return 0.9 * expit(np.asarray(X, dtype=float)[:, :3] @ [1.0, -0.3, 0.5])


def interaction(X):
    """A score whose gradient is not the same everywhere."""
    Z = np.asarray(X, dtype=float)
    return np.tanh(0.4 * Z[:, 0] * Z[:, 1]) + 0.2 * Z[:, 2]


REJECT = ResampleIfRejected(0.3)
COPIES = ResampleIfRejected(0.3, strategic_features=[0, 2], n_donors=3)
SINGLE = {
    "whole rows": REJECT,
    "copies": COPIES,
    "one donor": ResampleIfRejected(0.1, strategic_features=[1], n_donors=1),
    "targets": OutcomeShift(0.4),
    "matrix": OutcomeShift(MATRIX),
    "rows": OutcomeShift(np.linspace(-0.5, 0.5, N)),
    "two targets": OutcomeShift(0.5, spread=3.0),
    "two targets, matrix": OutcomeShift(MATRIX, spread=3.0),
    "game": StrategicResponse(0.3),
    "game on columns": StrategicResponse(-0.4, strategic_features=[2, 0]),
    "transformed": TransformedPredictionShift(REJECT, np.square),
    "twice": TransformedPredictionShift(
        TransformedPredictionShift(COPIES, np.square), np.sqrt
    ),
}
CHAINS = {
    "moved, rejected": [StrategicResponse(0.3), REJECT],
    "moved, copied, moved": [StrategicResponse(0.3), COPIES, StrategicResponse(0.2)],
    "copied, targets": [COPIES, OutcomeShift(0.4)],
    "targets, copied": [OutcomeShift(0.4), COPIES],
    "moved twice": [StrategicResponse(0.3), StrategicResponse(0.3)],
    "rejected twice": [REJECT, ResampleIfRejected(0.6)],
    "doubled": [OutcomeShift(0.5, spread=3.0), OutcomeShift(0.5, spread=3.0), REJECT],
    "transformed within": [
        StrategicResponse(0.3),
        TransformedPredictionShift(COPIES, np.square),
    ],
}


def chain(shifts):
    return ShiftPipeline([(f"step{i}", shift) for i, shift in enumerate(shifts)])


NESTED = TransformedPredictionShift(
    chain(
        [chain([StrategicResponse(0.3), COPIES]), chain([REJECT, OutcomeShift(0.4)])]
    ),
    np.square,
)
ALL = {**SINGLE, **{name: chain(c) for name, c in CHAINS.items()}, "nested": NESTED}


def check(shift, X=X, y=TARGETS, predictor=probability):
    population = make_population(X, y, None, predictor, 1, np.random.RandomState(0))
    check_pull_back(shift, population)


@pytest.mark.parametrize("name", ALL)
def test_against_differences(name):
    assert ALL[name].is_differentiable
    check(ALL[name])


@pytest.mark.parametrize("name", ["game", "moved twice", "moved, copied, moved"])
def test_gradients_that_differ(name):
    """Who has moved follows another gradient: second derivatives count."""
    shift = TransformedPredictionShift(ALL[name], expit)
    check(shift, predictor=interaction)


@pytest.mark.parametrize("name", ["moved, rejected", "moved twice"])
def test_models(name):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, LABELS)
    check(ALL[name], y=LABELS, predictor=Predictor(model))


class Odd(LogisticRegression):
    """Its probability follows more than its score."""

    def predict_proba(self, X):
        positive = super().predict_proba(X)[:, 1] * (0.7 + 0.2 * np.sin(X[:, 1]))
        return np.column_stack([1 - positive, positive])


@pytest.mark.parametrize("kind", [Odd, LogisticRegression])
def test_predictions_that_follow_more_than_their_score(kind):
    """Those of one of three classes do, too."""
    labels = LABELS if kind is Odd else np.digitize(X[:, 0], [-0.5, 0.5])
    told = Predictor(kind().fit(X, labels), pos_label=1)
    check(ALL["moved, rejected"], y=labels, predictor=told)


@pytest.mark.parametrize("name", ["moved twice", "moved, copied, moved"])
def test_torch(name):
    torch = pytest.importorskip("torch")
    from skperf.neural_network import TorchClassifier

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)
    )
    model = TorchClassifier(net, max_iter=5, tol=1).fit(X, LABELS)
    check(ALL[name], y=LABELS, predictor=Predictor(model))


@pytest.mark.parametrize("name", ["copies", "moved, rejected", "doubled"])
def test_data_frames(name, df_module):
    """With text, whole numbers and labels that are text."""
    frame = df_module.DataFrame(
        {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "n": LABELS, "t": ["x", "y"] * 20}
    )

    def predictor(frame):
        return probability(np.column_stack([frame["a"], frame["b"], frame["c"]]))

    shift = ALL[name]
    if name == "moved, rejected":
        shift = chain([StrategicResponse(0.3, strategic_features=["b"]), REJECT])
    y = TARGETS if name == "doubled" else np.array(["no", "yes"])[LABELS]
    check(shift, frame, y, predictor)


def test_sparse_rows():
    rows = sparse.csr_array(X)
    for name in ("copies", "moved, rejected"):
        check(ALL[name], rows, predictor=lambda X: probability(X.toarray()))


def test_several_outputs():
    Y = np.column_stack([TARGETS, -TARGETS])

    def predictor(X):
        return np.column_stack([interaction(X), probability(X)])

    check(OutcomeShift(0.4), y=Y, predictor=predictor)
    check(OutcomeShift(MATRIX), y=Y, predictor=predictor)
    mean = TransformedPredictionShift(REJECT, lambda f: expit(f @ [1.0, -0.5]))
    check(mean, y=Y, predictor=predictor)
    # a game follows one score: only the rows that another shift has moved are asked
    check(chain([COPIES_OF_MEAN, OutcomeShift(0.4)]), y=Y, predictor=predictor)


COPIES_OF_MEAN = TransformedPredictionShift(COPIES, lambda f: expit(f.sum(axis=1)))


# Formulas


def test_whole_rows_by_formula():
    """v = (1 - delta) (mean loss - loss) / n for the mean over rows."""
    world, model = REJECT.bind(X, LABELS), Predictor(fitted())
    losses = RNG.uniform(size=N) / N
    _, [asked] = world.pull_back(world.start(), model, Cotangent(losses))
    assert_allclose(asked.v, 0.7 * (losses.mean() - losses), rtol=0, atol=1e-16)
    assert asked.X is world.base.X


def test_outcomes_by_formula():
    """v = -2 A' (f - y') for the squared error."""
    f, world = probability(X), OutcomeShift(MATRIX).bind(X, TARGETS)
    y = TARGETS + MATRIX @ f
    cotangent = Cotangent((f - y) ** 2, y=2 * (y - f))
    _, [asked] = world.pull_back(None, known(probability), cotangent)
    assert_allclose(asked.v, -2 * MATRIX.T @ (f - y), rtol=1e-13)


def fitted():
    return LogisticRegression().fit(X, LABELS)


def known(function):
    from skperf.shift._predictor import as_prediction_function

    return as_prediction_function(function)


# Persons, and who is asked


def test_groups_are_those_of_the_rows():
    groups = np.repeat(np.arange(N // 2), 2)
    world = chain([COPIES, REJECT]).bind(X, LABELS, groups=groups)
    sample, _ = world.react(world.start(), Predictor(fitted()))
    weight = np.ones(len(sample.y))
    _, asked = world.pull_back(world.start(), Predictor(fitted()), Cotangent(weight))
    assert [len(a.v) for a in asked] == [N, 4 * N]
    assert_array_equal(asked[0].groups, groups)
    assert_array_equal(asked[1].groups, sample.groups)
    assert [a.of_base for a in asked] == [True, False]


def test_rows_that_stay_are_base_rows():
    """A later step that meets the very rows asks about the base population."""
    world = chain([REJECT, REJECT]).bind(X, LABELS)
    cotangent = Cotangent(RNG.uniform(size=N))
    _, asked = world.pull_back(world.start(), Predictor(fitted()), cotangent)
    assert [a.of_base for a in asked] == [True, True]


def test_a_world_with_a_pull_back_can_be_pickled():
    world = chain([COPIES, REJECT]).bind(X, LABELS)
    again = pickle.loads(pickle.dumps(world))
    cotangent = Cotangent(RNG.uniform(size=4 * N))
    pairs = zip(
        world.pull_back(world.start(), Predictor(fitted()), cotangent)[1],
        again.pull_back(again.start(), Predictor(fitted()), cotangent)[1],
        strict=True,
    )
    for one, other in pairs:
        assert_array_equal(one.v, other.v)


# Who has none


def identity(X, y, y_pred):
    return X, y


NONE = {
    "common": ResampleIfRejected(0.3, resampling="common"),
    "drawn": ResampleIfRejected(0.3, resampling="drawn"),
    "function": FunctionShift(identity),
    "step": ShiftPipeline([("game", REJECT), ("f", FunctionShift(identity))]),
    "first": ShiftPipeline([("f", FunctionShift(identity)), ("game", REJECT)]),
    "inside": TransformedPredictionShift(FunctionShift(identity), np.square),
}


@pytest.mark.parametrize("name", NONE)
def test_no_pull_back(name):
    world = NONE[name].bind(X, LABELS)
    assert not NONE[name].is_differentiable
    assert not world.is_differentiable
    sample = world.settle(world.start(), Predictor(fitted()))
    cotangent = Cotangent(np.ones(len(sample.y)))
    with pytest.raises(ValueError, match="cannot be differentiated"):
        world.pull_back(world.start(), Predictor(fitted()), cotangent)


@pytest.mark.parametrize(
    ("shift", "part"), [(StrategicResponse(0.1), "X"), (OutcomeShift(0.1), "y")]
)
def test_a_part_that_moves_is_asked_for(shift, part):
    """Derivatives that nobody gave are not zero."""
    world = shift.bind(X, TARGETS)
    message = f"moves {part}, so .* a Cotangent whose {part} is None"
    with pytest.raises(ValueError, match=message):
        world.pull_back(world.start(), Predictor(Ridge().fit(X, TARGETS)), ONES)


ONES = Cotangent(np.ones(N))


def test_moved_rows_are_not_taken_for_fixed_ones():
    """A later step must not fill in derivatives that nobody gave."""
    world = chain([StrategicResponse(0.1), REJECT]).bind(X, LABELS)
    with pytest.raises(ValueError, match="moves X"):
        world.pull_back(world.start(), Predictor(fitted()), ONES)


@pytest.mark.parametrize(
    "func",
    [
        lambda f: f / f.mean(),
        lambda f: np.exp(f - f.max()) / np.exp(f - f.max()).sum(),
        lambda f: f / f.max(),
        lambda f: np.sort(f),
    ],
)
def test_a_function_that_mixes_rows_is_refused(func):
    world = TransformedPredictionShift(OutcomeShift(0.1), func).bind(X, TARGETS)
    with pytest.raises(ValueError, match="mixes rows"):
        world.pull_back(None, known(probability), Cotangent(np.ones(N), np.ones(N)))


def test_slopes_stay_among_probabilities():
    """The odds of 0 and 1 have one side only."""
    y_pred = np.linspace(0, 1, N)
    world = TransformedPredictionShift(REJECT, np.sqrt).bind(X, LABELS)
    model = known(lambda X: y_pred)
    _, [asked] = world.pull_back(None, model, Cotangent(RNG.uniform(size=N)))
    assert np.isfinite(asked.v).all()


# Authors


class Discourage(BaseShift):
    """A high prediction keeps people from applying again."""

    def __init__(self, strength=2.0, fault=None):
        self.strength = strength
        self.fault = fault

    def chances(self, y_pred):
        return np.exp(-self.strength * y_pred)

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        base = np.ones(len(y_pred)) if sample_weight is None else sample_weight
        return Sample(X, y, base * self.chances(y_pred))

    def pull_back(self, cotangent, X, y, y_pred, *, predictor=None, sample_weight=None):
        assert_array_equal(predictor(X), y_pred)
        base = np.ones(len(y_pred)) if sample_weight is None else sample_weight
        by_weight = cotangent.weight * self.chances(y_pred)
        v = -self.strength * base * by_weight
        returned = cotangent._replace(weight=by_weight), v
        return FAULTS[self.fault](*returned, X)


FAULTS = {
    None: lambda cotangent, v, X: (cotangent, v),
    "list": lambda cotangent, v, X: (cotangent, [PullBack(X, v)]),
    "no tuple": lambda cotangent, v, X: v,
    "short": lambda cotangent, v, X: (cotangent, v[1:]),
    "few": lambda cotangent, v, X: (Cotangent(cotangent.weight[1:]), v),
}


@pytest.mark.parametrize("fault", [None, "list"])
@pytest.mark.parametrize("make", ["alone", "after a move", "before one"])
def test_an_author_gives_one(fault, make):
    shift = Discourage(fault=fault)
    assert shift.is_differentiable
    others = {"alone": [], "after a move": [StrategicResponse(0.3)], "before one": []}
    later = [COPIES] if make == "before one" else []
    check(chain([*others[make], shift, *later]))


def test_an_authors_lists_have_persons_and_the_very_rows():
    groups = np.arange(N)[::-1]
    for fault in (None, "list"):
        world = Discourage(fault=fault).bind(X, LABELS, groups=groups)
        _, [asked] = world.pull_back(world.start(), Predictor(fitted()), ONES)
        assert asked.X is X
        assert_array_equal(asked.groups, groups)


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("no tuple", TypeError, r"pull_back returned array(?s:.)*expected a tuple"),
        ("short", ValueError, r"returned \[40, 39\] .* of 40 base rows"),
        ("few", ValueError, r"returned \[39, 40\] .* of 40 base rows"),
    ],
)
def test_an_author_is_told_what_is_wrong(fault, error, message):
    world = Discourage(fault=fault).bind(X, LABELS)
    with pytest.raises(error, match=message):
        world.pull_back(world.start(), Predictor(fitted()), ONES)


def test_an_author_must_not_write_on_what_is_lent():
    class Writes(Discourage):
        def pull_back(self, cotangent, X, y, y_pred, **kwargs):
            y_pred *= 2
            return super().pull_back(cotangent, X, y, y_pred, **kwargs)

    world = Writes().bind(X, LABELS)
    with pytest.raises(ValueError, match="read-only") as caught:
        world.pull_back(world.start(), Predictor(fitted()), ONES)
    assert "Copy it first" in caught.value.__notes__[0]


# Memory


class Habit(NamedTuple):
    """How much people have learnt, which never ends."""

    learnt: float


class LearningWorld(World):
    """Outcomes follow predictions the more, the longer people have met models."""

    is_random = False
    is_differentiable = True

    def __init__(self, base):
        self.base = base

    def start(self):
        return Habit(0.0)

    def react(self, state, predictor):
        return self.settle(state, predictor), Habit(state.learnt + 0.1)

    def settle(self, state, predictor):
        move = (0.2 + state.learnt) * predictor(self.base.X)
        return self.base._replace(y=self.base.y + move, support=None)

    def pull_back(self, state, predictor, cotangent):
        v = (0.2 + state.learnt) * cotangent.y
        return cotangent, [PullBack(self.base.X, v, self.base.groups)]


class LearningShift(PopulationShift):
    is_differentiable = True

    def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
        return LearningWorld(Sample(X, y, sample_weight, groups))


@pytest.mark.parametrize("first", [[], [COPIES], [StrategicResponse(0.3)]])
def test_memory(first):
    """From the start, and from what people have learnt, in a step of a pipeline too."""
    shift = chain([*first, LearningShift()])
    check(shift)
    world, model = shift.bind(X, TARGETS), known(probability)
    state = world.start()
    for _ in range(3):
        _, state = world.react(state, model)
    sample = world.settle(state, model)
    cotangent = Cotangent(
        np.zeros(len(sample.y)), y=np.ones(len(sample.y)), X=np.zeros(sample.X.shape)
    )
    _, asked = world.pull_back(state, model, cotangent)
    assert_allclose(asked[-1].v, 0.5, rtol=1e-15)
