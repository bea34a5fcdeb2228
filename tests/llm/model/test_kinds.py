# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import functools
import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from skperf.llm import LanguageModel, LoraTuning, RedFlagClassifier
from skperf.llm.model._modules import evaluating

# of an attribute of transformers that it uses
PEFT_WARNS = pytest.mark.filterwarnings("ignore:.is_gradient_checkpoint:FutureWarning")
SMALL = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def hook_forward(module):
    """Replace a module's forward as accelerate does."""
    module._old_forward = module.forward

    def new_forward(module, *args, **kwargs):
        return module._old_forward(*args, **kwargs)

    module.forward = functools.partial(new_forward, module)


def test_a_layer_of_a_model_with_hooks(make_model, tokenizer, posts):
    X, y = posts
    hooked = make_model()
    for module in (hooked, hooked.model, hooked.model.layers[0]):
        hook_forward(module)
    for layer in (1, 2):
        scores = [
            RedFlagClassifier((model, tokenizer), layer=layer).fit(X, y).transform(X)
            for model in (make_model(), hooked)
        ]
        assert_array_equal(*scores)


@pytest.mark.slow
def test_adapters_of_a_model_with_hooks(make_model, tokenizer, posts):
    pytest.importorskip("peft")
    X, y = posts
    hooked = make_model()
    hook_forward(hooked.model)
    tuning = LoraTuning(rank=2, n_layers=1, n_epochs=1, random_state=0)
    scores = [
        RedFlagClassifier((model, tokenizer), tuning=tuning).fit(X, y).transform(X)
        for model in (make_model(), hooked)
    ]
    assert_allclose(*scores, rtol=1e-6)


def test_offloaded_models(make_model, tokenizer, posts, tmp_path):
    pytest.importorskip("accelerate")
    X, y = posts
    make_model(dtype="float32", tied=False).save_pretrained(tmp_path / "model")
    place = {"model": "cpu", "lm_head": "disk"}
    offloaded = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "model", device_map=place, offload_folder=tmp_path / "off"
    )
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    for layer in (None, 1, 2):
        ours, theirs = (
            RedFlagClassifier((model, tokenizer), layer=layer).fit(X, y)
            for model in (offloaded, plain)
        )
        assert_allclose(ours.transform(X), theirs.transform(X), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"offloaded .* Load it without offloading"):
        ours.save(tmp_path / "flag.safetensors")


def test_a_forward_that_is_not_the_modules_own(make_model, tokenizer, posts):
    model = make_model()
    forward = model.model.forward
    model.model.forward = lambda *args, **kwargs: forward(*args, **kwargs)
    RedFlagClassifier((model, tokenizer)).fit(*posts)
    with pytest.raises(
        ValueError, match=r"forward of LlamaModel was replaced .* alone"
    ):
        RedFlagClassifier((model, tokenizer), layer=1).fit(*posts)


@pytest.mark.slow
def test_compiled_models(make_model, tokenizer, posts):
    """What was compiled is read: nothing is compiled anew for each length of text."""
    X, y = posts
    expected = RedFlagClassifier((make_model(), tokenizer), layer=1).fit(X, y)
    in_place = make_model()
    in_place.model.compile(backend="eager")
    for model in (torch.compile(make_model(), backend="eager"), in_place):
        clf = RedFlagClassifier((model, tokenizer), layer=1).fit(X, y)
        assert_allclose(clf.coef_, expected.coef_, rtol=1e-10)


@PEFT_WARNS
def test_models_with_adapters_of_peft(make_model, tokenizer, posts, tmp_path):
    peft = pytest.importorskip("peft")
    X, y = posts
    base = make_model(dtype="float32")
    base.save_pretrained(tmp_path)
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    tuned = peft.get_peft_model(base, peft.LoraConfig(target_modules=["q_proj"]))
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "lora_B" in name:
                weight += torch.linspace(-1, 1, weight.numel()).view_as(weight)
    clf = RedFlagClassifier((tuned, tokenizer)).fit(X, y)
    scores = clf.transform(X)
    with pytest.raises(TypeError, match="made in memory and has no name"):
        pickle.dumps(clf)  # its name is that of the model without adapters
    with pytest.raises(ValueError, match="Merge them into its weights first"):
        RedFlagClassifier((tuned, tokenizer), fit_intercept=False).fit(X, y).export(
            tmp_path / "exported"
        )
    clf.save(tmp_path / "flag.safetensors")
    merged = RedFlagClassifier((tuned.merge_and_unload(), tokenizer)).fit(X, y)
    assert_allclose(scores, merged.transform(X), rtol=1e-3, atol=1e-4)
    other = RedFlagClassifier((make_model(dtype="float32"), tokenizer))
    with pytest.raises(ValueError, match="saved with the language model"):
        other.load(tmp_path / "flag.safetensors")


@PEFT_WARNS
def test_learnt_states_before_a_text_are_refused(make_model, tokenizer):
    peft = pytest.importorskip("peft")
    config = peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    model = peft.get_peft_model(make_model(dtype="float32"), config)
    with pytest.raises(ValueError, match=r"learnt states before a text.*LoRA"):
        LanguageModel(model, tokenizer)


@pytest.mark.parametrize("layer", [None, 1, 2])
def test_models_that_look_ahead(tokenizer, posts, layer):
    with torch.random.fork_rng():
        model = transformers.BertLMHeadModel(transformers.BertConfig(**SMALL))
    with pytest.raises(ValueError, match=r"is not causal.*is_decoder=True"):
        RedFlagClassifier((model, tokenizer), layer=layer).fit(*posts)


def test_encoder_decoders(tokenizer):
    sizes = {"vocab_size": 64, "d_model": 16, "d_ff": 32, "num_layers": 1}
    model = transformers.T5ForConditionalGeneration(
        transformers.T5Config(**sizes, num_heads=2)
    )
    with pytest.raises(ValueError, match=r"has an encoder.*decoder-only"):
        LanguageModel(model, tokenizer)


LONGROPE = {
    "rope_type": "longrope",
    "short_factor": [1.0] * 4,
    "long_factor": [4.0, 3.0, 2.0, 1.5],
    "rope_theta": 1e4,
    "original_max_position_embeddings": 8,
}


@pytest.mark.parametrize("layer", [None, 1])
def test_positions_that_are_scaled_by_the_longest_text(tokenizer, posts, layer):
    config = transformers.Phi3Config(
        **SMALL,
        num_key_value_heads=2,
        max_position_embeddings=64,
        original_max_position_embeddings=8,
        rope_parameters=LONGROPE,
        initializer_range=0.3,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.Phi3ForCausalLM(config).double()
    X, y = posts
    handle = LanguageModel(model, tokenizer, cache=None)
    assert handle.max_length == 8
    clf = RedFlagClassifier(handle, layer=layer).fit(X, y)
    lengths = [len(text.split()) for text in X]
    short, long = X[np.argmin(lengths)], X[np.argmax(lengths)]
    alone = clf.decision_function([short])
    assert_allclose(clf.decision_function([short, long])[:1], alone, rtol=1e-6)
    monitor = clf.stream()
    for word in long.split():
        monitor.push(f" {word}")
    expected = clf.predict_proba([long])[0, 1]
    assert monitor.probability == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="more than the 8 tokens"):
        _ = LanguageModel(model, tokenizer, max_length=9).max_length


def test_other_names_of_the_context(tokenizer, posts):
    config = transformers.MptConfig(
        vocab_size=64, d_model=16, n_layers=1, n_heads=2, max_seq_len=6
    )
    handle = LanguageModel(transformers.MptForCausalLM(config), tokenizer)
    assert handle.max_length == 6
    RedFlagClassifier(handle).fit(*posts)


def test_models_that_return_tuples(make_model, tokenizer):
    with pytest.raises(ValueError, match=r"asks for tuples.*return_dict = True"):
        LanguageModel(make_model(return_dict=False), tokenizer)


def test_dropout_stays_off_until_the_last_thread_has_left(make_model):
    model = make_model(attention_dropout=0.5).train()
    with evaluating(model):
        with evaluating(model):
            pass
        assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.modules())


@pytest.mark.slow
def test_threads_that_read_a_model_in_training(make_model, tokenizer, posts):
    X, y = posts
    model = make_model(attention_dropout=0.5).train()
    clf = RedFlagClassifier(LanguageModel(model, tokenizer, cache=None)).fit(X, y)
    expected, barrier = clf.decision_function(X), Barrier(4)

    def score(n_texts):
        barrier.wait()
        return [clf.decision_function(X[:n_texts]) for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        for n_texts, found in zip(
            (3, 9, 20, 60), pool.map(score, (3, 9, 20, 60)), strict=True
        ):
            for scores in found:
                assert_allclose(scores, expected[:n_texts], rtol=1e-6)
    assert all(module.training for module in model.modules())


def test_dropout_of_the_modules_that_are_copied(tokenizer, posts):
    """The body of BioGPT has dropout of its own, which a copy has too."""
    config = transformers.BioGptConfig(**SMALL, hidden_dropout_prob=0.5)
    with torch.random.fork_rng():
        model = transformers.BioGptForCausalLM(config).train()
    handle = LanguageModel(model, tokenizer, cache=None)
    clf = RedFlagClassifier(handle, layer=1).fit(*posts)
    scores = [clf.decision_function(posts[0]) for _ in range(2)]
    assert_array_equal(*scores)


def test_where_and_how_a_name_is_loaded(make_model, tokenizer, tmp_path):
    make_model(dtype="float32").save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    handle = LanguageModel(tmp_path, device="meta", dtype=torch.float16)
    assert handle.model.device.type == "meta"
    assert handle.model.dtype == torch.float16
    assert LanguageModel(tmp_path).model.device.type == "cpu"
    again = pickle.loads(pickle.dumps(LanguageModel(tmp_path, device="cpu")))
    assert again.device == "cpu"
    with pytest.raises(ValueError, match="device should be one of torch"):
        LanguageModel(tmp_path, device="fast")
    with pytest.raises(ValueError, match="device says where a name is loaded to"):
        LanguageModel(make_model(), tokenizer, device="cpu")


def test_a_folder_with_another_tokenizer(make_model, make_tokenizer, posts, tmp_path):
    make_model(dtype="float32").save_pretrained(tmp_path)
    X, y = posts
    handle = LanguageModel(tmp_path, make_tokenizer())
    clf = RedFlagClassifier(handle).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert_array_equal(again.decision_function(X), clf.decision_function(X))
    other = LanguageModel(tmp_path, make_tokenizer(reserved=["<unused0>"]))
    one, two = (pickle.loads(pickle.dumps(h)) for h in (handle, other))
    assert one.flag_token_id != two.flag_token_id


@pytest.mark.parametrize(
    "token", ["reserved", "unused", "an unused word", "[unused words]", "<reserved>"]
)
def test_ordinary_words_are_no_flags(token, make_model, make_tokenizer):
    tokenizer = make_tokenizer()
    tokenizer.add_tokens([token])
    assert LanguageModel(make_model(), tokenizer).flag_token_id == 64


@pytest.mark.parametrize(
    "token",
    [
        "<|reserved_special_token_12|>",
        "<|reserved_200013|>",
        "<unused7>",
        "[unused7]",
        "<extra_id_3>",
    ],
)
def test_reserved_tokens_are_flags(token, make_model, make_tokenizer):
    tokenizer = make_tokenizer(reserved=[token])
    number = tokenizer.convert_tokens_to_ids(token)
    assert LanguageModel(make_model(), tokenizer).flag_token_id == number
    # a token that the model has no row for cannot be raised
    assert LanguageModel(make_model(number), tokenizer).flag_token_id == number
