# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skperf.shift import BaseShift, FunctionShift, Sample

X = np.arange(6.0).reshape(3, 2)
Y = np.array([1.0, 2.0, 4.0])
Y_PRED = np.array([0.5, -1.0, 2.0])
WEIGHTS = np.array([1.0, 0.5, 3.0])


def test_arguments_are_passed():
    def inflate(X, y, y_pred, rate=0.0, base=0.0):
        return X, y + rate * y_pred + base

    shift = FunctionShift(inflate, kw_args={"rate": 0.5, "base": 1.0})
    sample = shift.sample(X, Y, Y_PRED)
    assert isinstance(sample, Sample)
    assert sample.X is X
    assert_array_equal(sample.y, Y + 0.5 * Y_PRED + 1)
    assert sample.sample_weight is None


def test_only_named_offers_are_passed():
    seen = {}

    def ask(X, y, y_pred, predictor, random_state):
        seen.update(predictor=predictor, random_state=random_state)
        return X, y

    FunctionShift(ask).sample(X, Y, Y_PRED, predictor=np.sum, random_state=3)
    assert seen["predictor"] is np.sum
    expected = np.random.RandomState(3).normal()
    assert seen["random_state"].normal() == expected


@pytest.mark.parametrize("random_state", [0, None, np.random.RandomState(0)])
def test_a_function_draws_whatever_the_seed_is(random_state):
    def draw(X, y, y_pred, random_state):
        return X, y + random_state.normal(size=len(y))

    sample = FunctionShift(draw).sample(X, Y, Y_PRED, random_state=random_state)
    assert np.all(sample.y != Y)


def test_bound_function_draws_afresh_and_repeatably(throw):
    def draw(X, y, y_pred, random_state):
        return X, y + random_state.normal(size=len(y))

    rounds = []
    for _ in range(2):
        world = FunctionShift(draw).bind(X, Y, random_state=0)
        assert world.is_random
        rounds.append([sample.y for sample in throw(world, lambda X: Y_PRED, 2)])
    assert np.all(rounds[0][0] != rounds[0][1])
    assert_array_equal(rounds[0], rounds[1])


KEEPING = [
    (lambda X, y, y_pred: (X, y), WEIGHTS),
    (lambda X, y, y_pred: (X, y + y_pred), WEIGHTS),
    (lambda X, y, y_pred: (X - y_pred[:, None], y), WEIGHTS),
    (lambda X, y, y_pred: (X.copy(), y.copy()), WEIGHTS),
    (lambda X, y, y_pred: Sample(X, y, np.array([2.0, 0.0, 1.0])), WEIGHTS * [2, 0, 1]),
    (
        lambda X, y, y_pred: Sample(X[::-1], y[::-1], groups=np.array([2, 1, 0])),
        WEIGHTS[::-1],
    ),
    (lambda X, y, y_pred: Sample(X[1:], y[1:], groups=np.array([1, 2])), WEIGHTS[1:]),
]


@pytest.mark.parametrize(("func", "expected"), KEEPING)
@pytest.mark.parametrize("bound", [False, True])
def test_base_weights_are_kept(func, expected, bound):
    """Where rows cannot have changed places."""
    shift = FunctionShift(func)
    if bound:
        sample = shift.bind(X, Y, sample_weight=WEIGHTS)(Y_PRED)
    else:
        sample = shift.sample(X, Y, Y_PRED, sample_weight=WEIGHTS)
    assert_array_equal(sample.sample_weight, expected)


@pytest.mark.parametrize(
    "func",
    [
        lambda X, y, y_pred: (X[::-1], y[::-1]),
        lambda X, y, y_pred: (X[np.argsort(y_pred)], y[np.argsort(y_pred)]),
        lambda X, y, y_pred: Sample(X[::-1], y[::-1], np.ones(3)),
        lambda X, y, y_pred: (X - 1.0, y + y_pred),
    ],
)
@pytest.mark.parametrize("container", [np.array, sparse.csr_array, "pandas", "polars"])
def test_weights_are_not_kept_by_position(func, container):
    if isinstance(container, str):
        container = pytest.importorskip(container).DataFrame

    def react(table, y, y_pred):
        sample = Sample(*func(X, y, y_pred))
        return sample._replace(X=container(sample.X))

    shift = FunctionShift(react)
    words = "may have changed places.*parameter sample_weight.*groups"
    with pytest.raises(ValueError, match=words):
        shift.sample(container(X), Y, Y_PRED, sample_weight=WEIGHTS)
    with pytest.raises(ValueError, match=words):
        shift.bind(container(X), Y, sample_weight=WEIGHTS)(Y_PRED)
    # weights that are all the same may change places
    sample = shift.sample(container(X), Y, Y_PRED, sample_weight=np.full(3, 2.0))
    assert (sample.sample_weight == 2).all()


@pytest.mark.parametrize(
    "func",
    [lambda X, y, f: (X.copy(), y[::-1]), lambda X, y, f: (X[::-1], y.copy())],
)
def test_equal_features_or_targets_alone_do_not_say_whose_rows_they_are(func):
    with pytest.raises(ValueError, match="another X and another y"):
        FunctionShift(func).sample(X, Y, Y_PRED, sample_weight=WEIGHTS)


def test_function_that_knows_weights_answers_for_them():
    def square(X, y, y_pred, sample_weight):
        return Sample(X[:2], y[:2], sample_weight[:2] ** 2)

    sample = FunctionShift(square).sample(X, Y, Y_PRED, sample_weight=WEIGHTS)
    assert_array_equal(sample.sample_weight, [1.0, 0.25])


def test_weights_of_other_rows_are_unknown():
    shift = FunctionShift(lambda X, y, y_pred: (X[:2], y[:2]))
    assert len(shift.sample(X, Y, Y_PRED).y) == 2
    with pytest.raises(ValueError, match=r"got 3 weighted rows and returned 2"):
        shift.sample(X, Y, Y_PRED, sample_weight=WEIGHTS)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (X, TypeError, "FunctionShift returned ndarray; expected a Sample"),
        (None, TypeError, "returned NoneType"),
        ((X,), TypeError, "returned tuple"),
        ((X, Y[:2]), ValueError, "inconsistent numbers of samples"),
        ((X, Y, [1.0, -0.5, 1.0]), ValueError, r"negative .*minimum -0\.5"),
        ((X, Y, [1.0, 1.0]), ValueError, r"sample_weight.shape == \(2,\)"),
        ((X, Y, [1.0, np.nan, 1.0]), ValueError, "NaN"),
    ],
)
def test_invalid_samples(returned, error, message):
    shift = FunctionShift(lambda X, y, y_pred: returned)
    with pytest.raises(error, match=message):
        shift.sample(X, Y, Y_PRED)


def test_parameters_are_tunable():
    shift = FunctionShift(np.sum, kw_args={"rate": 0.5})
    copy = clone(shift).set_params(kw_args={"rate": 1.0})
    assert shift.kw_args == {"rate": 0.5}
    assert copy.func is np.sum
    with pytest.raises(ValueError, match="'func' parameter"):
        FunctionShift("inflate").sample(X, Y, Y_PRED)


def test_shift_must_say_how_it_samples():
    class Silent(BaseShift):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Silent()
