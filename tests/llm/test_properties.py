# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier

WORD = st.sampled_from(["the", "hero", "wins", "rain", "tea", "dies", "unheard-of"])
TEXT = st.lists(WORD, min_size=1, max_size=100).map(" ".join)  # the context is 64
TEXTS = st.lists(TEXT, min_size=1, max_size=6)


@pytest.fixture(scope="module")
def byte_tokenizer():
    """Return a tokenizer with one token for each byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {char: i for i, char in enumerate(alphabet)}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    made.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made)


@pytest.fixture(scope="module")
def score(model, tokenizer):
    """Return a function that scores texts with a fixed row and any settings."""

    def score(texts, layer=None, **settings):
        clf = RedFlagClassifier(LanguageModel(model, tokenizer, **settings))
        clf.coef_, clf.intercept_ = np.linspace(-1, 1, 16), 3.0
        clf.layer_, clf.language_model_ = layer, clf.language_model
        clf.forms_ = ["texts"]
        return [scores.log_odds for scores in clf.score_positions(texts)]

    return score


@settings(max_examples=15)
@given(
    texts=TEXTS,
    layer=st.sampled_from([None, 1, 2]),
    batch_tokens=st.integers(1, 500),
    max_length=st.integers(1, 64),
    data=st.data(),
)
def test_batches_windows_and_order(score, texts, layer, batch_tokens, max_length, data):
    order = data.draw(st.permutations(range(len(texts))))
    shuffled = score(
        [texts[i] for i in order],
        layer,
        batch_tokens=batch_tokens,
        max_length=max_length,
    )
    for i, scores in zip(order, shuffled, strict=True):
        (alone,) = score([texts[i]], layer, max_length=max_length)
        assert len(scores) == len(texts[i].split())
        assert_allclose(scores, alone, rtol=1e-9, atol=1e-9)


@settings(max_examples=15)
@given(text=TEXT, more=TEXT, max_length=st.integers(1, 64))
def test_what_comes_later_changes_nothing(score, text, more, max_length):
    (scores,) = score([text], max_length=max_length)
    (longer,) = score([f"{text} {more}"], max_length=max_length)
    assert_allclose(longer[: len(scores)], scores, rtol=1e-9, atol=1e-9)


@settings(max_examples=25)
@given(prompt=st.text(max_size=10), text=st.text(min_size=1, max_size=30))
def test_offsets_of_any_unicode(byte_tokenizer, model, prompt, text):
    """Every byte is a token, and its offsets are those of its character."""
    from skperf.llm.text._texts import tokenize

    byte_tokenizer.chat_template = None
    assume(not any(0xD800 <= ord(char) <= 0xDFFF for char in prompt + text))
    expected = [[i, i + 1] for i, char in enumerate(text) for _ in char.encode()]
    for row in (text, (prompt, text)):
        (tokenized,) = tokenize([row], byte_tokenizer)
        assert tokenized.offsets.tolist() == expected


@settings(max_examples=50)
@given(text=st.text(min_size=1, max_size=30))
def test_messages_of_any_unicode(byte_tokenizer, text):
    from skperf.llm.text._texts import tokenize

    assume(text.strip() and not any(0xD800 <= ord(char) <= 0xDFFF for char in text))
    byte_tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}"
    )
    (tokenized,) = tokenize([[{"role": "user", "content": text}]], byte_tokenizer)
    start, stop = tokenized.offsets[0, 0], tokenized.offsets[-1, 1]
    assert text[start:stop] == text.strip()
    assert len(tokenized.scored) == len(text.strip().encode())
