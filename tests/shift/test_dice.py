# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import kstest

from skperf.shift import Dice

seeds = st.integers(0, 2**31 - 1)
rows = st.integers(0, 50)


@given(seeds, rows, rows, st.integers(0, 9))
def test_the_number_of_a_row_depends_on_the_row_alone(seed, start, n_rows, stream):
    """Whatever block it is asked for in."""
    dice = Dice(seed, round=3)
    whole = dice.uniform(start + n_rows, stream=stream)
    assert_array_equal(dice.uniform(n_rows, start=start, stream=stream), whole[start:])


@pytest.mark.parametrize("start", [0, 3, 10**12 + 1])
def test_numbers_are_uniform(start):
    numbers = Dice(5).uniform(20_000, start=start)
    assert kstest(numbers, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 4 / 20_000**0.5


def test_seeds_rounds_and_streams_are_independent():
    dice = Dice(1)
    others = [dice.thrown().uniform(5000), Dice(2).uniform(5000)]
    others += [dice.uniform(5000, stream=1), dice.random_state().uniform(size=5000)]
    for numbers in others:
        correlation = np.corrcoef(dice.uniform(5000), numbers)[0, 1]
        assert abs(correlation) < 4 / 5000**0.5


def test_a_throw_is_a_value():
    dice = Dice(7).thrown().thrown()
    assert dice == Dice(7, round=2) == pickle.loads(pickle.dumps(dice))
    assert hash(dice) == hash(Dice(7, 2))
    assert_array_equal(
        dice.random_state().normal(size=3), Dice(7, 2).random_state().normal(size=3)
    )


def test_seed_from_a_random_state():
    rng = np.random.RandomState(3)
    first, second = Dice.from_random_state(rng), Dice.from_random_state(rng)
    assert first == Dice.from_random_state(3)
    assert first != second
    assert Dice.from_random_state(None) != Dice.from_random_state(None)
