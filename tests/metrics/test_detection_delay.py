# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skperf.metrics import detection_delay

SCORES = st.lists(st.lists(st.integers(-3, 3), min_size=1), max_size=8)


@given(SCORES, st.integers(-4, 4))
def test_look_by_look(scores, threshold):
    for row, delay in zip(scores, detection_delay(scores, threshold), strict=True):
        looks = [k for k, score in enumerate(row, start=1) if score > threshold]
        assert delay == (looks[0] if looks else np.inf)


def test_geometric_delays():
    """With a chance p at each look the delay is geometric, of mean 1 / p.

    The standard error of 20,000 delays with p = 0.2 is 0.032.
    """
    scores = np.random.default_rng(0).uniform(size=(20_000, 100))
    delay = detection_delay(scores, 0.8)
    assert np.mean(delay) == pytest.approx(5, abs=0.13)
    assert np.mean(delay <= 3) == pytest.approx(1 - 0.8**3, abs=0.015)


def test_relative_to_the_length():
    delay = detection_delay([[0, 0, 1, 0], [1, 1], [0]], 0.5, relative=True)
    np.testing.assert_array_equal(delay, [0.75, 0.5, np.inf])


def test_a_threshold_for_each_text():
    delay = detection_delay([[1, 2, 3]] * 4, [0, 1, 2, 3])
    np.testing.assert_array_equal(delay, [1, 2, 3, np.inf])


@pytest.mark.parametrize(
    ("scores", "threshold", "words"),
    [
        ([[1.0], [np.nan]], 0, "text 1 has shape .* 1 nan"),
        ([[1.0], []], 0, "text 1 has shape"),
        ([1.0, 2.0], 0, "text 0 has shape"),
        ([[1.0]], np.nan, "threshold should not be nan"),
        ([[1.0]], [1, 2], r"one for each of 1 texts; got shape \(2,\)"),
    ],
)
def test_what_cannot_be_timed(scores, threshold, words):
    with pytest.raises(ValueError, match=words):
        detection_delay(scores, threshold)
