# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier
from skperf.llm.model._cache import DiskCache, MemoryCache, States
from skperf.llm.model._forward import read


@pytest.fixture
def passes(model, monkeypatch):
    """Return a list that grows with each forward pass of the model's first layer."""
    calls = []
    hook = model.model.layers[0].register_forward_hook(
        lambda module, args, output: calls.append(1)
    )
    yield calls
    hook.remove()


@pytest.fixture(params=["memory", "disk"])
def caching(request, model, tokenizer, tmp_path):
    """Return a handle that caches."""
    cache = "memory" if request.param == "memory" else tmp_path / "states"
    return LanguageModel(model, tokenizer, cache=cache)


def test_a_refit_reads_nothing(caching, posts, passes):
    X, y = posts
    clf = RedFlagClassifier(caching).fit(X, y)
    first = clf.decision_function(X)
    passes.clear()
    again = RedFlagClassifier(caching, C=1.0).fit(X, y).decision_function(X)
    assert not passes
    np.testing.assert_allclose(first, again, rtol=1e-12, atol=1e-12)
    RedFlagClassifier(caching, layer=1).fit(X, y)
    assert passes  # another layer has other states


def test_without_a_cache_texts_are_read_again(model, tokenizer, posts, passes):
    X, y = posts
    clf = RedFlagClassifier(LanguageModel(model, tokenizer, cache=None)).fit(X, y)
    passes.clear()
    clf.predict(X)
    assert passes


def test_equal_texts_are_read_once(handle, passes):
    handle.states(handle.tokenize(["the hero"]))
    alone = len(passes)
    passes.clear()
    texts = LanguageModel(handle.model, handle.tokenizer, batch_tokens=1).tokenize(
        ["who wins"] * 5
    )
    handle.states(texts)
    assert len(passes) < alone + 1  # head is checked by now


def test_the_scored_positions_are_part_of_the_key(handle):
    plain, pair = handle.tokenize(["who the hero", ("who", "the hero")])
    assert plain.tokens.tolist() == pair.tokens.tolist()
    assert [len(s.hidden) for s in handle.states([plain, pair])] == [3, 2]


def test_a_folder_outlives_the_handle(model, tokenizer, posts, tmp_path, passes):
    X, _ = posts
    first = LanguageModel(model, tokenizer, cache=tmp_path)
    expected = first.states(first.tokenize(X))
    passes.clear()
    second = LanguageModel(model, tokenizer, cache=str(tmp_path))
    for one, other in zip(second.states(second.tokenize(X)), expected, strict=True):
        assert torch.equal(one.hidden, other.hidden)
        assert torch.equal(one.log_normalizer, other.log_normalizer)
    assert not passes


def test_a_folder_tells_models_apart(model, make_model, tokenizer, tmp_path):
    other = make_model(tied=False)
    handles = [LanguageModel(m, tokenizer, cache=tmp_path) for m in (model, other)]
    states = [handle.states(handle.tokenize(["the hero"]))[0] for handle in handles]
    assert not torch.equal(states[0].log_normalizer, states[1].log_normalizer)


def test_memory_holds_the_last_used_states():
    def states(n_floats):
        return States(torch.zeros(n_floats), None)

    cache = MemoryCache(max_bytes=100)
    cache.put("a", states(10))
    cache.put("b", states(10))
    assert cache.get("a") is not None
    cache.put("c", states(10))  # b was not used for longest
    assert cache.get("b") is None
    assert cache.get("a") is not None
    cache.put("d", states(100))  # more than there is room for
    assert cache.get("d") is None
    assert cache.n_bytes == 0


def test_states_that_are_put_twice_count_once():
    cache = MemoryCache(max_bytes=100)
    for _ in range(3):
        cache.put("a", States(torch.zeros(10), None))
    assert cache.n_bytes == 40


def test_what_was_read_before_an_error_is_kept(caching, posts, passes, monkeypatch):
    monkeypatch.setattr("skperf.llm.model._cached_states._TOKENS_AT_ONCE", 1)
    texts = caching.tokenize(["the hero wins", "tea and rain", "who dies"])

    def interrupted(model, some, **settings):
        if some[0] is texts[2]:
            raise KeyboardInterrupt
        return read(model, some, **settings)

    monkeypatch.setattr("skperf.llm.model._states.read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        caching.states(texts)
    passes.clear()
    caching.states(texts[:2])
    assert not passes


@pytest.mark.slow
def test_threads(handle, posts):
    with parallel_config(backend="threading"):
        search = GridSearchCV(
            RedFlagClassifier(handle), {"layer": [None, 1, 2]}, n_jobs=4, cv=3
        )
        search.fit(*posts)
    alone = GridSearchCV(RedFlagClassifier(handle), {"layer": [None, 1, 2]}, cv=3)
    scores = [s.cv_results_["mean_test_score"] for s in (search, alone.fit(*posts))]
    np.testing.assert_array_equal(*scores)


def test_files_without_normalizers(tmp_path):
    cache = DiskCache(tmp_path)
    cache.put("key", States(torch.ones(3, dtype=torch.bfloat16), None))
    states = cache.get("key")
    assert states.log_normalizer is None
    assert torch.equal(states.hidden, torch.ones(3, dtype=torch.bfloat16))
    assert cache.get("other") is None
    assert [p.suffix for p in tmp_path.rglob("*.*")] == [".safetensors"]


def test_layers_in_one_pass(caching, posts, passes):
    texts = caching.tokenize([*posts[0][:20], " ".join(posts[0])])  # one in windows
    layers = [2, None, 1]
    caching.cache_layers(texts, layers)
    n_passes = len(passes)
    found = [caching.states(texts, layer) for layer in layers]
    assert len(passes) == n_passes
    caching.cache_layers(texts, layers)  # nothing is missing
    assert len(passes) == n_passes
    alone = LanguageModel(caching.model, caching.tokenizer, cache=None)
    for layer, states in zip(layers, found, strict=True):
        for one, other in zip(states, alone.states(texts, layer), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
            assert (one.log_normalizer is None) == (layer is not None)


def test_layers_that_cannot_be_cached(model, tokenizer, handle):
    texts = handle.tokenize(["the hero"])
    with pytest.raises(ValueError, match="layer=3 is none of the model's layers"):
        handle.cache_layers(texts, [1, 3])
    with pytest.raises(ValueError, match="nowhere to keep states"):
        LanguageModel(model, tokenizer, cache=None).cache_layers(texts, [1])
