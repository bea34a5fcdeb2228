# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest

KNOWN = """
    the a of and to we you it film book game ending twist killer hero dies wins butler
    did was is nice rain sun tea dinner garden train late early friend music played
    liked read saw spoiler alert secret finally because who all end good bad
"""
WORDS = KNOWN.split()


def new_tokenizer(chat_template=None, reserved=()):
    """Return a tokenizer of words, which knows some of them."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = ["[UNK]", "<user>", "<assistant>", *WORDS]
    model = models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="[UNK]")
    words = Tokenizer(model)
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = ["<user>", "<assistant>", *reserved]
    words.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
    tokenizer.chat_template = chat_template
    return tokenizer


def new_model(n_rows=64, *, tied=True, dtype="float64", **config):
    """Return a random Llama of two layers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {
        "vocab_size": n_rows,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings = LlamaConfig(**{**sizes, **config}, tie_word_embeddings=tied)
        return LlamaForCausalLM(settings).to(getattr(torch, dtype)).eval()


@pytest.fixture(autouse=True)
def _disturbed_states(request, monkeypatch):
    """Sum over texts in another order, and of hidden states with other last digits."""
    if not request.config.getoption("--disturb"):
        return
    pytest.importorskip("transformers")
    from skperf.llm import _red_flag

    fit = _red_flag.fit_row

    def disturbed(*data, **params):
        return fit(*_nudge(*_reorder(*data)), **params)

    monkeypatch.setattr(_red_flag, "fit_row", disturbed)


def _reorder(states, flagged, weight):
    order = np.random.default_rng(0).permutation(len(states))
    return [states[i] for i in order], flagged[order], weight[order]


def _nudge(states, flagged, weight):
    import torch

    rng = np.random.default_rng(0)

    def nudge(hidden):
        ends = torch.from_numpy(rng.choice([-np.inf, np.inf], hidden.shape))
        return torch.nextafter(hidden, ends.to(hidden))

    return [s._replace(hidden=nudge(s.hidden)) for s in states], flagged, weight


CHAT = (
    "{% for message in messages %}<{{ message.role }}> {{ message.content | trim }} "
    "{% endfor %}"
)


@pytest.fixture(scope="session")
def chat_template():
    """Return a template that trims messages, as many do."""
    return CHAT


@pytest.fixture(scope="session")
def make_tokenizer():
    """Return a function that makes tokenizers."""
    return new_tokenizer


@pytest.fixture(scope="session")
def make_model():
    """Return a function that makes models, all with the same seed."""
    return new_model


@pytest.fixture(scope="session")
def tokenizer():
    return new_tokenizer()


@pytest.fixture(scope="session")
def model():
    return new_model()


@pytest.fixture
def handle(model, tokenizer):
    """Return a handle with an empty cache."""
    from skperf.llm import LanguageModel

    return LanguageModel(model, tokenizer)


def fit_by_hand(language_model, layer=None, *, threshold=0.0, **params):
    """Return a classifier with a row that was not learnt."""
    from skperf.llm import RedFlagClassifier

    clf = RedFlagClassifier(language_model, **params)
    clf.coef_, clf.intercept_ = np.linspace(-0.1, 0.1, 16), 3.0
    clf.layer_, clf.language_model_, clf.threshold_ = layer, language_model, threshold
    clf.threshold_looks_, clf.threshold_by_ = "last", None
    clf.aggregate_, clf.window_ = clf.aggregate, clf.window
    clf.center_, clf.text_intercept_ = 2.5, 0.5
    clf.forms_ = ["chats", "texts"]
    clf.classes_, clf.pos_label_ = np.array([0, 1]), 1
    return clf


@pytest.fixture(scope="session")
def fixed():
    """Return a function that makes classifiers with a fixed row."""
    return fit_by_hand


@pytest.fixture(scope="session")
def posts():
    """Return 60 posts of 2 to 20 words; those with label 1 tell how a story ends."""
    rng = np.random.default_rng(0)
    talk = WORDS[:8] + WORDS[18:34]
    plot = WORDS[:18] + WORDS[34:]
    y = np.arange(60) % 2
    texts = [
        " ".join(rng.choice(plot if label else talk, size=rng.integers(2, 21)))
        for label in y
    ]
    return texts, y
