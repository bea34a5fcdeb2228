# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

"""Another language model below what was learnt, and how far a flag moves its own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import (
    LanguageModel,
    LoraTuning,
    MeanStatesProbe,
    RedFlagClassifier,
)


@pytest.fixture
def tuned(make_model, tokenizer):
    """Return a handle on a model whose weights have moved a little."""
    model = make_model()
    with torch.no_grad():
        for weight in model.model.layers[1].parameters():
            weight += 0.05 * torch.sin(torch.arange(weight.numel()).view_as(weight))
    return LanguageModel(model, tokenizer)


@pytest.mark.parametrize(
    ("kind", "layer"),
    [(RedFlagClassifier, None), (RedFlagClassifier, 1), (MeanStatesProbe, 2)],
)
def test_scores_are_those_of_the_other_model(handle, tuned, posts, kind, layer):
    X, y = posts
    clf = kind(handle, layer=layer).fit(X, y).fit_threshold(X, 0.2)
    before = clf.decision_function(X)
    changed = clf.with_language_model(tuned)
    assert_array_equal(clf.decision_function(X), before)
    assert changed.language_model is changed.language_model_ is tuned
    assert changed.threshold_ == clf.threshold_
    states = tuned.states(tuned.tokenize(X), changed.layer_)
    for text, part in zip(changed.score_positions(X), states, strict=True):
        expected = part.hidden.numpy() @ clf.coef_ + clf.intercept_
        if part.log_normalizer is not None:
            expected -= part.log_normalizer.numpy()
        assert_allclose(text.log_odds, expected)
    # the first layer has not moved, and what comes after it has
    assert np.allclose(changed.decision_function(X), before) == (layer == 1)


def test_back_again(handle, tuned, posts):
    clf = RedFlagClassifier(handle).fit(*posts)
    back = clf.with_language_model(tuned).with_language_model(handle)
    assert_array_equal(
        back.decision_function(posts[0]), clf.decision_function(posts[0])
    )
    assert clf.kl_to_base_ > 0
    assert not hasattr(back, "kl_to_base_")


def test_adapters_go_with_the_flag(handle, tuned, posts):
    clf = RedFlagClassifier(handle, tuning=LoraTuning(n_layers=1, random_state=0))
    clf.fit(*posts)
    changed = clf.with_language_model(tuned)
    assert np.abs(
        changed.decision_function(posts[0]) - clf.decision_function(posts[0])
    ).max() > 1e-3  # fmt: skip
    assert changed.lora_weights_ is clf.lora_weights_


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"n_rows": 80}, "another flag token"),
        ({"hidden_size": 32}, "another hidden size"),
        ({"num_hidden_layers": 3}, "another number of layers"),
    ],
)
def test_models_of_other_sizes(handle, make_model, tokenizer, posts, config, words):
    clf = RedFlagClassifier(handle).fit(*posts)
    with pytest.raises(ValueError, match=f"{words}.*Fit a classifier of its own"):
        clf.with_language_model((make_model(**config), tokenizer))


def test_models_with_other_tokens(handle, model, make_tokenizer, posts, chat_template):
    clf = RedFlagClassifier(handle).fit(*posts)
    with pytest.raises(ValueError, match="another chat template"):
        clf.with_language_model((model, make_tokenizer(chat_template)))
    with pytest.raises(NotFittedError):
        RedFlagClassifier(handle).with_language_model(handle)


@pytest.mark.parametrize("tuning", [None, LoraTuning(n_layers=1, random_state=0)])
def test_divergence_of_training_texts_is_the_one_of_the_fit(handle, posts, tuning):
    X, y = posts
    clf = RedFlagClassifier(handle, tuning=tuning).fit(X, y)
    benign = [text for text, label in zip(X, y, strict=True) if not label]
    divergence = clf.divergence(benign)
    assert divergence.flag_mass == pytest.approx(clf.flag_mass_)
    assert divergence.drift == pytest.approx(clf.drift_)
    assert sum(divergence) == pytest.approx(clf.kl_to_base_)


def test_divergence_from_all_probabilities(handle, model, tokenizer, posts):
    """KL of the next token's law with and without the flag, from full logits."""
    clf = RedFlagClassifier(handle).fit(*posts)
    texts = ["the hero dies", "tea and rain"]
    expected = []
    for text, scores in zip(texts, clf.score_positions(texts), strict=True):
        tokens = tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            logits = model(tokens).logits[0].double().numpy()
        reference = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        not_flag = 1 / (1 + np.exp(scores.log_odds))[:, None]
        expected.append(
            (reference * np.log(reference / (reference * not_flag))).sum(axis=1).mean()
        )
    assert sum(clf.divergence(texts)) == pytest.approx(np.mean(expected))
    weighted = sum(clf.divergence(texts, sample_weight=[3, 1]))
    assert weighted == pytest.approx(np.average(expected, weights=[3, 1]))


def test_a_flag_beside_the_model_does_not_move_it(handle, posts):
    clf = RedFlagClassifier(handle, layer=1).fit(*posts)
    with pytest.raises(ValueError, match=r"at layer 1, .*Fit with layer=None"):
        clf.divergence(posts[0])
