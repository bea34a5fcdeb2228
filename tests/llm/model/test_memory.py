# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

"""What depends on a GPU's free memory, with a memory that is made up."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import LanguageModel, MeanStatesProbe, RedFlagClassifier
from skperf.llm.model import _memory
from skperf.llm.model._cache import States
from skperf.llm.model._forward import read
from skperf.llm.text._batches import batches, cut
from skperf.llm.text._texts import TokenizedText

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_the_cpu_computes_the_same_whatever_memory_is_free(handle):
    assert handle.batch_tokens is None
    assert handle.tokens_in_batch == 1024
    assert _memory.logits_at_once(CPU) == 2**24
    assert _memory.enough_tokens(SimpleNamespace(device=CPU)) is None
    assert _memory.home(torch.zeros(1, 4), 1) == CPU
    assert _memory.device_of_fit(CPU, [States(torch.zeros(1, 4), None)]) is None


@pytest.mark.parametrize(
    ("dtype", "n_tokens"), [(torch.float32, 2048), (torch.bfloat16, 4096)]
)
def test_half_precision_needs_more_to_be_busy(dtype, n_tokens):
    model = SimpleNamespace(device=CUDA, dtype=dtype)
    assert _memory.enough_tokens(model) == n_tokens


def test_what_is_given_counts(model, tokenizer):
    assert LanguageModel(model, tokenizer, batch_tokens=7).tokens_in_batch == 7


def test_batches_grow_with_free_memory(model, monkeypatch):
    sizes = []
    for free in (1, 2**24, 2**26, 2**28, 2**40):
        monkeypatch.setattr(_memory, "free_bytes", lambda device, free=free: free)
        sizes.append(_memory.tokens_at_once(model))
        # 2 layers of 6 * 16 + 3 * 32 numbers of 8 bytes
        assert sizes[-1] * 2 * 192 * 8 <= free / 2 or sizes[-1] == 128
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 2
    assert sizes[-1] == 2**14


@pytest.mark.parametrize(
    ("free", "n_logits"), [(1, 2**24), (2**33, 2**27), (2**40, 2**28)]
)
def test_logits_grow_with_free_memory(free, n_logits, monkeypatch):
    monkeypatch.setattr(_memory, "free_bytes", lambda device: free)
    assert _memory.logits_at_once(CUDA) == n_logits


def test_what_does_not_fit_goes_to_the_cpu(monkeypatch):
    monkeypatch.setattr(_memory, "free_bytes", lambda device: 24_000)
    states = [States(torch.zeros(10, 100, device="meta"), None)]
    meta = states[0].hidden.device
    assert _memory.device_of_fit(CUDA, states) == CUDA  # 8000 bytes in float64
    assert _memory.device_of_fit(CUDA, states + states) is None
    assert _memory.home(states[0].hidden, 7) == meta  # 2800 bytes
    assert _memory.home(states[0].hidden, 8) == CPU


def test_free_memory_is_what_torch_can_still_have(monkeypatch):
    known = {"mem_get_info": (100, 999), "memory_reserved": 50, "memory_allocated": 20}
    for name, value in known.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    assert _memory.free_bytes(CUDA) == 130
    assert _memory.free_bytes(CPU) == 0


def test_a_batch_that_has_enough_takes_no_padding():
    lengths = [10, 10, 10, 10, 11, 20, 20]
    texts = [TokenizedText(np.arange(n), np.array([n - 1]), None) for n in lengths]
    windows = [w for i, text in enumerate(texts) for w in cut(i, text, 64)]

    def found(enough):
        return [
            [len(window.tokens) for window in batch]
            for batch in batches(windows, 140, enough)
        ]

    assert found(None) == [lengths]
    assert found(1) == [[10, 10, 10, 10], [11], [20, 20]]
    assert found(50) == [[10, 10, 10, 10, 11], [20, 20]]


# A product with a row, too: its device is asked for, and that is the CPU here.
MIXED = {"to", "__getitem__", "matmul", "__matmul__"}


class Elsewhere(torch.Tensor):
    """A tensor as one on another device: nothing of the CPU's is mixed with it."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            plain = [_here(arg) for arg in args]
            if func is torch.Tensor.cpu:
                return plain[0]
            if func in (torch.Tensor.numpy, torch.Tensor.__array__):
                raise TypeError("can't convert a tensor of another device to numpy")
            if func.__name__ not in MIXED:
                _check_together(args)
            return _there(func(*plain, **(kwargs or {})))


def _here(value):
    if isinstance(value, Elsewhere):
        return torch.Tensor.as_subclass(value, torch.Tensor)
    if isinstance(value, list | tuple):
        return type(value)(map(_here, value))
    return value


def _there(value):
    if isinstance(value, torch.Tensor):
        return value.as_subclass(Elsewhere)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(map(_there, value))
    return value


def _check_together(args):
    parts = [
        part
        for arg in args
        for part in (arg if isinstance(arg, list | tuple) else [arg])
    ]
    tensors = [part for part in parts if isinstance(part, torch.Tensor) and part.ndim]
    if any(not isinstance(tensor, Elsewhere) for tensor in tensors):
        raise RuntimeError("Expected all tensors to be on the same device")


@pytest.fixture
def elsewhere(monkeypatch):
    """Let states stay where the model is, on a device that is not the CPU."""

    def read_elsewhere(*args, **kwargs):
        return [
            States(
                *(part if part is None else part.as_subclass(Elsewhere) for part in s)
            )
            for s in read(*args, **kwargs)
        ]

    monkeypatch.setattr("skperf.llm.model._states.read", read_elsewhere)


@pytest.mark.parametrize(
    ("layer", "cache"), [(None, "memory"), (None, "disk"), (1, None)]
)
def test_states_on_another_device(
    model, tokenizer, posts, tmp_path, elsewhere, monkeypatch, cache, layer
):
    cache = tmp_path if cache == "disk" else cache
    there = LanguageModel(model, tokenizer, cache=cache)
    X, y = posts
    states = there.states(there.tokenize(X), layer)
    assert isinstance(states[0].hidden, Elsewhere)
    clf = RedFlagClassifier(there, layer=layer).fit(X, y)
    scores = clf.decision_function(X)
    probe = MeanStatesProbe(there, layer=1).fit(X, y)
    monkeypatch.undo()
    here = LanguageModel(model, tokenizer, cache=None)
    expected = RedFlagClassifier(here, layer=layer).fit(X, y)
    assert_allclose(clf.coef_, expected.coef_, rtol=1e-9)
    assert_allclose(scores, expected.decision_function(X), rtol=1e-9, atol=1e-9)
    if layer is None:
        assert clf.kl_to_base_ == pytest.approx(expected.kl_to_base_, rel=1e-9)
    expected = MeanStatesProbe(here, layer=1).fit(X, y)
    assert_allclose(probe.coef_, expected.coef_, rtol=1e-9)
