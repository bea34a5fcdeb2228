# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Who each row of a sample is, and which samples share their rows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import Ridge

from skperf import AffineRiskMinimizer
from skperf.shift import (
    BaseShift,
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    ShiftPipeline,
    StrategicResponse,
)
from skperf.shift._sample import check_sample

N = 40
X = np.arange(2.0 * N).reshape(N, 2)
Y = np.arange(N) % 2
Y_PRED = np.linspace(0, 1, N)
PERSONS = np.array([f"person {i // 2}" for i in range(N)])


def score(X):
    return X[:, 0] / (2 * N)


def react(shift, groups=None):
    world = shift.bind(X, Y, groups=groups, random_state=0)
    sample, _ = world.react(world.start(), score)
    return sample


SHIFTS = {
    "expected": ResampleIfRejected(0.3),
    "copies": ResampleIfRejected(0.3, strategic_features=[1]),
    "common": ResampleIfRejected(0.3, resampling="common"),
    "common columns": ResampleIfRejected(
        0.3, strategic_features=[1], resampling="common"
    ),
    "drawn": ResampleIfRejected(0.3, resampling="drawn"),
    "moves": StrategicResponse(0.5, strategic_features=[1]),
    "outcomes": OutcomeShift(0.3),
    "both labels": OutcomeShift(0.3, spread=2.0),
}


@pytest.mark.parametrize("name", SHIFTS)
def test_persons_are_told(name):
    """The first column never changes hands but with the whole row."""
    sample = react(SHIFTS[name], PERSONS)
    assert_array_equal(sample.groups, PERSONS[(sample.X[:, 0] / 2).astype(int)])


@pytest.mark.parametrize("name", ["copies", "common", "drawn", "moves", "both labels"])
def test_row_numbers_where_nobody_has_a_name(name):
    sample = react(SHIFTS[name])
    assert_array_equal(sample.groups, sample.X[:, 0] / 2)


@pytest.mark.parametrize("name", ["expected", "outcomes"])
def test_a_row_a_person_needs_no_telling(name):
    assert react(SHIFTS[name]).groups is None


def test_a_whole_row_that_was_drawn_is_its_donor():
    sample = react(ResampleIfRejected(1.0, resampling="drawn"), PERSONS)
    assert_array_equal(sample.groups, PERSONS[(sample.X[:, 0] / 2).astype(int)])
    assert np.mean(sample.groups != PERSONS) > 0.5


@pytest.mark.parametrize("groups", [None, PERSONS])
def test_persons_through_a_pipeline(groups):
    steps = [(name, SHIFTS[name]) for name in ("moves", "drawn", "copies", "outcomes")]
    sample = react(ShiftPipeline(steps), groups)
    rows = (sample.X[:, 0] / 2).astype(int)
    assert_array_equal(sample.groups, rows if groups is None else groups[rows])


def test_a_pipeline_guesses_no_persons():
    """A step that says nothing of its rows leaves them unknown to the later ones."""
    turn = FunctionShift(lambda X, y, y_pred: (X[::-1], y[::-1]))
    sample = react(ShiftPipeline([("turn", turn), ("draw", SHIFTS["drawn"])]))
    assert sample.groups is None


class Twice(BaseShift):
    """Everybody comes twice; an author counts the rows that were given."""

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        rows = np.repeat(np.arange(len(y)), 2)
        return Sample(X[rows], y[rows], groups=rows)


def test_persons_of_an_author():
    assert_array_equal(react(Twice()).groups, np.repeat(np.arange(N), 2))
    assert_array_equal(react(Twice(), PERSONS).groups, np.repeat(PERSONS, 2))


def test_author_who_returns_the_tables():
    """The very tables that were given are the rows and persons that were given."""
    world = FunctionShift(lambda X, y, y_pred: (X, y)).bind(X, Y, groups=PERSONS)
    sample = world(Y_PRED)
    assert_array_equal(sample.groups, PERSONS)
    assert sample.support == world.base.support is not None


# Keys


@pytest.mark.parametrize("name", ["expected", "copies", "both labels"])
def test_samples_of_a_world_share_their_rows(name):
    world = SHIFTS[name].bind(X, Y, random_state=0)
    first, second = world(Y_PRED), world(1 - Y_PRED)
    assert first.support == second.support is not None
    assert_array_equal(first.X, second.X)
    assert_array_equal(first.y, second.y)


@pytest.mark.parametrize("name", ["common", "drawn", "moves", "outcomes"])
def test_samples_with_rows_of_their_own_have_no_key(name):
    assert react(SHIFTS[name]).support is None


def test_worlds_have_keys_of_their_own():
    keys = {SHIFTS["expected"].bind(X, Y).base.support for _ in range(3)}
    assert len(keys) == 3


@pytest.mark.parametrize("window", [2, None])
def test_equal_contents_share_their_rows(window):
    """The same table read again is the same rows, one number aside it is not."""
    for change, n_rows in ((0.0, N), (1e-9, 2 * N)):
        model = AffineRiskMinimizer(Ridge(), window=window).partial_fit(X, Y)
        again = X.copy()
        again[-1, -1] += change
        model.partial_fit(X.copy(), Y.copy()).partial_fit(again, Y.copy())
        assert model.history_["n_rows"][-1] == n_rows


# Errors


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        ((X,), TypeError, "returned tuple; expected a Sample"),
        ((X, Y, None, None, None, None), TypeError, "expected a Sample"),
        (Sample(X, Y[:-1]), ValueError, "inconsistent numbers of samples"),
        (Sample(X, Y, None, np.arange(3)), ValueError, "returned 3 groups for 40 rows"),
        (Sample(X, Y, -np.ones(N)), ValueError, "negative sample weights"),
        (Sample(X, Y, np.ones(3)), ValueError, r"expected \(40,\)"),
    ],
)
def test_invalid_samples(returned, error, message):
    with pytest.raises(error, match=message):
        check_sample(returned, Twice())


def test_weights_may_be_zero():
    """Of any type: a list, and whole numbers."""
    weights = [0, *[1] * (N - 1)]
    checked = check_sample(Sample(X, Y, weights), Twice())
    assert_array_equal(checked.sample_weight, np.array(weights, dtype=float))
