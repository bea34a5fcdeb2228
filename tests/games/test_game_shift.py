# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skperf.games import BaseGameShift, GameOutcomeShift
from skperf.shift import OutcomeShift, Sample

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 2))
Y = RNG.normal(size=(4, 3))
Y_PRED = RNG.normal(size=(4, 3))
FEEDBACK = RNG.normal(size=(3, 3, 4, 4))
ROW_BY_ROW = np.einsum("ijnn->ijn", FEEDBACK)


def mean_targets(samples):
    """Return the mean target of each row and player, shape (n_samples, n_players)."""
    means = []
    for _, y, weights, *_ in samples:
        shape = (-1, len(Y))
        weights = np.ones(len(y)) if weights is None else weights
        means.append(
            np.average(y.reshape(shape), axis=0, weights=weights.reshape(shape))
        )
    return np.column_stack(means)


def expected_targets(feedback):
    targets = Y.copy()
    for i, j, n, m in np.ndindex(feedback.shape):
        targets[n, i] += feedback[i, j, n, m] * Y_PRED[m, j]
    return targets


@pytest.mark.parametrize("spread", [None, 100.0])
def test_matrices(spread):
    samples = GameOutcomeShift(FEEDBACK, spread=spread).sample(X, Y, Y_PRED)
    # a spread of 100 leaves 14 digits after the point
    assert_allclose(mean_targets(samples), expected_targets(FEEDBACK), atol=1e-12)


@pytest.mark.parametrize("spread", [None, 100.0])
def test_row_by_row(spread):
    diagonal = np.einsum("ijn,nm->ijnm", ROW_BY_ROW, np.eye(4))
    samples = GameOutcomeShift(ROW_BY_ROW, spread=spread).sample(X, Y, Y_PRED)
    assert_allclose(mean_targets(samples), expected_targets(diagonal), atol=1e-12)


@pytest.mark.parametrize("spread", [None, 100.0])
def test_same_for_all_rows(spread):
    feedback = ROW_BY_ROW[..., 0]
    diagonal = np.einsum("ij,nm->ijnm", feedback, np.eye(4))
    samples = GameOutcomeShift(feedback, spread=spread).sample(X, Y, Y_PRED)
    assert_allclose(mean_targets(samples), expected_targets(diagonal), atol=1e-12)


@given(st.permutations([0, 1, 2]))
def test_renaming_the_players(order):
    samples = GameOutcomeShift(FEEDBACK).sample(X, Y, Y_PRED)
    shift = GameOutcomeShift(FEEDBACK[np.ix_(order, order)])
    renamed = shift.sample(X, Y[:, order], Y_PRED[:, order])
    for i, sample in zip(order, renamed, strict=True):
        assert_allclose(sample.y, samples[i].y, atol=1e-12)


def test_one_player_is_an_outcome_shift():
    weights = np.array([1.0, 2.0, 0.5, 1.0])
    one = OutcomeShift(0.5, spread=9.0)
    (sample,) = GameOutcomeShift([[0.5]], spread=9.0).sample(
        X, Y[:, 0], Y_PRED[:, :1], sample_weight=weights
    )
    alone = one.sample(X, Y[:, 0], Y_PRED[:, 0], sample_weight=weights)
    for name in ("X", "y", "sample_weight"):
        assert_array_equal(getattr(sample, name), getattr(alone, name))


def test_samples_of_a_population_share_their_rows():
    world = GameOutcomeShift(FEEDBACK, spread=100.0).bind(X, Y)
    for first, second in zip(world(Y_PRED), world(2 * Y_PRED), strict=True):
        assert first.support == second.support is not None
        assert_array_equal(first.X, second.X)
        assert_array_equal(first.y, second.y)


def test_targets_that_the_players_share():
    samples = GameOutcomeShift(FEEDBACK).sample(X, Y[:, 0], 0 * Y_PRED)
    for sample in samples:
        assert_array_equal(sample.y, Y[:, 0])


def test_noise(throw):
    shift = GameOutcomeShift([[0.0] * 2] * 2, noise=0.5)
    y = np.zeros((2000, 2))
    first, second = shift.sample(y, y, y, random_state=0)
    noise = np.column_stack([first.y, second.y])
    # four standard errors of 4000 draws
    assert noise.mean() == pytest.approx(0, abs=4 * 0.5 / 4000**0.5)
    assert noise.std() == pytest.approx(0.5, abs=4 * 0.5 / 8000**0.5)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 4 / 2000**0.5
    again = shift.sample(y, y, y, random_state=0)[0]
    assert_array_equal(first.y, again.y)
    world = shift.bind(y, y, random_state=0)
    assert world.is_random
    (one, _), (other, _) = throw(world, lambda X: X, 2)
    assert abs(one.y - other.y).max() > 0.5


def test_parameters():
    shift = GameOutcomeShift(FEEDBACK, spread=2.0, noise=1.0)
    assert clone(shift).get_params().keys() == {"feedback", "spread", "noise"}
    with pytest.raises(ValueError, match="'noise' parameter"):
        GameOutcomeShift(FEEDBACK, noise=-1.0).bind(X, Y)
    with pytest.raises(ValueError, match="'spread' parameter"):
        GameOutcomeShift(FEEDBACK, spread=0.0).bind(X, Y)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (3, 3, 5), (3, 3, 4, 5), (3,) * 5])
def test_wrong_shape_of_feedback(shape):
    with pytest.raises(ValueError, match=r"must have the shape .* for 4 rows"):
        GameOutcomeShift(np.zeros(shape)).bind(X, Y)


@pytest.mark.parametrize("y", [Y[:, :2], Y[:, :, None]])
def test_wrong_shape_of_targets(y):
    with pytest.raises(ValueError, match="a column for each of the 3 players"):
        GameOutcomeShift(FEEDBACK).bind(X, y)


def test_move_beyond_the_spread():
    with pytest.raises(ValueError, match="Raise spread"):
        GameOutcomeShift(FEEDBACK, spread=1e-3).sample(X, Y, Y_PRED)


def test_bind_of_a_shift_of_ones_own(throw):
    class Draw(BaseGameShift):
        def sample(
            self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
        ):
            return [Sample(X, random_state.normal(size=len(y))) for _ in y_pred.T]

    with pytest.raises(TypeError, match="abstract"):
        BaseGameShift()
    world = Draw().bind(X, Y, random_state=0)
    first, second = throw(world, lambda X: Y_PRED, 2)
    assert world.is_random
    assert len(first) == 3
    assert abs(first[0].y - second[0].y).min() > 0
