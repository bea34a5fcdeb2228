# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy
import gc
import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier
from skperf.llm.model._loading import digest


@pytest.fixture
def folder(make_model, tokenizer, tmp_path):
    """Return a folder with a saved model and its tokenizer."""
    path = tmp_path / "model"
    make_model(dtype="float32").save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_copies_share_the_handle(handle):
    assert clone(handle) is handle
    assert copy.deepcopy(handle) is handle
    clf = RedFlagClassifier(handle)
    assert clone(clf).language_model is handle
    assert copy.deepcopy(clf).language_model is handle


@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_changed(make_model, make_tokenizer, posts, training):
    X, y = posts
    model, tokenizer = make_model(attention_dropout=0.5), make_tokenizer()
    model.train(training)
    tokenizer.backend_tokenizer.enable_padding(length=30)
    before, rules = weights(model), tokenizer.backend_tokenizer.to_str()
    ids = torch.arange(10)[None]
    with torch.no_grad():
        logits = copy.deepcopy(model).eval()(ids).logits
    for layer in (None, 1):
        clf = RedFlagClassifier((model, tokenizer), layer=layer).fit(X, y)
        assert_allclose(clf.decision_function(X), clf.decision_function(X))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert all(module.training == training for module in model.modules())
    assert len(model.model.layers) == 2
    assert tokenizer.backend_tokenizer.to_str() == rules
    with torch.no_grad():
        assert torch.equal(model.eval()(ids).logits, logits)


def test_no_global_random_state_is_touched(handle, posts):
    numpy_state = np.random.mtrand._rand.get_state
    states = torch.get_rng_state(), numpy_state()[1].copy()
    RedFlagClassifier(handle).fit(*posts).predict(posts[0])
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(numpy_state()[1], states[1])


def test_early_exit_does_not_run_the_layers_above(handle):
    def refuse(*args):
        raise AssertionError("this layer is not needed")

    hooks = [
        module.register_forward_pre_hook(refuse)
        for module in (handle.model.model.layers[1], handle.model.lm_head)
    ]
    (states,) = handle.states(handle.tokenize(["the hero wins"]), layer=1)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        tokens = torch.tensor([handle.tokenizer("the hero wins")["input_ids"]])
        hidden = handle.model(tokens, output_hidden_states=True).hidden_states[1]
        expected = handle.model.model.norm(hidden)[0]
    assert_allclose(states.hidden, expected, rtol=1e-12)


def test_normalizers(handle):
    (states,) = handle.states(handle.tokenize(["the hero wins"]))
    with torch.no_grad():
        tokens = torch.tensor([handle.tokenizer("the hero wins")["input_ids"]])
        expected = handle.model(tokens).logits[0].logsumexp(dim=1)
    assert_allclose(states.log_normalizer, expected, rtol=1e-12)


def test_normalizers_a_few_logits_at_a_time(handle, model, tokenizer, monkeypatch):
    (expected,) = handle.states(handle.tokenize(["the hero wins"]))
    monkeypatch.setattr("skperf.llm.model._head.logits_at_once", lambda device: 1)
    other = LanguageModel(model, tokenizer)
    (states,) = other.states(other.tokenize(["the hero wins"]))
    assert_allclose(states.log_normalizer, expected.log_normalizer, rtol=1e-14)


def test_a_reserved_token_is_the_flag(make_model, make_tokenizer):
    """Its own logit is no competitor: its row is what is learnt."""
    reserved = ["<|reserved_special_token_0|>", "<|reserved_special_token_1|>"]
    handle = LanguageModel(make_model(), make_tokenizer(reserved=reserved))
    flag = handle.flag_token_id
    assert handle.tokenizer.convert_ids_to_tokens(flag) == reserved[1]
    (states,) = handle.states(handle.tokenize(["the hero wins"]))
    with torch.no_grad():
        tokens = torch.tensor([handle.tokenizer("the hero wins")["input_ids"]])
        logits = handle.model(tokens).logits[0]
    others = torch.arange(logits.shape[1]) != flag
    assert_allclose(states.log_normalizer, logits[:, others].logsumexp(1), rtol=1e-12)


def test_without_a_reserved_token_the_flag_is_a_new_one(handle):
    assert handle.flag_token_id == handle.model.lm_head.weight.shape[0] == 64


def test_tied_and_untied_models_with_equal_weights(make_model, tokenizer, posts):
    tied, untied = make_model(), make_model(tied=False)
    untied.load_state_dict(tied.state_dict())
    assert untied.lm_head.weight is not untied.model.embed_tokens.weight
    scores = [
        RedFlagClassifier((model, tokenizer)).fit(*posts).decision_function(posts[0])
        for model in (tied, untied)
    ]
    assert_allclose(*scores, rtol=1e-12)


def test_other_architectures(tokenizer, posts):
    small = {"vocab_size": 64, "bos_token_id": None, "eos_token_id": None}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gpt2 = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(n_embd=16, n_layer=2, n_head=2, **small)
        )
        neox = transformers.GPTNeoXForCausalLM(
            transformers.GPTNeoXConfig(
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=32,
                **small,
            )
        )
        opt = transformers.OPTForCausalLM(
            transformers.OPTConfig(
                hidden_size=16,
                num_hidden_layers=2,
                num_attention_heads=2,
                ffn_dim=32,
                word_embed_proj_dim=16,
                pad_token_id=1,
                **small,
            )
        )
    for model in (gpt2, neox, opt):
        handle = LanguageModel(model, tokenizer)
        texts = handle.tokenize(posts[0])
        for full, last in zip(
            handle.states(texts), handle.states(texts, 2), strict=True
        ):
            assert_allclose(full.hidden, last.hidden, rtol=1e-4, atol=1e-5)
        assert len(handle.states(texts, 1)) == len(texts)


def test_a_model_without_a_head(make_model, tokenizer, posts):
    body = make_model().model
    with pytest.raises(ValueError, match=r"LlamaModel has no output head"):
        RedFlagClassifier((body, tokenizer)).fit(*posts)
    probe = RedFlagClassifier((body, tokenizer), layer=1).fit(*posts)
    same = RedFlagClassifier((make_model(), tokenizer), layer=1).fit(*posts)
    assert_allclose(probe.decision_function(posts[0]), same.decision_function(posts[0]))


@pytest.mark.parametrize("layer", [3, 100])
def test_a_layer_that_is_not_there(handle, posts, layer):
    with pytest.raises(ValueError, match=rf"layer={layer} .* Choose 1 to 2"):
        RedFlagClassifier(handle, layer=layer).fit(*posts)


def test_a_model_whose_layers_are_not_found(make_model, tokenizer, posts):
    model = make_model()
    model.config.num_hidden_layers = 7
    with pytest.raises(ValueError, match=r"No list of 7 layers .* Use layer=None"):
        RedFlagClassifier((model, tokenizer), layer=1).fit(*posts)


def test_long_texts_are_read_in_windows(model, tokenizer):
    """Each position has seen all that comes before it, or at least half a window."""
    text = " ".join(["the hero wins and dies"] * 5)
    short = LanguageModel(model, tokenizer, max_length=8)
    (states,) = short.states(short.tokenize([text]))
    whole = LanguageModel(model, tokenizer)
    (expected,) = whole.states(whole.tokenize([text]))
    assert states.hidden.shape == (25, 16)
    assert_allclose(states.hidden[:8], expected.hidden[:8], rtol=1e-10)
    words = text.split()
    (window,) = whole.states(whole.tokenize([" ".join(words[4:12])]))
    assert_allclose(states.hidden[8:12], window.hidden[4:], rtol=1e-10)


def test_states_that_are_not_finite_are_no_scores(make_model, tokenizer, posts):
    model = make_model()
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0] = torch.inf
    with pytest.raises(ValueError, match=r"hidden states of 60 texts are not finite"):
        RedFlagClassifier((model, tokenizer)).fit(posts[0], posts[1])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory(handle, posts, monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(handle.model.model.layers[0], "forward", refuse)
    with pytest.raises(MemoryError, match=r"smaller batch_tokens or max_length"):
        RedFlagClassifier(handle).fit(*posts)


def test_other_errors_of_the_model_pass(handle, posts, monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("memory format is wrong")

    monkeypatch.setattr(handle.model.model.layers[0], "forward", refuse)
    with pytest.raises(RuntimeError, match="memory format"):
        RedFlagClassifier(handle).fit(*posts)


def test_a_tokenizer_of_another_model(make_model, tokenizer):
    handle = LanguageModel(make_model(n_rows=20), tokenizer)
    with pytest.raises(ValueError, match=r"gave the token \d+, but .* only 20 tokens"):
        handle.tokenize(["the end good bad"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dtype": "float8"}, "dtype should be one of"),
        ({"batch_tokens": 0}, "batch_tokens should be a whole number"),
        ({"max_length": 2.5}, "max_length should be a whole number"),
    ],
)
def test_parameters_are_checked(params, message):
    with pytest.raises(ValueError, match=message):
        LanguageModel("name", **params)


def test_what_a_handle_needs(model, tokenizer):
    with pytest.raises(ValueError, match="needs its tokenizer too"):
        LanguageModel(model)
    with pytest.raises(ValueError, match="the model is loaded"):
        LanguageModel(model, tokenizer, dtype="float32")
    with pytest.raises(TypeError, match="a model of transformers; got int"):
        LanguageModel(3, tokenizer)
    with pytest.raises(TypeError):
        LanguageModel("name", cache=3)
    with pytest.raises(TypeError, match="Use a fast tokenizer"):
        LanguageModel(model, str.split)
    with pytest.raises(ValueError, match="more than the 64 tokens"):
        _ = LanguageModel(model, tokenizer, max_length=65).max_length


def test_a_name_is_loaded_when_needed(folder, posts, capfd):
    handle = LanguageModel(folder, dtype="float32")
    capfd.readouterr()
    assert handle._model is None
    assert repr(handle) == f"LanguageModel({str(folder)!r})"
    RedFlagClassifier(handle).fit(*posts)
    assert handle.model.dtype == torch.float32
    assert capfd.readouterr() == ("", "")
    assert transformers.utils.logging.is_progress_bar_enabled()


def test_the_automatic_dtype(folder, monkeypatch):
    for supported, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(
            torch.cpu, "_is_avx512_bf16_supported", lambda s=supported: s
        )
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        assert LanguageModel(folder).model.dtype == dtype


def test_code_that_comes_with_a_model_is_not_run(folder):
    trace = folder / "trace"
    (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    config = json.loads((folder / "config.json").read_text())
    names = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    config |= {"model_type": "unheard-of", "auto_map": names}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="trust_remote_code"):
        _ = LanguageModel(folder).model
    assert not trace.exists()


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_classifiers_of_one_name_share_the_model(folder, posts, kind):
    first = RedFlagClassifier(kind(folder)).fit(*posts)
    second = RedFlagClassifier(kind(folder)).fit(*posts)
    assert first.language_model_ is second.language_model_


def test_a_pickle_holds_the_name_and_no_weights(folder, posts):
    X, y = posts
    clf = RedFlagClassifier(LanguageModel(folder, dtype="float32")).fit(X, y)
    pickled = pickle.dumps(clf)
    assert len(pickled) < 5000
    again = pickle.loads(pickled)
    assert again.language_model_ is again.language_model
    np.testing.assert_array_equal(again.decision_function(X), clf.decision_function(X))


def test_a_loaded_model_with_a_name_is_pickled_by_it(folder, posts):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    unfitted = pickle.loads(pickle.dumps(RedFlagClassifier((model, tokenizer))))
    assert unfitted.language_model.name == str(folder)
    clf = RedFlagClassifier((model, tokenizer)).fit(*posts)
    pickled = pickle.dumps(clf)
    assert len(pickled) < 5000
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.predict(posts[0]), clf.predict(posts[0]))


def test_a_model_is_not_loaded_to_be_pickled(folder, posts):
    handle = LanguageModel(folder, dtype="float32", max_length=9, batch_tokens=99)
    again = pickle.loads(pickle.dumps(RedFlagClassifier(handle))).language_model
    assert handle._model is None
    assert again._model is None
    for name in ("name", "dtype", "max_length", "batch_tokens", "cache"):
        assert getattr(again, name) == getattr(handle, name)
    clf = RedFlagClassifier(handle).fit(*posts)
    for _ in range(2):  # the second time from a handle that has loaded nothing
        carried = pickle.loads(pickle.dumps(clf))
        assert carried.language_model_._must_be == handle.digest()
        assert carried.language_model_._model is None
        clf = carried


def test_equal_pickles_share_a_handle(folder, posts):
    clf = RedFlagClassifier(LanguageModel(folder)).fit(*posts)
    one, other = (pickle.loads(pickle.dumps(clf)) for _ in range(2))
    assert one.language_model_ is other.language_model_
    assert one.language_model_ is not clf.language_model_
    clf.language_model_.batch_tokens = 7
    assert pickle.loads(pickle.dumps(clf)).language_model_.batch_tokens == 7


@pytest.mark.slow
def test_a_worker_keeps_the_handle_of_its_last_task(folder, monkeypatch):
    pickled = pickle.dumps(LanguageModel(folder))
    for in_worker in (False, True):
        monkeypatch.setattr(
            "multiprocessing.parent_process", lambda c=in_worker: c or None
        )
        handle = pickle.loads(pickled)
        handle.mark = True
        del handle
        gc.collect()
        assert hasattr(pickle.loads(pickled), "mark") == in_worker
    other = pickle.loads(pickle.dumps(LanguageModel(folder, batch_tokens=7)))
    del other
    gc.collect()
    assert not hasattr(pickle.loads(pickled), "mark")  # one at a time


def test_another_model_under_the_name_is_refused(folder, make_model, posts):
    clf = RedFlagClassifier(LanguageModel(folder)).fit(*posts)
    pickled = pickle.dumps(clf)
    make_model(initializer_range=0.2).save_pretrained(folder)
    again = pickle.loads(pickled)
    for _ in range(2):
        with pytest.raises(ValueError, match="is not the one that was pickled"):
            again.predict(posts[0])


def test_a_model_without_a_name_cannot_be_pickled(handle, model, tokenizer):
    for language_model in (handle, (model, tokenizer)):
        with pytest.raises(TypeError, match="made in memory and has no name"):
            pickle.dumps(RedFlagClassifier(language_model))


def test_what_makes_two_models_differ(make_model, make_tokenizer):
    base = digest(make_model(), make_tokenizer())
    assert digest(make_model(), make_tokenizer()) == base
    others = [
        (make_model(tied=False), make_tokenizer()),
        (make_model(rms_norm_eps=1e-3), make_tokenizer()),
        (make_model(dtype="float32"), make_tokenizer()),
        (make_model(), make_tokenizer("{{ messages }}")),
        (make_model(), make_tokenizer(reserved=["<unused0>"])),
    ]
    assert len({digest(*other) for other in others} | {base}) == 6
