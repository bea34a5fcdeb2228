# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

"""All classes that transformers has for causal LMs: right, refused, or listed."""

import copy
import json
import re
import traceback
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tiny_models import KINDS, tiny_model

import skperf
from skperf.llm import LanguageModel, RedFlagClassifier

X = ["the hero dies in the end", "we had tea", "who wins a game of tea", "nice rain"]
Y = [1, 0, 1, 0]
LONG = "who wins a game of tea and sun in the rain"
QUICK = ("llama", "gpt2", "gemma2", "cohere", "bloom", "mamba", "falcon_h1", "bert")

# What is not supported, with words of the errors. "refused": fits, by ours. "streams":
# these only. "unknown": no tiny model could be made, by transformers or by its size.
LISTED = json.loads(Path(__file__).with_name("architectures.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def reserved(make_tokenizer):
    """Return a tokenizer with a token for the flag."""
    return make_tokenizer(reserved=["<|reserved_special_token_0|>"])


def full_log_odds(model, clf, tokens):
    """Return the flag's log-odds of a model with the row among its weights."""
    model, flag = copy.deepcopy(model), clf.flag_token_id_
    head = model.get_output_embeddings()
    with torch.no_grad():
        head.weight[flag] = torch.from_numpy(clf.coef_).float()
        if head.bias is not None:
            head.bias[flag] = 0
        logits = model(input_ids=torch.tensor(tokens)[None], use_cache=False).logits
    logits, others = logits[0].double(), torch.arange(logits.shape[2]) != flag
    return (logits[:, flag] - logits[:, others].logsumexp(dim=1)).numpy()


def check_supported(model, tokenizer):
    """Compare scores, alone and in batches, with the model's full logits."""
    handle = LanguageModel(model, tokenizer, cache=None)
    clf = RedFlagClassifier(handle, fit_intercept=False).fit(X, Y)
    assert np.abs(clf.coef_).max() > 0
    for text, scores in zip(handle.tokenize(X), clf.score_positions(X), strict=True):
        expected = full_log_odds(model, clf, text.tokens)
        assert_allclose(scores.log_odds, expected, rtol=1e-4, atol=1e-3)
    return clf


def check_streams(clf):
    """Compare a stream with whole texts, word by word."""
    monitor, words = clf.stream(), LONG.split()
    for end, word in enumerate(words, start=1):
        probability = monitor.push(f" {word}")
        expected = clf.predict_proba([" ".join(words[:end])])[0, 1]
        assert probability == pytest.approx(expected, abs=1e-4)


def check_ours(error):
    """Raise unless an error says what to do in words of this package."""
    last = traceback.extract_tb(error.tb)[-1].filename
    assert Path(last).is_relative_to(Path(skperf.__file__).parent)


def described_error(kind):
    """Return why there is no tiny model."""
    try:
        tiny_model(kind)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    return "none"


def check_kind(kind, tokenizer):
    """Find a kind of model as it is listed, or supported."""
    if kind in LISTED["unknown"]:
        assert LISTED["unknown"][kind] in described_error(kind)
        return
    model = tiny_model(kind)
    if kind in LISTED["refused"]:
        handle = LanguageModel(model, tokenizer)
        words = re.escape(LISTED["refused"][kind])
        with pytest.raises((TypeError, ValueError), match=words) as error:
            RedFlagClassifier(handle).fit(X, Y)
        check_ours(error)
        return
    clf = check_supported(model, tokenizer)
    if kind in LISTED["streams"]:
        words = re.escape(LISTED["streams"][kind])
        with pytest.raises((RuntimeError, ValueError), match=words):
            check_streams(clf)
        return
    check_streams(clf)


@pytest.mark.filterwarnings("ignore")  # of transformers
@pytest.mark.parametrize("kind", QUICK)
def test_some_kinds(kind, reserved):
    check_kind(kind, reserved)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in QUICK])
def test_all_other_kinds(kind, reserved):
    check_kind(kind, reserved)


def test_few_kinds_are_unknown():
    assert len(LISTED["unknown"]) <= 0.1 * len(KINDS)
    listed = [kind for kinds in LISTED.values() for kind in kinds]
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(KINDS)
