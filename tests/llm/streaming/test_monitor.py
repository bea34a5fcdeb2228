# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier

WORDS = ["the", "hero", "wins", "rain", "tea", "dies", "unheard-of"]
# longer than the context, which is 64
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=90).map(" ".join)
AGGREGATES = ["mean", "max", "window", "first", "last", np.median]


def pieces_of(text, cuts):
    cuts = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in pairwise(cuts)]


@pytest.fixture(scope="module")
def merging():
    """Return a handle whose tokens are bytes, and merge as words grow."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ["h e", "he r", "t he", "her o", "i n", "w in", "win s", "r a", "ra in"]
    merges = [tuple(merge.split()) for merge in merges]
    tokens = [*alphabet, *("".join(merge) for merge in merges)]
    made = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made)
    config = transformers.LlamaConfig(
        vocab_size=300,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=24,
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.LlamaForCausalLM(config).double().eval()
    return LanguageModel(model, tokenizer)


@pytest.fixture
def read_tokens(model):
    """Return a list of how many tokens each pass of the first layer has read."""
    counts = []
    hook = model.model.layers[0].register_forward_hook(
        lambda module, args, output: counts.append(args[0].shape[1])
    )
    yield counts
    hook.remove()


@settings(max_examples=12)
@given(
    text=TEXTS,
    aggregate=st.sampled_from(AGGREGATES),
    layer=st.sampled_from([None, 1, 2]),
    max_length=st.integers(1, 64),
    window=st.integers(1, 20),
)
def test_tokens_give_the_probabilities_of_the_text_so_far(
    fixed, model, tokenizer, text, aggregate, layer, max_length, window
):
    handle = LanguageModel(model, tokenizer, max_length=max_length)
    clf = fixed(handle, layer, aggregate=aggregate, window=window)
    monitor = clf.stream()
    streamed = [monitor.push(token) for token in tokenizer(text)["input_ids"]]
    words = text.split()
    so_far = [" ".join(words[: i + 1]) for i in range(len(words))]
    assert_allclose(streamed, clf.predict_proba(so_far)[:, 1], atol=1e-10)


@settings(max_examples=12)
@given(
    words=st.lists(st.sampled_from([*WORDS, "\n", "é", "  "]), min_size=1, max_size=12),
    cuts=st.lists(st.integers(0, 100), max_size=20),
    layer=st.sampled_from([None, 1]),
    aggregate=st.sampled_from(AGGREGATES),
    prompt=st.sampled_from([None, "", "who wins"]),
)
def test_pieces_of_text_give_the_probabilities_of_the_text_so_far(
    fixed, merging, words, cuts, layer, aggregate, prompt
):
    """Pieces end within words, whose tokens become others when they go on."""
    text = " ".join(words)
    clf = fixed(merging, layer, aggregate=aggregate)
    monitor = clf.stream(prompt)
    so_far = ""
    for piece in pieces_of(text, cuts):
        so_far += piece
        probability = monitor.push(piece)
        row = so_far if prompt is None else (prompt, so_far)
        expected = clf.predict_proba([row])[0, 1]
        assert probability == pytest.approx(expected, abs=1e-10)
        assert monitor.probability == probability
        assert monitor.flagged == clf.predict([row])[0]


def test_tokens_that_become_others(fixed, merging):
    assert len(merging.tokenizer("the he")["input_ids"]) == 3
    assert len(merging.tokenizer("the her")["input_ids"]) == 3
    clf = fixed(merging)
    monitor = clf.stream()
    for text in ("the he", "r", "o"):
        monitor.push(text)
    assert len(monitor._pooling.scores) == 3
    assert monitor.probability == pytest.approx(clf.predict_proba(["the hero"])[0, 1])


@pytest.mark.parametrize("layer", [None, 1])
def test_each_token_is_read_once(fixed, handle, read_tokens, layer):
    clf = fixed(handle, layer)
    monitor = clf.stream("the good old tea")
    read_tokens.clear()
    for word in ["the", "hero", "wins", "the", "rain"]:
        monitor.push(f" {word}")
    assert read_tokens == [5, 1, 1, 1, 1]
    assert monitor.push("") == monitor.push("  ") == monitor.probability
    assert len(read_tokens) == 5
    monitor.push(" the hero wins")
    assert read_tokens[5:] == [3]


def test_half_a_window_is_read_again_at_the_end_of_the_context(
    fixed, model, tokenizer, read_tokens
):
    clf = fixed(LanguageModel(model, tokenizer, max_length=8))
    monitor = clf.stream()
    monitor.push(5)
    read_tokens.clear()
    for token in range(6, 20):
        monitor.push(token)
    assert read_tokens == [1] * 7 + [5, 1, 1, 1, 5, 1, 1]


def test_only_the_tokens_that_differ_are_read_again(fixed, merging):
    clf = fixed(merging)
    monitor = clf.stream()
    monitor.push("rain rain the he")
    counts = []
    hook = merging.model.model.layers[0].register_forward_hook(
        lambda module, args, output: counts.append(args[0].shape[1])
    )
    monitor.push("r")
    hook.remove()
    assert counts == [1]


def test_early_exit_does_not_run_the_layers_above(fixed, handle):
    def refuse(*args):
        raise AssertionError("this is not needed")

    hooks = [
        module.register_forward_pre_hook(refuse)
        for module in (handle.model.model.layers[1], handle.model.lm_head)
    ]
    monitor = fixed(handle, layer=1).stream()
    monitor.push("the hero")
    monitor.push(" wins")
    for hook in hooks:
        hook.remove()


def test_chats_go_on_with_the_answer(fixed, make_model, make_tokenizer, chat_template):
    handle = LanguageModel(make_model(), make_tokenizer(chat_template))
    clf = fixed(handle)
    chat = [{"role": "user", "content": "who wins"}]
    whole = [*chat, {"role": "assistant", "content": "the hero wins"}]
    expected = clf.predict_proba([whole])[0, 1]
    for prompt in (chat, "who wins"):
        by_text, by_token = clf.stream(prompt), clf.stream(prompt)
        for word in ["the", " hero", " wins "]:
            by_text.push(word)
            by_token.push(handle.tokenizer(word)["input_ids"][0])
        assert by_text.probability == pytest.approx(expected, abs=1e-12)
        assert by_token.probability == pytest.approx(expected, abs=1e-12)
    by_text = clf.stream(chat)
    chat.append(whole[-1])  # the monitor goes by what the chat was
    assert by_text.push("the hero wins") == pytest.approx(expected, abs=1e-12)
    tokens = handle.tokenizer("<user> who wins <assistant>")["input_ids"]
    for prompt in (tokens, np.array(tokens), torch.tensor(tokens)):
        monitor = clf.stream(prompt)
        for token in handle.tokenizer("the hero wins")["input_ids"]:
            monitor.push(token)
        assert monitor.probability == pytest.approx(expected, abs=1e-12)


def test_tokens_that_start_every_text(fixed, make_model, make_tokenizer):
    from tokenizers.processors import TemplateProcessing

    tokenizer = make_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<user> $A <assistant>",
        special_tokens=[("<user>", 1), ("<assistant>", 2)],
    )
    clf = fixed(LanguageModel(make_model(), tokenizer))
    for prompt in (None, "who wins"):
        row = "the hero" if prompt is None else (prompt, "the hero")
        expected = clf.predict_proba([row])[0, 1]
        monitor = clf.stream(prompt)
        for token in tokenizer("the hero", add_special_tokens=False)["input_ids"]:
            monitor.push(token)
        assert monitor.probability == pytest.approx(expected, abs=1e-12)


def test_special_tokens_are_read_but_not_scored(fixed, handle, tokenizer):
    clf = fixed(handle)
    monitor = clf.stream()
    assert np.isnan(monitor.push(tokenizer.convert_tokens_to_ids("<user>")))
    hero, wins = tokenizer("hero wins")["input_ids"]
    monitor.push(hero)
    expected = clf.stream([1])
    assert monitor.probability == expected.push(hero)
    before = monitor.probability
    assert monitor.push(tokenizer.convert_tokens_to_ids("<assistant>")) == before
    monitor.push(wins)
    (states,) = handle.states(
        [
            handle.tokenize(["the the the the"])[0]._replace(
                tokens=np.array([1, hero, 2, wins]), scored=np.array([1, 3])
            )
        ]
    )
    scores = states.hidden.numpy() @ clf.coef_ + 3 - states.log_normalizer.numpy()
    assert_allclose(monitor._pooling.scores, scores)


def test_nothing_to_score_is_no_probability(fixed, handle):
    clf = fixed(handle)
    monitor = clf.stream("who wins")
    assert np.isnan(monitor.probability)
    assert np.isnan(monitor.push(""))
    assert np.isnan(monitor.push("  "))
    assert not monitor.flagged
    expected = clf.predict_proba([("who wins", "  the hero")])[0, 1]
    assert monitor.push("the hero") == pytest.approx(expected, abs=1e-12)


def test_the_threshold_of_the_classifier(fixed, handle):
    clf = fixed(handle, aggregate="max")
    clf.threshold_ = clf.decision_function(["the hero"])[0] - 1e-6
    monitor = clf.stream()
    monitor.push("the hero")
    assert monitor.flagged
    clf.threshold_ += 2e-6
    assert monitor.flagged  # it goes by the threshold of its start
    monitor = clf.stream()
    monitor.push("the hero")
    assert not monitor.flagged


def highest_mean(scores):
    return (np.cumsum(scores) / np.arange(1, len(scores) + 1)).max()


@pytest.mark.parametrize(
    "aggregate",
    [
        highest_mean,
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("max", "first")),
    ],
)
def test_aggregates_with_which_looking_often_flags_no_more(
    fixed, handle, posts, aggregate
):
    """A bound on false flags of whole texts is then one of streams, too."""
    clf = fixed(handle, aggregate=aggregate)
    clf.threshold_ = np.median(clf.decision_function(posts[0]))
    some = posts[0][:8]
    for text, label in zip(some, clf.predict(some), strict=True):
        monitor = clf.stream()
        ever = False
        for word in text.split():
            monitor.push(f"{word} ")
            ever |= monitor.flagged
        assert ever == label


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_coarse_models(make_model, tokenizer, posts, dtype):
    """Rounding depends on how many tokens are read at once.

    Errors are some units of rounding, times a hundred for the layers and the row.
    """
    handle = LanguageModel(make_model(dtype=dtype), tokenizer)
    clf = RedFlagClassifier(handle).fit(*posts)
    tolerance = 100 * torch.finfo(getattr(torch, dtype)).eps
    for text in posts[0][:5]:
        monitor = clf.stream()
        for token in tokenizer(text)["input_ids"]:
            monitor.push(token)
        expected = clf.predict_proba([text])[0, 1]
        assert monitor.probability == pytest.approx(expected, abs=tolerance)


@pytest.mark.slow
def test_other_architectures(fixed, tokenizer):
    small = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "initializer_range": 0.3}
    llama = {**heads, "intermediate_size": 32, "num_key_value_heads": 2}
    configs = [
        transformers.GPT2Config(vocab_size=64, n_embd=16, n_layer=2, n_head=2),
        transformers.GPTNeoXConfig(**small, **heads, intermediate_size=32),
        transformers.OPTConfig(
            **small, num_attention_heads=2, ffn_dim=32, word_embed_proj_dim=16
        ),
        transformers.MistralConfig(**small, **llama, sliding_window=4),
        transformers.Qwen2Config(
            **small,
            **llama,
            use_sliding_window=True,
            sliding_window=4,
            max_window_layers=1,
        ),
    ]
    text = "the hero wins and the rain dies in tea"
    for config in configs:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = transformers.AutoModelForCausalLM.from_config(config).double()
        for layer in (None, 1):
            clf = fixed(LanguageModel(model, tokenizer), layer)
            monitor = clf.stream()
            monitor.push("the hero wins")
            for word in text.split()[3:]:
                monitor.push(f" {word}")
            expected = clf.predict_proba([text])[0, 1]
            # the context is kept: another start gives another probability
            assert expected != pytest.approx(clf.predict_proba(["tea"])[0, 1])
            assert monitor.probability == pytest.approx(expected, abs=1e-7)


def new_hybrid(kind):
    """Return a random model with states that run along, in some or all layers."""
    sizes = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2}
    attention = {"num_attention_heads": 2, "num_key_value_heads": 2}
    mamba = {"mamba_d_state": 4, "mamba_n_groups": 1, "mamba_chunk_size": 8}
    settings = {
        "Mamba": {"state_size": 4},
        "Mamba2": {"state_size": 4, "num_heads": 4, "head_dim": 8, "n_groups": 1},
        "Bamba": {
            **attention,
            **mamba,
            "mamba_n_heads": 4,
            "mamba_d_head": 8,
            "intermediate_size": 32,
            "attn_layer_indices": [1],
        },
        "FalconH1": {
            **attention,
            **mamba,
            "mamba_d_ssm": 32,
            "mamba_n_heads": 4,
            "mamba_d_head": 8,
            "intermediate_size": 32,
        },
        "Lfm2": {
            **attention,
            "intermediate_size": 32,
            "layer_types": ["conv", "full_attention"],
        },
    }
    ends = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    make = getattr(transformers, f"{kind}Config")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = make(**sizes, **settings[kind], **ends, initializer_range=0.3)
        return transformers.AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        ("Mamba", None),
        ("Lfm2", 1),
        *(
            pytest.param(kind, layer, marks=pytest.mark.slow)
            for kind in ["Mamba", "Mamba2", "Bamba", "FalconH1", "Lfm2"]
            for layer in [None, 1]
            if (kind, layer) not in [("Mamba", None), ("Lfm2", 1)]
        ),
    ],
)
def test_models_with_states_that_run_along(fixed, tokenizer, kind, layer):
    """Pieces end within words, so that the last tokens become others."""
    clf = fixed(LanguageModel(new_hybrid(kind), tokenizer), layer)
    text = "the hero wins and dies because the butler did it"
    one, other = clf.stream(), clf.stream()
    for end in range(0, len(text), 3):
        probability = one.push(text[end : end + 3])
        other.push("tea" if end == 0 else " rain")  # streams do not mix
        expected = clf.predict_proba([text[: end + 3]])[0, 1]
        assert probability == pytest.approx(expected, abs=1e-5)
    longer = [f"{text} {word}" for word in ("late", "tea sun")]
    again = clf.stream()
    again.push(text)
    for row in longer[:1]:
        again.push(row[len(text) :])
    assert again.probability == pytest.approx(clf.predict_proba(longer)[0, 1], abs=1e-5)


def test_models_that_keep_no_cache(fixed, make_model, tokenizer):
    model = make_model()
    forward = model.model.forward
    model.model.forward = lambda input_ids, **kwargs: forward(input_ids)
    with pytest.raises(ValueError, match="LlamaForCausalLM does not keep what it has"):
        fixed(LanguageModel(model, tokenizer)).stream()
    sizes = {"vocab_size": 64, "hidden_size": 16, "num_hidden_layers": 2}
    with torch.random.fork_rng():
        config = transformers.RwkvConfig(**sizes, attention_hidden_size=16)
        model = transformers.RwkvForCausalLM(config).eval()
    with pytest.raises(ValueError, match=r"RwkvForCausalLM .* Score whole texts"):
        fixed(LanguageModel(model, tokenizer)).stream()


def test_nothing_is_changed(fixed, make_model, make_tokenizer, posts):
    model, tokenizer = make_model(attention_dropout=0.5), make_tokenizer()
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    numpy_state = np.random.mtrand._rand.get_state
    states = torch.get_rng_state(), numpy_state()[1].copy()
    clf = fixed(LanguageModel(model, tokenizer), layer=1)
    monitor = clf.stream()
    monitor.push("the hero")
    assert monitor.push(" wins") == clf.predict_proba(["the hero wins"])[0, 1]
    assert all(module.training for module in model.modules())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(numpy_state()[1], states[1])


def test_a_new_fit_has_no_influence(fixed, handle, posts):
    clf = fixed(handle)
    monitor, expected = clf.stream(), clf.stream()
    monitor.push("the hero")
    expected.push("the hero")
    clf.set_params(aggregate="max", layer=1).fit(*posts)
    assert monitor.push(" wins") == expected.push(" wins")


@pytest.mark.parametrize("prompt", [3, 2.5, [None], [1.5], [["the"]], (1, "the")])
def test_other_prompts_are_refused(fixed, handle, prompt):
    with pytest.raises(TypeError, match=r"prompt should be text, a chat"):
        fixed(handle).stream(prompt)


def test_prompts_are_checked_at_once(fixed, handle):
    clf = fixed(handle)
    with pytest.raises(ValueError, match="no chat template"):
        clf.stream([{"role": "user", "content": "who"}])
    with pytest.raises(TypeError, match="Row 0 of X"):
        clf.stream([{"role": "user"}])
    with pytest.raises(ValueError, match="gave the token 64, but the model knows only"):
        clf.stream([64])
    with pytest.raises(NotFittedError):
        RedFlagClassifier(handle).stream()


@pytest.mark.parametrize("piece", [None, 2.5, b"the", ["the"], [3, 4]])
def test_other_pieces_are_refused(fixed, handle, piece):
    clf = fixed(handle)
    monitor = clf.stream()
    with pytest.raises(TypeError, match="push takes text, or else one token number"):
        monitor.push(piece)
    monitor.push("the")
    with pytest.raises(TypeError, match="This stream was given text; push text, not"):
        monitor.push(piece)
    # the refused pieces are no part of the text
    assert monitor.push(" hero") == pytest.approx(clf.predict_proba(["the hero"])[0, 1])


def test_text_and_tokens_do_not_mix(fixed, handle):
    clf = fixed(handle)
    text, tokens = clf.stream(), clf.stream()
    text.push("the")
    with pytest.raises(TypeError, match="push text, not a int"):
        text.push(3)
    tokens.push(np.int64(3))
    with pytest.raises(TypeError, match=r"one token number at a time; got a str"):
        tokens.push("the")
    with pytest.raises(ValueError, match="push tokens, not text"):
        clf.stream([3, 4]).push("the")


@pytest.mark.parametrize("token", [-1, 64])
def test_unknown_tokens_are_refused(fixed, handle, token):
    with pytest.raises(ValueError, match=f"gave the token {token}"):
        fixed(handle).stream().push(token)


def test_an_error_never_becomes_harmless(fixed, handle, monkeypatch):
    """What could not be read is tried again, and there is no score without it."""
    clf = fixed(handle)
    monitor = clf.stream()
    monitor.push("the hero")
    upper = handle.model.model.layers[1]

    def refuse(*args, **kwargs):
        raise RuntimeError("not enough memory")

    with monkeypatch.context() as patch:
        patch.setattr(upper, "forward", refuse)
        with pytest.raises(MemoryError, match="smaller batch_tokens or max_length"):
            monitor.push(" wins")
        for ask in (lambda: monitor.probability, lambda: monitor.flagged):
            with pytest.raises(MemoryError):
                ask()
        with pytest.raises(MemoryError):
            monitor.push(" and")
    expected = clf.predict_proba(["the hero wins and dies"])[0, 1]
    assert monitor.push(" dies") == pytest.approx(expected, abs=1e-12)


def test_states_that_are_not_finite_are_no_scores(fixed, make_model, tokenizer):
    model = make_model()
    with torch.no_grad():
        model.model.embed_tokens.weight[5] = torch.nan
    monitor = fixed(LanguageModel(model, tokenizer), layer=1).stream()
    monitor.push(4)
    for token in (5, 4):
        with pytest.raises(ValueError, match="not finite"):
            monitor.push(token)


def test_an_aggregate_that_fails(fixed, handle):
    clf = fixed(handle, aggregate=lambda s: s[0] if len(s) < 2 else np.nan)
    monitor = clf.stream()
    monitor.push("the")
    with pytest.raises(ValueError, match="one finite number"):
        monitor.push(" hero")
    with pytest.raises(ValueError, match="one finite number"):
        _ = monitor.flagged
