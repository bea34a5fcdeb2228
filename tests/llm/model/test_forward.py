# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

from collections import Counter

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch.utils._python_dispatch import TorchDispatchMode

from skperf.llm import LanguageModel

# A view computes nothing, and waiting for a device is counted apart.
VIEWS = ("view", "slice", "select", "split", "detach", "alias", "expand", "squeeze")
WAITS = "aten._local_scalar_dense.default"


class Operations(TorchDispatchMode):
    """Counts what torch computes inside."""

    def __enter__(self):
        self.names = Counter()
        return super().__enter__()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names[str(function)] += 1
        return function(*args, **(kwargs or {}))

    @property
    def n_computed(self):
        return sum(
            count
            for name, count in self.names.items()
            if not any(view in name for view in VIEWS)
        )


def operations(function, *args):
    with torch.no_grad(), Operations() as found:
        function(*args)
    return found


@pytest.fixture
def reading(model, tokenizer):
    """Return a function that counts what reading some texts takes."""
    handle = LanguageModel(model, tokenizer, batch_tokens=40, cache=None)
    handle.states(handle.tokenize(["tea"]))  # what is found out once

    def read(n_texts):
        texts = handle.tokenize(["the hero dies in rain"] * n_texts)
        texts = [text._replace(tokens=text.tokens + i) for i, text in enumerate(texts)]
        return operations(handle.states, texts)

    return read


def test_little_is_done_beside_the_model(reading, model):
    """Plain code makes logits of all positions, in one batch of eight texts here."""

    def plain(tokens):
        logits = model(input_ids=tokens, use_cache=False).logits.double()
        return logits.logsumexp(dim=2)

    ours = reading(16).n_computed - reading(8).n_computed  # one more batch
    theirs = operations(plain, torch.full((8, 5), 7)).n_computed
    per_batch = 10  # where the scored positions are, and which token is the flag
    per_text = 4  # its tokens, and copies of its states and normalizers
    assert ours <= theirs + per_batch + 8 * per_text


def test_the_device_is_waited_for_once_a_batch(reading):
    """Transformers does, when it looks for several texts in a row."""
    waits = [reading(n).names[WAITS] for n in (8, 16, 24)]
    assert waits[1] - waits[0] <= 1
    assert waits[2] - waits[1] <= 1
