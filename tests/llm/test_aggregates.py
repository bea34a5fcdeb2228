# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm._aggregates import (
    POOLINGS,
    RunningPooling,
    mean_of_windows,
    pool,
    summarize,
)

SCORES = arrays(float, st.integers(1, 30), elements=st.floats(-50, 50))


def test_poolings():
    scores = np.array([1.0, 5.0, -3.0, 2.0])
    assert pool(scores, "mean", 2) == 1.25
    assert pool(scores, "max", 2) == 5
    assert pool(scores, "window", 2) == 3
    assert pool(scores, "first", 2) == 1
    assert pool(scores, "last", 2) == 2
    assert pool(scores, np.median, 2) == 1.5
    assert summarize(scores, 2) == [1.25, 5, 3, 1, 2]


@given(SCORES, st.integers(1, 40))
def test_means_of_windows(scores, window):
    width = min(window, len(scores))
    starts = range(len(scores) - width + 1)
    expected = [scores[i : i + width].mean() for i in starts]
    np.testing.assert_allclose(mean_of_windows(scores, window), expected, atol=1e-12)


@given(SCORES, st.integers(1, 40), st.sampled_from(sorted(POOLINGS)))
def test_a_pooling_lies_between_the_extremes(scores, window, aggregate):
    pooled = pool(scores, aggregate, window)
    assert scores.min() - 1e-9 <= pooled <= scores.max() + 1e-9


@pytest.mark.parametrize("bad", [lambda s: s, lambda s: np.nan, lambda s: -np.inf])
def test_a_callable_must_make_one_number(bad):
    with pytest.raises(ValueError, match="one finite number"):
        pool(np.arange(3.0), bad, 8)


@given(
    SCORES,
    st.integers(1, 40),
    st.sampled_from([*POOLINGS, np.median]),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_running_poolings(scores, window, aggregate, taken_back):
    running = RunningPooling(aggregate, window)
    assert np.isnan(running.pooled)
    for n_kept in [*taken_back, 0]:
        for n in range(len(running.scores), len(scores)):
            running.push(scores[n])
            expected = pool(scores[: n + 1], aggregate, window)
            assert running.pooled == pytest.approx(expected, abs=1e-12)
        running.forget(n_kept)


def test_a_callable_is_not_called_for_each_score():
    calls = []
    running = RunningPooling(lambda scores: calls.append(1) or scores.max(), 8)
    for score in range(5):
        running.push(score)
    assert running.pooled == 4
    assert len(calls) == 1
