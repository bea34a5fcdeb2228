# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm.text._batches import batches, cut, pad, runs
from skperf.llm.text._texts import TokenizedText


@st.composite
def texts(draw):
    n_tokens = draw(st.integers(1, 50))
    scored = draw(st.sets(st.integers(0, n_tokens - 1), min_size=1))
    where = np.array(sorted(scored))
    return TokenizedText(np.arange(n_tokens), where, np.zeros((len(where), 2)))


@given(texts(), st.integers(1, 60))
def test_each_position_is_answered_for_once_with_enough_context(text, max_length):
    windows = cut(0, text, max_length)
    answered = []
    for window in windows:
        assert len(window.tokens) <= max_length
        assert window.start == window.tokens[0]
        positions = window.tokens[window.scored]  # tokens are their own positions here
        start = window.tokens[0]
        for position in positions:
            context = position - start
            assert start == 0 or context >= max_length - max(max_length // 2, 1)
        answered += positions.tolist()
    assert answered == text.scored.tolist()


@given(texts(), st.integers(1, 60))
def test_how_a_text_goes_on_makes_no_difference(text, max_length):
    n_tokens, n_scored = text.scored[-1] + 9, len(text.scored)
    scored = np.append(text.scored, np.arange(text.scored[-1] + 1, n_tokens))
    longer = TokenizedText(np.arange(n_tokens), scored, np.zeros((len(scored), 2)))
    starts, starts_of_longer = (
        [w.start for w in cut(0, some, max_length) for _ in w.scored]
        for some in (text, longer)
    )
    assert starts == starts_of_longer[:n_scored]


def test_a_text_that_fits_is_one_window():
    text = TokenizedText(np.arange(9), np.array([3, 5]), np.zeros((2, 2)))
    (window,) = cut(7, text, 9)
    assert window.text == 7
    assert window.tokens.tolist() == [0, 1, 2, 3, 4, 5]


@given(st.lists(texts(), max_size=20), st.integers(1, 200))
def test_batches_hold_every_window_within_the_limit(some, limit):
    windows = [w for i, text in enumerate(some) for w in cut(i, text, 64)]
    found = list(batches(windows, limit))
    assert sorted(w.text for batch in found for w in batch) == list(range(len(some)))
    for batch in found:
        assert pad(batch, "cpu").numel() <= limit or len(batch) == 1


@given(st.lists(st.integers(1, 50), max_size=20), st.integers(1, 60))
def test_runs_hold_all_neighbours(lengths, size):
    parts = [lengths[run] for run in runs(lengths, size)]
    assert all(parts)
    assert [n for part in parts for n in part] == lengths
    for part in parts:
        assert sum(part[1:]) <= size
