# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from skperf.llm import LanguageModel, LoraTuning
from skperf.llm.text._texts import TokenizedText
from skperf.llm.tuning._divergence import compare
from skperf.llm.tuning._lora_samples import Passage, draw, passages, steps
from skperf.llm.tuning._lora_training import LoraTraining
from skperf.llm.tuning._row import FlagRow

OPTIONS = LoraTuning(4, n_layers=1, learning_rate=0.01, n_epochs=1)
ROW = FlagRow(np.linspace(-0.3, 0.3, 16), -1.0)


@pytest.fixture
def start(posts):
    """Return a function that prepares the training on 20 posts."""

    def start(handle, weight=None, row=ROW, fit_intercept=True, **changes):
        texts, y = handle.tokenize(posts[0][:20]), posts[1][:20]
        weight = np.linspace(0.5, 2, 20) if weight is None else weight
        rng = np.random.RandomState(0)
        options = clone(OPTIONS).set_params(**changes)
        return LoraTraining(handle, texts, y, weight, row, options, rng, fit_intercept)

    return start


def shake(training):
    """Give the adapters some weights, as if they had been trained."""
    generator = torch.Generator().manual_seed(0)
    for weight in training.layers.parameters().values():
        weight.data = 0.2 * torch.randn(
            weight.shape, generator=generator, dtype=weight.dtype
        )


def dense_model(model, weights):
    """Return a model with B @ A added to its matrices, and one more embedding."""
    merged = copy.deepcopy(model)
    matrices = dict(merged.named_modules())
    for name, a in weights.items():
        if ".lora_A." in name:
            inside = name.removeprefix("base_model.model.").partition(".lora_A")[0]
            matrices[inside].weight.data += weights[name.replace("_A", "_B")] @ a
    embedding = merged.model.embed_tokens.weight.data
    more = torch.cat([embedding, embedding.mean(dim=0, keepdim=True)])
    merged.model.embed_tokens = torch.nn.Embedding.from_pretrained(more)
    return merged


def dense_terms(model, training, samples, row, flag):
    """Compute the terms text by text, with the whole vocabulary."""
    tuned = dense_model(model, training.layers.weights())
    terms = np.zeros(3)
    for sample in samples:
        passage = training._passages[sample.passage]
        with torch.no_grad():
            h = tuned.model(torch.from_numpy(sample.tokens)[None]).last_hidden_state[0]
            base = model(torch.from_numpy(passage.text.tokens)[None]).logits[0]
            z = model.lm_head(h)
        others = [v for v in range(z.shape[1]) if v != flag]
        raised = h @ torch.from_numpy(row.coef) + row.intercept
        log_p = torch.cat([z[:, others], raised[:, None]], dim=1).log_softmax(dim=1)
        log_ref = base[:, others].log_softmax(dim=1)
        if len(sample.flag_at):
            terms[0] -= passage.weight * log_p[sample.flag_at, -1].mean()
        if len(sample.keep_at):
            ref = log_ref[passage.text.scored[sample.reference]]
            kl = (ref.exp() * (ref - log_p[sample.keep_at, :-1])).sum(dim=1)
            terms[2 if passage.flagged else 1] += passage.weight * kl.mean()
    return terms


@pytest.mark.parametrize(
    ("n_layers", "feed_back", "reserved"),
    [(1, True, True), (2, True, False), (2, False, True)],
)
def test_terms_of_a_dense_computation(
    start, make_model, make_tokenizer, n_layers, feed_back, reserved
):
    model = make_model()
    tokenizer = make_tokenizer(reserved=["<|reserved_0|>"] if reserved else ())
    handle = LanguageModel(model, tokenizer)
    flag = handle.flag_token_id
    assert (flag < 64) == reserved
    training = start(handle, n_layers=n_layers, feed_back=feed_back)
    shake(training)
    samples = training.draw()
    got = training.terms(samples).detach()
    assert_allclose(got, dense_terms(model, training, samples, ROW, flag), rtol=1e-9)
    assert (got[2] > 0) == feed_back


def test_drift_and_mass_make_the_divergence(handle):
    """KL(p_ref || p) = KL(p_ref || q) - log(1 - p(flag))."""
    rng = torch.Generator().manual_seed(0)
    hidden, reference = torch.randn(2, 5, 16, generator=rng, dtype=torch.float64)
    for flag in (64, 7):
        normalizer, drift = compare(handle.head, hidden, reference, flag)
        others = [v for v in range(64) if v != flag]
        z, z_ref = handle.head(hidden)[:, others], handle.head(reference)[:, others]
        raised = torch.linspace(-2, 9, 5, dtype=torch.float64)
        log_p = torch.cat([z, raised[:, None]], dim=1).log_softmax(dim=1)
        ref = z_ref.log_softmax(dim=1)
        kl = (ref.exp() * (ref - log_p[:, :-1])).sum(dim=1)
        mass = -torch.log1p(-torch.sigmoid(raised - normalizer))
        assert_allclose((drift + mass).detach(), kl.detach(), rtol=1e-9)


def test_gradients_reach_adapters_and_row_only(make_model, tokenizer, start):
    model = make_model()
    training = start(LanguageModel(model, tokenizer), feed_back=True)
    shake(training)
    training.terms(training.draw()).sum().backward()
    for weight in training.layers.parameters().values():
        assert weight.grad.abs().max() > 0
    assert training._coef.grad.abs().max() > 0
    assert training._intercept.grad != 0
    assert all(weight.grad is None for weight in model.parameters())
    frozen = list(training.layers.body.parameters())
    assert all(w.grad is None for w in frozen if not w.requires_grad)
    assert all(w.grad is None for w in training._head.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("feed_back", [False, True])
def test_training_lowers_the_objective(handle, start, feed_back):
    """At the same positions before and after; 20 epochs leave no doubt."""
    training = start(handle, n_epochs=20, feed_back=feed_back)
    samples = training.draw()
    before = training.terms(samples).sum().item()
    curves = training.run()
    assert training.terms(samples).sum().item() < 0.8 * before
    assert list(curves) == ["flag", "benign", "after"][: 2 + feed_back]
    assert all(len(curve) == 20 for curve in curves.values())
    total = sum(curves.values())
    assert total[-1] < 0.8 * total[0]


def test_curves_are_means_of_what_was_met(handle, start):
    """One step: all is met before it, at the start."""
    training, twin = start(handle, batch_size=20), start(handle, batch_size=20)
    curves = training.run()
    terms = twin.terms(twin.draw()).detach().numpy()
    weight = np.linspace(0.5, 2, 20)
    assert curves["flag"] == pytest.approx(terms[0] / weight[1::2].sum())
    assert curves["benign"] == pytest.approx(terms[1] / weight[::2].sum())


@pytest.mark.parametrize("learning_rate", [0.001, 0.01])
def test_the_first_step_is_as_long_as_it_should_be(handle, start, learning_rate):
    """Adam's first step is learning_rate in each weight with a gradient."""
    training = start(handle, batch_size=20, learning_rate=learning_rate)
    training.run()
    moved = [w for n, w in training.layers.weights().items() if ".lora_B." in n]
    moved = torch.cat([weight.flatten() for weight in moved]).abs()
    # epsilon shortens it where the gradient is small
    assert moved.max() == pytest.approx(learning_rate, rel=1e-3)
    assert training.row().coef[0] != ROW.coef[0]
    assert_allclose(training.row().coef, ROW.coef, atol=1.001 * learning_rate)


@pytest.mark.parametrize(("batch_size", "n_steps"), [(1, 20), (8, 3), (100, 1)])
def test_the_number_of_steps(handle, start, batch_size, n_steps):
    rates = []
    training = start(handle, batch_size=batch_size, n_epochs=2)
    training._optimizer.register_step_pre_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    training.run()
    # the learning rate falls linearly
    assert_allclose(rates, 0.01 * (1 - np.arange(2 * n_steps) / (2 * n_steps)))


def test_memory_does_not_decide_what_is_learnt(model, tokenizer, start):
    weights = []
    for batch_tokens in (1, 10_000):
        training = start(LanguageModel(model, tokenizer, batch_tokens=batch_tokens))
        training.run()
        weights.append(training.layers.weights())
    for name, weight in weights[0].items():
        # sums in another order, which Adam enlarges where gradients are near 0
        assert_allclose(weight, weights[1][name], rtol=1e-6, atol=1e-7)


def test_texts_without_weight_are_left_out(handle, start, posts):
    weight = np.where(np.arange(20) < 10, 1.0, 0.0)
    with_zeros = start(handle, weight)
    assert len(with_zeros._passages) == 10


def test_a_loss_that_is_not_finite(handle, start):
    training = start(handle, learning_rate=1e200, n_epochs=3)
    with pytest.raises(ValueError, match="training loss became nan"):
        training.run()


def as_text(n_tokens, first=0):
    """Return a text whose first tokens are read but not scored."""
    scored = np.arange(first, n_tokens)
    return TokenizedText(np.arange(100, 100 + n_tokens), scored, None)


@given(
    n_tokens=st.integers(1, 60),
    data=st.data(),
    flagged=st.booleans(),
    feed_back=st.booleans(),
    min_offset=st.integers(0, 70),
    seed=st.integers(0, 100),
)
def test_what_is_drawn(n_tokens, data, flagged, feed_back, min_offset, seed):
    first = data.draw(st.integers(0, n_tokens - 1))
    text = as_text(n_tokens, first)
    rng = np.random.RandomState(seed)
    sample = draw(
        3,
        Passage(text, 0, flagged, 1.0),
        rng,
        min_offset=min_offset,
        feed_back=feed_back,
        flag_token_id=7,
    )
    n_scored = n_tokens - first
    assert sample.passage == 3
    for at in (sample.flag_at, sample.keep_at, sample.reference):
        assert len(at) <= 16
        assert (np.diff(at) > 0).all()
    assert len(sample.keep_at) == len(sample.reference)
    if flagged:
        place = (sample.flag_at - first).min()
        assert place >= min(min_offset, n_scored - 1)
        assert (sample.tokens[sample.flag_at] == 100 + sample.flag_at).all()
    if not flagged:
        assert_array_equal(sample.tokens, text.tokens[: len(sample.tokens)])
        assert_array_equal(text.scored[sample.reference], sample.keep_at)
        assert not len(sample.flag_at)
    elif not feed_back:
        assert_array_equal(sample.tokens, text.tokens[: len(sample.tokens)])
        assert not len(sample.keep_at)
    else:
        (place,) = np.flatnonzero(sample.tokens == 7)
        assert place > sample.flag_at.max()
        without = np.delete(sample.tokens, place)
        assert_array_equal(without, text.tokens[: len(without)])
        # both have read the same words, but for the flag
        for at, reference in zip(sample.keep_at, sample.reference, strict=True):
            read = sample.tokens[: at + 1]
            assert_array_equal(
                read[read != 7], text.tokens[: text.scored[reference] + 1]
            )


def test_ends_are_uniform():
    """4000 draws of 5 ends: the counts are within 4 deviations of 800."""
    rng = np.random.RandomState(0)
    passage = Passage(as_text(8), 0, True, 1.0)
    ends = [
        len(
            draw(0, passage, rng, min_offset=3, feed_back=False, flag_token_id=7).tokens
        )
        for _ in range(4000)
    ]
    counts = np.bincount(ends)[4:]
    assert len(counts) == 5
    assert abs(counts - 800).max() < 4 * np.sqrt(4000 * 0.2 * 0.8)


@settings(max_examples=30)
@given(n=st.integers(1, 100), batch_size=st.integers(1, 9), seed=st.integers(0, 9))
def test_steps_have_each_text_once(n, batch_size, seed):
    rng = np.random.RandomState(seed)
    lengths = rng.randint(1, 50, size=n)
    found = steps(lengths, batch_size, rng)
    assert len(found) == -(-n // batch_size)
    assert max(map(len, found)) <= batch_size
    assert_array_equal(np.sort(np.concatenate(found)), np.arange(n))


def test_texts_of_a_step_are_of_like_length():
    lengths = np.arange(128)
    spans = [np.ptp(lengths[s]) for s in steps(lengths, 8, np.random.RandomState(0))]
    assert set(spans) == {7}


def test_windows_share_the_weight_of_a_text():
    found = passages([as_text(20, 4), as_text(3)], [1, 0], np.array([3.0, 2.0]), 8)
    by_text = [p for p in found if p.flagged]
    assert len(by_text) > 1
    assert sum(p.weight for p in by_text) == pytest.approx(3)
    assert [p.n_before for p in by_text] == np.cumsum(
        [0, *(len(p.text.scored) for p in by_text[:-1])]
    ).tolist()
    assert sum(len(p.text.scored) for p in by_text) == 16
    assert found[-1].weight == 2
