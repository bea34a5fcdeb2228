# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm._aggregates import AGGREGATES, TextScore
from skperf.llm.streaming._running import RunningScore

SCORES = arrays(float, st.integers(1, 30), elements=st.floats(-50, 50))
CENTERS = st.floats(-5, 5)


def highest_cusum(scores, center):
    """Page's scheme, step by step."""
    total = highest = 0.0
    for score in scores:
        total = max(0.0, total + score - center)
        highest = max(highest, total)
    return highest


# What each aggregate is, written as its definition.
DEFINITIONS = {
    "mean": lambda s, window, center: s.mean(),
    "max": lambda s, window, center: s.max(),
    "window": lambda s, window, center: max(
        s[i : i + min(window, len(s))].mean()
        for i in range(len(s) - min(window, len(s)) + 1)
    ),
    "first": lambda s, window, center: s[0],
    "last": lambda s, window, center: s[-1],
    "cusum": lambda s, window, center: highest_cusum(s, center),
    "shrunk_mean": lambda s, window, center: np.sum(s - center) / (len(s) + 32),
}


@given(SCORES, st.integers(1, 40), CENTERS, st.sampled_from(sorted(AGGREGATES)))
def test_every_beginning_by_definition(scores, window, center, aggregate):
    text_score = TextScore(aggregate, window, center, 0.25)
    expected = [
        DEFINITIONS[aggregate](scores[:end], window, center) + 0.25
        for end in range(1, len(scores) + 1)
    ]
    np.testing.assert_allclose(text_score.prefixes(scores), expected, atol=1e-10)
    assert text_score.of(scores) == text_score.prefixes(scores)[-1]


def test_every_aggregate_is_defined_here():
    assert DEFINITIONS.keys() == AGGREGATES.keys()


@given(SCORES, CENTERS)
def test_cusum_is_the_largest_sum_of_neighbours(scores, center):
    """Over all pairs of a start and an end, and the empty sum."""
    sums = [
        np.sum(scores[start:end] - center)
        for start in range(len(scores))
        for end in range(start, len(scores) + 1)
    ]
    assert TextScore("cusum", center=center).of(scores) == pytest.approx(
        max(sums), abs=1e-9
    )


@given(SCORES, st.integers(1, 40), st.sampled_from(["mean", "max", "window"]))
def test_it_lies_between_the_extremes(scores, window, aggregate):
    pooled = TextScore(aggregate, window).of(scores)
    assert scores.min() - 1e-9 <= pooled <= scores.max() + 1e-9


def test_functions():
    scores = np.array([1.0, 5.0, -3.0, 2.0])
    text_score = TextScore(np.median, intercept=1)
    assert text_score.of(scores) == 2.5
    assert text_score.prefixes(scores).tolist() == [2, 4, 2, 2.5]


def test_all_named_aggregates_are_without_the_intercept():
    scores = np.array([1.0, 5.0, -3.0, 2.0])
    summary = TextScore("max", 2, 1.0, 7.0).all_named(scores)
    assert summary == pytest.approx([1.25, 5, 3, 1, 2, 4, 1 / 36])


@pytest.mark.parametrize("bad", [lambda s: s, lambda s: np.nan, lambda s: -np.inf])
def test_a_callable_must_make_one_number(bad):
    with pytest.raises(ValueError, match="one finite number"):
        TextScore(bad).of(np.arange(3.0))


@given(
    SCORES,
    st.integers(1, 40),
    CENTERS,
    st.sampled_from([*AGGREGATES, np.median]),
    st.lists(st.integers(0, 30), max_size=4),
    st.booleans(),
)
def test_running_scores(scores, window, center, aggregate, taken_back, look):
    """After each position, also when some were taken back; looked at or not."""
    text_score = TextScore(aggregate, window, center, -0.5)
    expected = text_score.prefixes(scores)
    running = RunningScore(text_score)
    assert np.isnan(running.pooled)
    assert np.isnan(running.highest)
    for n_kept in [*taken_back, 0]:
        for n in range(len(running.scores), len(scores)):
            running.push(scores[n])
            assert running.pooled == pytest.approx(expected[n], abs=1e-10)
            if look:
                highest = expected[: n + 1].max()
                assert running.highest == pytest.approx(highest, abs=1e-10)
        assert running.highest == pytest.approx(expected.max(), abs=1e-10)
        running.forget(n_kept)


def test_a_callable_is_not_called_for_each_score():
    calls = []
    running = RunningScore(TextScore(lambda scores: calls.append(1) or scores.max()))
    for score in range(5):
        running.push(score)
    assert running.pooled == 4
    assert len(calls) == 1
