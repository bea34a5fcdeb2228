# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import LanguageModel
from skperf.llm.streaming._reader import Reader
from skperf.llm.text._texts import TokenizedText


def whole(handle, tokens, scored):
    """Return the states of a text that is read at once."""
    text = TokenizedText(np.array(tokens), np.array(scored), None)
    (states,) = handle.states([text])
    return states


@settings(max_examples=10)
@given(
    max_length=st.integers(1, 12),
    steps=st.lists(
        st.tuples(st.integers(0, 30), st.lists(st.integers(3, 40), min_size=1)),
        min_size=1,
        max_size=6,
    ),
    skipped=st.sets(st.integers(0, 40)),
)
def test_whatever_is_forgotten_and_read(model, tokenizer, max_length, steps, skipped):
    """The end of a sequence changes at random; some positions are never scored."""
    handle = LanguageModel(model, tokenizer, max_length=max_length)
    reader = Reader(handle, None)
    tokens = []
    for n_kept, new in steps:
        n_kept = min(n_kept, len(tokens))
        tokens = tokens[:n_kept] + new
        scored = [i for i in range(len(tokens)) if i not in skipped]
        pending = [i for i in scored if i >= n_kept]
        reader.forget(n_kept)
        if not pending:
            continue
        states = reader.states(tokens, pending)
        expected = whole(handle, tokens, scored)
        assert_allclose(states.hidden, expected.hidden[-len(pending) :], atol=1e-9)
        logs = expected.log_normalizer[-len(pending) :]
        assert_allclose(states.log_normalizer, logs, atol=1e-9)


def test_after_an_error_the_window_is_read_again(handle, monkeypatch):
    reader = Reader(handle, None)
    tokens = [5, 6, 7, 8, 9]
    reader.states(tokens, [0, 1, 2])

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        # the first layer has kept the token by then
        patch.setattr(handle.model.model.layers[1], "forward", interrupt)
        with pytest.raises(KeyboardInterrupt):
            reader.states(tokens, [3])
    states = reader.states(tokens, [3, 4])
    expected = whole(handle, tokens, range(5))
    assert_allclose(states.hidden, expected.hidden[3:], atol=1e-12)
