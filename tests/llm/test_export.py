# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from skperf.llm import LanguageModel, LoraTuning, RedFlagClassifier

SMALL = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
ARCHITECTURES = {  # tied matrices, Conv1D, biases, fused experts, scaled embeddings
    "Llama": {},
    "SmolLM3": {"num_key_value_heads": 2, "tie_word_embeddings": True},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "GPTNeoX": {},
    "Phi": {},
    "Gemma": {"head_dim": 8, "num_key_value_heads": 1, "tie_word_embeddings": True},
    "Mixtral": {"num_local_experts": 2, "num_key_value_heads": 2},
}
TEXTS = ["the hero dies in the end", "tea", "you read a book of rain and tea , friend"]


def random_model(architecture, dtype=torch.float32, **changes):
    config = getattr(transformers, f"{architecture}Config")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings = SMALL | ARCHITECTURES[architecture] | changes
        make = transformers.AutoModelForCausalLM.from_config
        model = make(config(**settings), dtype=dtype)
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(weight)
    return model.eval()


@pytest.fixture
def fit(make_tokenizer, posts):
    """Return a function that fits a classifier which can be exported."""

    def fit(model, reserved=(), **params):
        handle = LanguageModel(model, make_tokenizer(reserved=reserved))
        head = model.get_output_embeddings()
        params = {"fit_intercept": head.bias is not None} | params
        return RedFlagClassifier(handle, **params).fit(posts[0][:20], posts[1][:20])

    return fit


@pytest.fixture
def export(tmp_path):
    """Return a function that exports and loads with transformers alone."""

    def export(clf):
        clf.export(tmp_path / "flagged")
        model, loading = transformers.AutoModelForCausalLM.from_pretrained(
            tmp_path / "flagged", output_loading_info=True
        )
        assert not any(loading.values())
        tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "flagged")
        return model.eval(), tokenizer

    return export


def logits_of(model, tokenizer, text):
    with torch.no_grad():
        return model(tokenizer(text, return_tensors="pt")["input_ids"]).logits[0]


def log_odds_of(logits, flag):
    logits = logits.double()
    others = torch.arange(logits.shape[1]) != flag
    return (logits[:, flag] - logits[:, others].logsumexp(dim=1)).numpy()


@pytest.mark.parametrize(
    ("architecture", "reserved"),
    [
        *(
            (name, [(), ("<|reserved_0|>",)][i % 2])
            for i, name in enumerate(ARCHITECTURES)
        ),
        ("Llama", ("<|reserved_0|>",)),
    ],
)
def test_the_flag_is_a_token_of_the_model(fit, export, architecture, reserved):
    """Its log-odds are those of the classifier; all other logits are what they were."""
    base = random_model(architecture)
    start = copy.deepcopy(base.state_dict())
    clf = fit(base, reserved)
    model, tokenizer = export(clf)
    flag = model.config.red_flag_token_id
    assert (
        flag
        == clf.flag_token_id_
        == tokenizer.convert_tokens_to_ids(reserved[0] if reserved else "<|red_flag|>")
    )
    assert flag in tokenizer.all_special_ids
    assert type(model) is type(base)
    assert model.config.tie_word_embeddings == base.config.tie_word_embeddings
    for text, scores in zip(TEXTS, clf.score_positions(TEXTS), strict=True):
        logits = logits_of(model, tokenizer, text)
        assert_allclose(log_odds_of(logits, flag), scores.log_odds, rtol=0, atol=1e-5)
        before = logits_of(base, clf.language_model_.tokenizer, text)
        others = torch.arange(before.shape[1]) != flag
        if reserved:  # in the same places in memory, as these decide last digits
            base.load_state_dict(model.state_dict())
            logits = logits_of(base, tokenizer, text)
            base.load_state_dict(start)
            assert torch.equal(logits[:, others], before[:, others])
        else:  # a matrix of another shape may be multiplied in another order
            assert_allclose(logits[:, :-1], before, rtol=1e-5, atol=1e-5)


def test_rows_without_a_token(fit, export, make_tokenizer):
    """Models have more rows than the tokenizer has tokens; no number may be missed."""
    base = random_model("Llama", vocab_size=64)
    clf = fit(base)
    model, tokenizer = export(clf)
    assert clf.flag_token_id_ == 64
    assert tokenizer.convert_ids_to_tokens(64) == "<|red_flag|>"
    (scores,) = clf.score_positions(TEXTS[:1])
    logits = logits_of(model, tokenizer, TEXTS[0])
    assert_allclose(log_odds_of(logits, 64), scores.log_odds, rtol=0, atol=1e-5)
    before = make_tokenizer()(TEXTS)["input_ids"]
    assert tokenizer(TEXTS)["input_ids"] == before


def test_bfloat16(fit, export):
    clf = fit(random_model("Llama", torch.bfloat16))
    model, tokenizer = export(clf)
    assert model.dtype == torch.bfloat16
    for text in TEXTS:  # one by one: batches of another shape have other last digits
        (scores,) = clf.score_positions([text])
        logits = logits_of(model, tokenizer, text)
        found = log_odds_of(logits, clf.flag_token_id_)
        # what is left is the rounding of logits, to 8 digits, half of the last one
        rounding = logits.abs().amax(dim=1).float().numpy() * 2.0**-8
        assert (np.abs(found - scores.log_odds) <= np.maximum(rounding, 2e-2)).all()


@pytest.mark.parametrize(
    ("architecture", "feed_back"),
    [
        ("Llama", True),
        ("SmolLM3", False),
        *(
            pytest.param(architecture, feed_back, marks=pytest.mark.slow)
            for architecture, feed_back in [
                ("Llama", False),
                ("SmolLM3", True),
                ("GPT2", False),
                ("GPT2", True),
            ]
        ),
    ],
)
def test_adapters_are_merged(fit, export, architecture, feed_back):
    pytest.importorskip("peft")
    tuning = LoraTuning(2, learning_rate=0.02, feed_back=feed_back, random_state=0)
    base = random_model(architecture)
    before = copy.deepcopy(base.state_dict())
    clf = fit(base, tuning=tuning)
    assert clf.drift_ > 1e-4
    model, tokenizer = export(clf)
    for text, scores in zip(TEXTS, clf.score_positions(TEXTS), strict=True):
        found = log_odds_of(logits_of(model, tokenizer, text), clf.flag_token_id_)
        # the model is evaluated in another order: x @ (W + BA) for x @ W + x @ A @ B
        assert_allclose(found, scores.log_odds, rtol=0, atol=1e-5)
    for name, weight in base.state_dict().items():
        assert torch.equal(weight, before[name])
    was_tied = base.config.tie_word_embeddings
    assert model.config.tie_word_embeddings == (was_tied and not feed_back)
    if feed_back:  # it reads the flag as it did in training
        read = model.get_input_embeddings().weight
        mean = base.get_input_embeddings().weight.mean(dim=0)
        assert_allclose(read[-1].detach(), mean.detach(), atol=1e-6)


def test_the_model_and_its_tokenizer_stay(fit, tmp_path):
    base = random_model("SmolLM3")
    clf = fit(base)
    config, tokens = base.config.to_dict(), clf.language_model_.tokenizer.get_vocab()
    before = copy.deepcopy(base.state_dict())
    clf.export(tmp_path / "flagged")
    assert base.config.to_dict() == config
    assert clf.language_model_.tokenizer.get_vocab() == tokens
    for name, weight in base.state_dict().items():
        assert torch.equal(weight, before[name])


def test_nothing_of_this_package_is_needed(fit, tmp_path):
    fit(random_model("Llama")).export(tmp_path / "flagged")
    names = {file.name for file in (tmp_path / "flagged").iterdir()}
    assert names == {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((tmp_path / "flagged" / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert "auto_map" not in config


def test_a_chat_template_is_kept(model, make_tokenizer, chat_template, export, posts):
    handle = LanguageModel(model, make_tokenizer(chat_template))
    _, tokenizer = export(RedFlagClassifier(handle, fit_intercept=False).fit(*posts))
    assert tokenizer.chat_template == chat_template


def test_an_exported_model_can_be_flagged_again(fit, export, posts):
    clf = fit(random_model("Llama"))
    again = RedFlagClassifier(LanguageModel(*export(clf)), fit_intercept=False)
    again.fit(*posts)
    assert again.flag_token_id_ == clf.flag_token_id_ + 1


def test_a_probe_is_refused(fit, tmp_path):
    clf = fit(random_model("Llama"), layer=1)
    with pytest.raises(ValueError, match=r"layer 1.*Fit with layer=None"):
        clf.export(tmp_path / "flagged")
    assert not any(tmp_path.iterdir())


def test_an_intercept_needs_a_bias(fit, tmp_path):
    clf = fit(random_model("Llama"), fit_intercept=True)
    with pytest.raises(ValueError, match="Fit with fit_intercept=False to export"):
        clf.export(tmp_path / "flagged")
    assert not any(tmp_path.iterdir())


def test_it_has_to_be_fitted(handle, tmp_path):
    with pytest.raises(NotFittedError):
        RedFlagClassifier(handle).export(tmp_path / "flagged")


def test_what_is_there_is_not_replaced(fit, tmp_path):
    clf = fit(random_model("Llama"))
    (tmp_path / "notes").write_text("mine")
    for taken in (tmp_path, tmp_path / "notes"):
        with pytest.raises(FileExistsError, match="export into a new folder"):
            clf.export(taken)
    assert [file.name for file in tmp_path.iterdir()] == ["notes"]
    (tmp_path / "empty").mkdir()
    clf.export(str(tmp_path / "empty"))
    assert (tmp_path / "empty" / "model.safetensors").exists()


def test_nothing_is_left_of_what_fails(fit, tmp_path, monkeypatch):
    clf = fit(random_model("Llama"))

    def fail(*args, **kwargs):
        raise OSError("No space left on device")

    tokenizer = transformers.PreTrainedTokenizerFast
    monkeypatch.setattr(tokenizer, "save_pretrained", fail)
    with pytest.raises(OSError, match="No space left"):
        clf.export(tmp_path / "flagged")
    assert not any(tmp_path.iterdir())


def test_weights_that_cannot_hold_a_row_are_refused(fit, tmp_path):
    clf = fit(random_model("Llama"))
    model = clf.language_model_.model
    model.hf_quantizer = object()
    with pytest.raises(ValueError, match="quantized weights"):
        clf.export(tmp_path / "flagged")
    del model.hf_quantizer
    model.model.norm.to("meta")
    with pytest.raises(ValueError, match="offloaded"):
        clf.export(tmp_path / "flagged")
    assert not any(tmp_path.iterdir())


def test_a_tokenizer_with_more_tokens_than_the_model(fit, tmp_path):
    clf = fit(random_model("Llama"))
    clf.language_model_.tokenizer.add_tokens(["<one>", "<two>"])
    with pytest.raises(ValueError, match="belongs to the model"):
        clf.export(tmp_path / "flagged")
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("reserved", [(), ("<|reserved_0|>",)])
@pytest.mark.parametrize("tied", [False, True])
def test_another_engine(fit, tmp_path, tied, reserved):
    """CTranslate2 shares no code with transformers, and computes the same."""
    ctranslate2 = pytest.importorskip("ctranslate2")
    clf = fit(random_model("Llama", tie_word_embeddings=tied), reserved)
    tokenizer = clf.language_model_.tokenizer  # the engine asks for both
    tokenizer.bos_token, tokenizer.eos_token = "<user>", "<assistant>"
    clf.export(tmp_path / "flagged")
    convert = ctranslate2.converters.TransformersConverter(str(tmp_path / "flagged"))
    convert.convert(str(tmp_path / "converted"))
    engine = ctranslate2.Generator(str(tmp_path / "converted"), intra_threads=1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "flagged")
    texts = [tokenizer(text)["input_ids"] for text in TEXTS]
    for tokens, scores in zip(texts, clf.score_positions(TEXTS), strict=True):
        made = engine.forward_batch(
            [[tokenizer.convert_ids_to_tokens(token) for token in tokens]],
            return_log_probs=True,
        )
        log_p = np.array(made)[0, :, clf.flag_token_id_].astype(float)
        log_odds = log_p - np.log(-np.expm1(log_p))
        # float32 in both, and p near to 1 would lose digits: here it is not
        assert log_p.max() < -1e-3
        assert_allclose(log_odds, scores.log_odds, rtol=0, atol=1e-4)
