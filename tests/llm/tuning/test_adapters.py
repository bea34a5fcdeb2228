# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy
import subprocess
import sys

import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from skperf.llm import LanguageModel
from skperf.llm.model._layers import LayerRunner
from skperf.llm.tuning._adapters import AdaptedLayers, adapted_body, reader

TEXTS = ["the hero wins because all friend end good", "tea sun", "the end of rain"]
SMALL = {"vocab_size": 64, "bos_token_id": None, "eos_token_id": None}
LLAMA = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    **SMALL,
}
CONFIGS = {
    "llama": transformers.LlamaConfig(**LLAMA),
    "mixtral": transformers.MixtralConfig(**LLAMA, num_local_experts=2),
    # every other layer sees a window only, so layers must keep their numbers
    "gemma2": transformers.Gemma2Config(
        **LLAMA, head_dim=8, sliding_window=2, final_logit_softcapping=None
    ),
    # maps that are stored transposed
    "gpt2": transformers.GPT2Config(n_embd=16, n_layer=3, n_head=2, **SMALL),
    # layers that put out tuples
    "bloom": transformers.BloomConfig(hidden_size=16, n_layer=3, n_head=2, **SMALL),
    # a list of layers further inside
    "opt": transformers.OPTConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        ffn_dim=32,
        word_embed_proj_dim=16,
        pad_token_id=1,
        **SMALL,
    ),
}


def build(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return transformers.AutoModelForCausalLM.from_config(CONFIGS[name]).eval()


def some_weights(model, n_layers, rank=4):
    """Return adapters that do something."""
    layers = AdaptedLayers(model.base_model, n_layers, rank)
    generator = torch.Generator().manual_seed(1)
    return {
        name: 0.3 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        for name, weight in layers.weights().items()
    }


def merge(model, weights):
    """Return a copy of the model with B @ A added to its matrices."""
    merged = copy.deepcopy(model)
    matrices = dict(merged.named_modules())
    for name, a in weights.items():
        if ".lora_A." in name:
            b = weights[name.replace("lora_A", "lora_B")]
            inside = name.removeprefix("base_model.model.").partition(".lora_A")[0]
            transposed = type(matrices[inside]).__name__ == "Conv1D"
            matrices[inside].weight.data += (b @ a).T if transposed else b @ a
    return merged


def hidden(model, texts):
    """Return the last hidden states by the model's own forward pass."""
    with torch.no_grad():
        return [
            model.base_model(torch.from_numpy(text.tokens)[None]).last_hidden_state[0]
            for text in texts
        ]


@pytest.mark.parametrize(
    ("name", "n_layers"), [("llama", 1), *((name, 3) for name in CONFIGS)]
)
def test_adapters_are_added_to_the_matrices(name, n_layers, tokenizer):
    model = build(name)
    handle = LanguageModel(model, tokenizer, batch_tokens=20)
    texts = handle.tokenize(TEXTS)
    weights = some_weights(model, n_layers)
    expected = hidden(merge(model, weights), texts)
    run = reader(handle, lora_weights=weights)
    # rounding of float32
    for got, want, bare in zip(run(texts), expected, hidden(model, texts), strict=True):
        assert_allclose(got.hidden, want, rtol=1e-3, atol=1e-4)
        assert not torch.allclose(bare, want, atol=1e-2)


@pytest.mark.parametrize("name", CONFIGS)
def test_new_adapters_do_nothing(name, tokenizer):
    model = build(name)
    handle = LanguageModel(model, tokenizer, batch_tokens=20)
    texts = handle.tokenize(TEXTS)
    weights = AdaptedLayers(model.base_model, 2, 4).weights()
    states = reader(handle, lora_weights=weights)(texts)
    for got, want in zip(states, handle.states(texts, 3), strict=True):
        assert torch.equal(got.hidden, want.hidden)


# peft asks transformers for what that has renamed
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is:FutureWarning")
def test_peft_knows_the_weights(model, handle):
    """They go by the names that peft's own files have, and mean the same there."""
    weights = some_weights(model, 1)
    linear = ["q_proj", "k_proj", "v_proj", "o_proj"]
    linear += ["gate_proj", "up_proj", "down_proj"]
    config = peft.LoraConfig(
        r=4, lora_alpha=4, target_modules=linear, layers_to_transform=[1]
    )
    with torch.random.fork_rng():
        wrapped = peft.get_peft_model(copy.deepcopy(model), config)
    loaded = peft.set_peft_model_state_dict(wrapped, weights)
    assert not loaded.unexpected_keys
    assert peft.get_peft_model_state_dict(wrapped).keys() == weights.keys()
    texts = handle.tokenize(TEXTS)
    states = reader(handle, lora_weights=weights)(texts)
    expected = hidden(wrapped.get_base_model(), texts)
    for got, want in zip(states, expected, strict=True):
        assert_allclose(got.hidden, want, rtol=1e-9, atol=1e-12)


def test_the_model_gets_no_adapters(make_model):
    model = make_model()
    names = [name for name, _ in model.named_modules()]
    model.model.layers[0].requires_grad_(False)
    trainable = [weight.requires_grad for weight in model.parameters()]
    layers = AdaptedLayers(model.model, 1, 4)
    assert [name for name, _ in model.named_modules()] == names
    assert [weight.requires_grad for weight in model.parameters()] == trainable
    assert not any(weight.grad_fn for weight in layers.parameters().values())
    assert {name.split(".")[4] for name in layers.parameters()} == {"1"}


def test_weights_are_in_memory_once(model):
    layers = AdaptedLayers(model.model, 1, 4)
    body = layers.body
    own = {weight.data_ptr() for weight in model.parameters()}
    frozen = [weight for weight in body.parameters() if not weight.requires_grad]
    assert {weight.data_ptr() for weight in frozen} <= own
    assert not len(list(body.layers[0].parameters()))


def test_lower_layers_do_not_run(model, handle):
    texts = handle.tokenize(TEXTS)
    weights = some_weights(model, 1)
    expected = reader(handle, lora_weights=weights)(texts)
    calls = []
    hook = model.model.layers[0].register_forward_hook(
        lambda module, args, output: calls.append(args[0].shape[1])
    )
    again = reader(handle, lora_weights=weights)(texts)
    hook.remove()
    assert calls == [1]  # one token tells what a layer puts out
    for one, other in zip(expected, again, strict=True):
        assert torch.equal(one.hidden, other.hidden)


def test_the_seed_decides_and_torch_draws_nothing(model):
    before = torch.get_rng_state()
    one, same, other = (
        AdaptedLayers(model.model, 1, 4, seed).weights() for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    a = next(iter(one))
    assert torch.equal(one[a], same[a])
    assert not torch.equal(one[a], other[a])


def test_adapters_of_a_coarse_model_are_fine(make_model):
    layers = AdaptedLayers(make_model(dtype="bfloat16").model, 1, 4)
    assert {w.dtype for w in layers.parameters().values()} == {torch.float32}


def test_dropout_is_off(make_model, tokenizer):
    model = make_model(attention_dropout=0.5).train()
    handle = LanguageModel(model, tokenizer)
    texts = handle.tokenize(TEXTS)
    run = reader(handle, lora_weights=some_weights(model, 1))
    assert torch.equal(run(texts)[0].hidden, run(texts)[0].hidden)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("layer", [1, 2])
def test_the_output_of_a_layer(model, handle, layer):
    """The last of transformers' hidden states is normed, the others are not."""
    (text,) = handle.tokenize(["the hero wins"])
    (states,) = handle.layer_outputs([text], layer)
    with torch.no_grad():
        tokens = torch.from_numpy(text.tokens)[None]
        out = model(tokens, output_hidden_states=True).hidden_states[layer][0]
        got = model.model.norm(states.hidden) if layer == 2 else states.hidden
    assert_allclose(got, out, rtol=1e-12)
    assert states.log_normalizer is None


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", "bloom"])
def test_a_whole_body_token_by_token(name, tokenizer):
    model = build(name)
    handle = LanguageModel(model, tokenizer)
    (text,) = handle.tokenize(TEXTS[:1])
    weights = some_weights(model, 1)
    (expected,) = reader(handle, lora_weights=weights)([text])
    body = adapted_body(weights, model.base_model)
    cache, states = transformers.DynamicCache(config=model.config), []
    with torch.no_grad():
        for token in torch.from_numpy(text.tokens):
            out = body(token.view(1, 1), cache=cache, use_cache=True)
            states.append(out.last_hidden_state[0, 0])
    # rounding of float32
    assert_allclose(torch.stack(states), expected.hidden, rtol=1e-4, atol=1e-5)


def test_a_model_with_adapters_of_its_own(model):
    own = copy.deepcopy(model)
    with torch.random.fork_rng():
        peft.inject_adapter_in_model(peft.LoraConfig(target_modules=["q_proj"]), own)
    with pytest.raises(ValueError, match="has adapters already"):
        AdaptedLayers(own.model, 1, 4)


def test_windows(model, tokenizer):
    handle = LanguageModel(model, tokenizer, max_length=8)
    texts = handle.tokenize(["the hero wins because all friend end good rain tea"])
    weights = some_weights(model, 1)
    merged = LanguageModel(merge(model, weights), tokenizer, max_length=8)
    (got,) = reader(handle, lora_weights=weights)(texts)
    (want,) = merged.states(texts)
    assert_allclose(got.hidden, want.hidden, rtol=1e-9, atol=1e-12)
    assert_allclose(got.log_normalizer, want.log_normalizer, rtol=1e-9)


def test_layers_without_linear_maps(model):
    body = copy.deepcopy(model.model)
    for layer in body.layers:
        layer.self_attn, layer.mlp = torch.nn.Identity(), torch.nn.Identity()
    with pytest.raises(ValueError, match="no linear maps"):
        AdaptedLayers(body, 2, 4)


def test_running_a_layer_leaves_the_model_alone(model, handle):
    with torch.no_grad():
        LayerRunner(model, 1)(handle.tokenize(["the hero"]))
    assert len(model.model.layers) == 2
    assert "forward" not in vars(model.model.layers[0])


@pytest.mark.slow
def test_without_peft():
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(name, *args):\n"
        "        if name == 'peft': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing)\n"
        "from skperf.llm.tuning._adapters import _import_peft\n_import_peft()"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ImportError: LoraTuning needs peft" in done.stderr
