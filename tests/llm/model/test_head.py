# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from skperf.llm import LanguageModel, LoraTuning, RedFlagClassifier
from skperf.llm.model._head import log_normalizer, output_head

SIZES = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
RESERVED = ["<|reserved_special_token_0|>"]

# What each does to its logits: nothing, a cap, a narrow cap, scales, both.
MODELS = {
    "plain": ("Llama", {}),
    "capped": ("Gemma2", {"head_dim": 8}),
    "narrow": ("Gemma2", {"head_dim": 8, "final_logit_softcapping": 3.0}),
    "divided": ("Granite", {"logits_scaling": 7.3}),
    "times": ("Cohere", {"logit_scale": 0.0625}),
    "before": ("MiniCPM3", {"dim_model_base": 3}),
}
MLA = {
    "num_key_value_heads": 2,
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 4,
    "v_head_dim": 8,
}


def new(kind, dtype="float64"):
    name, settings = MODELS[kind]
    settings = {**SIZES, **(MLA if name == "MiniCPM3" else {}), **settings}
    config = getattr(transformers, f"{name}Config")(**settings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModelForCausalLM.from_config(config)
    return model.to(getattr(torch, dtype)).eval()


def log_odds_of_full_logits(model, flag, row, tokens):
    """Put the row into the model, and ask nothing but the model."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        model.get_output_embeddings().weight[flag] = torch.from_numpy(row)
        logits = model(torch.tensor(tokens)[None]).logits[0].double()
    others = torch.arange(logits.shape[1]) != flag
    return (logits[:, flag] - logits[:, others].logsumexp(dim=1)).numpy()


@pytest.mark.parametrize("kind", MODELS)
def test_the_flag_is_a_token_like_others(kind, make_tokenizer, posts):
    model, X, y = new(kind), posts[0][:24], posts[1][:24]
    handle = LanguageModel(model, make_tokenizer(reserved=RESERVED))
    clf = RedFlagClassifier(handle, fit_intercept=False).fit(X, y)
    assert clf.score(X, y) > 0.55
    texts = handle.tokenize(X)
    found = [
        log_odds_of_full_logits(model, clf.flag_token_id_, clf.coef_, text.tokens)
        for text in texts
    ]
    for scores, expected in zip(clf.score_positions(X), found, strict=True):
        assert_allclose(scores.log_odds, expected, atol=2e-5)  # norms are float32
    # p(flag) is taken from all other tokens alike
    harmless = [f for f, label in zip(found, y, strict=True) if not label]
    mass = np.mean([np.logaddexp(0, f).mean() for f in harmless])
    assert clf.kl_to_base_ == pytest.approx(mass, rel=1e-6)
    assert clf.drift_ == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["capped", "divided"])
def test_adapters_of_a_model_with_such_logits(kind, make_tokenizer, posts):
    pytest.importorskip("peft")
    model, (X, y) = new(kind), posts
    handle = LanguageModel(model, make_tokenizer(reserved=RESERVED))
    tuning = LoraTuning(rank=2, n_layers=2, n_epochs=1, random_state=0)
    clf = RedFlagClassifier(handle, tuning=tuning, fit_intercept=False).fit(X, y)
    merged, flag = copy.deepcopy(model), clf.flag_token_id_
    weights = dict(merged.named_parameters())
    with torch.no_grad():
        for name, down in clf.lora_weights_.items():
            if ".lora_A." in name:
                up = clf.lora_weights_[name.replace(".lora_A.", ".lora_B.")]
                inside = name.removeprefix("base_model.model.")
                weights[inside.replace(".lora_A", "")] += (up @ down).double()
    for text, scores in zip(
        handle.tokenize(X[:5]), clf.score_positions(X[:5]), strict=True
    ):
        expected = log_odds_of_full_logits(merged, flag, clf.coef_, text.tokens)
        assert_allclose(scores.log_odds, expected, atol=1e-4)  # adapters are float32
    assert clf.drift_ == pytest.approx(
        drift(model, merged, flag, handle, X, y), rel=0.01
    )


def drift(model, merged, flag, handle, X, y):
    """Return the mean of KL between the two, without the flag, from full logits."""
    means = []
    for text, label in zip(handle.tokenize(X), y, strict=True):
        if not label:
            tokens = torch.tensor(text.tokens)[None]
            with torch.no_grad():
                logs = [m(tokens).logits[0].double() for m in (model, merged)]
            for z in logs:
                z[:, flag] = -1e9
            p, q = (z.log_softmax(dim=1) for z in logs)
            means.append((p.exp() * (p - q)).sum(dim=1).mean().item())
    return np.mean(means)


def test_what_is_done_to_logits_is_found(tokenizer):
    found = {
        kind: LanguageModel(new(kind, "float32"), tokenizer).head.function
        for kind in MODELS
    }
    assert found["plain"] == (1, 1, np.inf)
    assert found["capped"] == (1, 1, 30)
    assert found["narrow"] == (1, 1, 3)
    assert_allclose(found["divided"], (1, 1 / 7.3, np.inf), rtol=1e-6)
    assert found["times"] == (1, 0.0625, np.inf)
    assert_allclose(found["before"], (3 / 16, 1, np.inf), rtol=1e-6)


def test_a_head_that_is_more_than_a_matrix(make_tokenizer, posts):
    """A decoder of BERT's kind transforms states before it makes logits of them."""
    config = transformers.BertConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        is_decoder=True,
    )
    handle = LanguageModel(transformers.BertLMHeadModel(config), make_tokenizer())
    with pytest.raises(ValueError, match=r"transforms the logits .* Choose a layer"):
        RedFlagClassifier(handle).fit(*posts)
    RedFlagClassifier(handle, layer=1).fit(*posts)


def test_a_quantized_head(make_model, tokenizer, posts):
    model = make_model(dtype="float32", tied=False)
    model.lm_head.weight.requires_grad_(False)
    model.lm_head.weight.data = model.lm_head.weight.data.to(torch.int8)
    with pytest.raises(ValueError, match=r"head of LlamaForCausalLM is quantized"):
        RedFlagClassifier((model, tokenizer)).fit(*posts)
    RedFlagClassifier((model, tokenizer), layer=1).fit(*posts)


@pytest.mark.parametrize("flag", [0, 5, 63, 64])
@pytest.mark.parametrize("kind", ["plain", "narrow"])
def test_normalizers_leave_out_the_flag(kind, flag):
    """Also where the flag is the first token; 64 is none of the model's."""
    head = output_head(new(kind))
    hidden = torch.linspace(-1, 1, 48, dtype=torch.float64).reshape(3, 16)
    with torch.no_grad():
        logits = head(hidden)
        others = logits[:, torch.arange(64) != flag]
        found = log_normalizer(head, hidden, flag, at_once=2)
    torch.testing.assert_close(found, others.logsumexp(dim=1))
