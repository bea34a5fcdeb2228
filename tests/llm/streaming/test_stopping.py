# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier

PROMPTS = torch.tensor([[4, 5, 6, 7], [0, 0, 9, 8], [0, 10, 11, 12]])
MASK = (PROMPTS != 0).long()


def generate(model, prompts, criteria, mask=None, **settings):
    mask = torch.ones_like(prompts) if mask is None else mask
    settings = {"max_new_tokens": 15, "do_sample": False, "pad_token_id": 0, **settings}
    return model.generate(
        prompts, attention_mask=mask, stopping_criteria=criteria, **settings
    )


def first_flagged(clf, prompt, tokens):
    """Return after how many tokens the text is flagged, by a stream of its own."""
    monitor = clf.stream(prompt)
    for n, token in enumerate(tokens, start=1):
        monitor.push(token)
        if monitor.flagged:
            return n
    return None


def middle_threshold(clf, model, prompt):
    """Return a threshold that the highest score of some way into the text passes."""
    free = generate(model, prompt, [])[0, prompt.shape[1] :].tolist()
    monitor = clf.stream(prompt[0])
    scores = []
    for token in free:
        monitor.push(token)
        scores.append(monitor._pooling.pooled)
    first = next(i for i in range(3, 15) if scores[i] > max(scores[:i]))
    return (max(scores[:first]) + scores[first]) / 2, free[: first + 1]


@pytest.mark.parametrize("aggregate", ["mean", "max", "window"])
def test_generation_ends_where_the_text_is_flagged(fixed, handle, aggregate):
    clf = fixed(handle, aggregate=aggregate, window=3)
    prompt = torch.tensor([[6, 12, 8]])
    clf.threshold_, expected = middle_threshold(clf, handle.model, prompt)
    criterion = clf.stopping_criteria(prompt)
    out = generate(handle.model, prompt, [criterion])
    assert out[0, 3:].tolist() == expected
    assert len(expected) < 15
    assert criterion.flagged.tolist() == [True]


def test_texts_that_are_not_flagged_go_on(fixed, handle):
    clf = fixed(handle, threshold=1e6)
    criterion = clf.stopping_criteria(PROMPTS, MASK)
    out = generate(handle.model, PROMPTS, [criterion], MASK)
    assert torch.equal(out, generate(handle.model, PROMPTS, [], MASK))
    assert criterion.flagged.tolist() == [False] * 3


def test_each_row_ends_for_itself(fixed, handle):
    """Rows with padding are flagged where they are without it, and padded."""
    clf = fixed(handle, aggregate="max")
    free = generate(handle.model, PROMPTS, [], MASK)[:, 4:].tolist()
    for threshold in np.linspace(-20, 5, 6):
        clf.threshold_ = threshold
        criterion = clf.stopping_criteria(input_ids=PROMPTS, attention_mask=MASK)
        out = generate(handle.model, PROMPTS, [criterion], MASK)[:, 4:]
        for row, mask, tokens, found, flagged in zip(
            PROMPTS, MASK, free, out.tolist(), criterion.flagged, strict=True
        ):
            n = first_flagged(clf, row[mask.bool()], tokens)
            assert flagged == (n is not None)
            assert found[:n] == tokens[:n][: len(found)]
            assert not any(found[n:] if n else [])


@pytest.mark.slow
def test_a_prompt_may_have_several_answers(fixed, handle):
    clf = fixed(handle, threshold=1e6, aggregate="max")

    def sample():
        criterion = clf.stopping_criteria(PROMPTS, MASK)
        settings = {"do_sample": True, "num_return_sequences": 3}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            out = generate(handle.model, PROMPTS, [criterion], MASK, **settings)
        return criterion, out[:, 4:].tolist()

    criterion, _ = sample()
    clf.threshold_ = np.median([m._pooling.pooled for m in criterion._monitors])
    criterion, out = sample()
    assert criterion.flagged.sum() == 4
    for i, flagged in enumerate(criterion.flagged):
        n = first_flagged(clf, PROMPTS[i // 3][MASK[i // 3].bool()], out[i])
        assert flagged == (n is not None)
        assert not any(out[i][n:] if n else [])


@pytest.mark.parametrize("max_length", [None, 8])
def test_each_token_costs_one_step(fixed, model, tokenizer, make_model, max_length):
    """The generating model is another one here, so that only the monitor is counted."""
    handle = LanguageModel(model, tokenizer, max_length=max_length)
    clf = fixed(handle, threshold=1e6)
    counts = []
    hook = model.model.layers[0].register_forward_hook(
        lambda module, args, output: counts.append(args[0].shape[1])
    )
    clf.stream()  # the model is looked at once, by some passes
    counts.clear()
    prompt = torch.tensor([[4, 5, 6]])
    generate(make_model(), prompt, [clf.stopping_criteria(prompt)])
    hook.remove()
    if max_length is None:
        assert counts == [4] + [1] * 14
    else:
        assert counts == [4] + [1] * 4 + [5, 1, 1, 1] * 2 + [5, 1]


def test_what_follows_the_end_is_not_read(fixed, make_model, make_tokenizer):
    """Padding is no text, also if it is not a special token."""
    model = make_model(eos_token_id=7)
    tokenizer = make_tokenizer()
    clf = fixed(LanguageModel(model, tokenizer), threshold=1e6)
    criterion = clf.stopping_criteria(torch.tensor([[4, 5], [4, 6]]))
    rows = torch.tensor([[4, 5, 8, 7], [4, 6, 8, 9]])
    criterion(rows, None)
    criterion(torch.cat([rows, torch.tensor([[12, 12], [12, 12]])], dim=1), None)
    assert [len(monitor._pooling.scores) for monitor in criterion._monitors] == [2, 4]


def test_a_flag_stays(fixed, handle):
    clf = fixed(handle, threshold=-1e6)
    criterion = clf.stopping_criteria(torch.tensor([[4, 5]]))
    rows = torch.tensor([[4, 5, 6]])
    assert criterion(rows, None).tolist() == [True]
    criterion._monitors[0]._threshold = 1e6
    assert criterion(torch.tensor([[4, 5, 6, 7]]), None).tolist() == [True]


def test_several_tokens_at_once(fixed, handle):
    """As in assisted generation; a flag at any of them counts."""
    clf = fixed(handle, aggregate="last")
    tokens = [9, 12, 20, 31, 17, 22, 40]
    monitor = clf.stream([4, 5])
    scores = []
    for token in tokens:
        monitor.push(token)
        scores.append(monitor._pooling.pooled)
    assert scores[-1] < max(scores)
    clf.threshold_ = max(scores) - 1e-6
    criterion = clf.stopping_criteria(torch.tensor([[4, 5]]))
    assert criterion(torch.tensor([[4, 5, *tokens]]), None).tolist() == [True]


def test_rows_must_go_on_from_the_prompts(fixed, handle):
    clf = fixed(handle, threshold=1e6)
    prompt = torch.tensor([[4, 5, 6]])
    with pytest.raises(ValueError, match="do not go on from the prompts"):
        generate(handle.model, prompt + 1, [clf.stopping_criteria(prompt)])
    with pytest.raises(ValueError, match="do not go on from the prompts"):
        generate(handle.model, PROMPTS, [clf.stopping_criteria(PROMPTS[:2])], MASK)
    used = clf.stopping_criteria(prompt)
    generate(handle.model, prompt, [used])
    with pytest.raises(ValueError, match="criteria for each call of generate"):
        generate(handle.model, prompt, [used])


def test_prompts_must_be_rows_of_tokens(fixed, handle):
    clf = fixed(handle)
    with pytest.raises(ValueError, match=r"input_ids should have shape .*; got \(3,\)"):
        clf.stopping_criteria(torch.tensor([4, 5, 6]))
    with pytest.raises(ValueError, match="attention_mask should have shape"):
        clf.stopping_criteria(PROMPTS, MASK[0])
    assert not clf.stopping_criteria(PROMPTS, MASK).flagged.any()
    with pytest.raises(NotFittedError):
        RedFlagClassifier(handle).stopping_criteria(PROMPTS)


def test_a_model_without_a_head_may_watch(fixed, make_model, handle, tokenizer):
    body = LanguageModel(make_model().model, tokenizer)
    prompt = torch.tensor([[4, 5, 6]])
    outs = []
    for language_model in (body, handle):
        clf = fixed(language_model, layer=1, threshold=2.9, aggregate="max")
        criterion = clf.stopping_criteria(prompt)
        outs.append(generate(handle.model, prompt, [criterion]))
        assert criterion.flagged.tolist() == [True]
    assert torch.equal(*outs)


def test_beams_are_refused(fixed, handle):
    criterion = fixed(handle, threshold=1e6).stopping_criteria(PROMPTS[:1])
    with pytest.raises(ValueError, match="beams change their past"):
        generate(handle.model, PROMPTS[:1], [criterion], num_beams=4)


def test_an_error_ends_generation(fixed, handle, monkeypatch):
    clf = fixed(handle, threshold=1e6)
    prompt = torch.tensor([[4, 5, 6]])
    criterion = clf.stopping_criteria(prompt)
    monkeypatch.setattr(
        "skperf.llm.streaming._monitor.log_odds", lambda row, states: 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        generate(handle.model, prompt, [criterion])


@pytest.mark.parametrize("where", ["passed", "tokenizer"])
def test_padding_of_rows_that_ended_otherwise_is_no_text(
    fixed, make_model, make_tokenizer, where
):
    """Rows that end by stop strings, or by another end of text, are padded."""
    tokenizer = make_tokenizer()
    if where == "tokenizer":
        tokenizer.pad_token = "[UNK]"
    model = make_model()
    clf = fixed(LanguageModel(model, tokenizer), aggregate="max")
    free = generate(model, PROMPTS[:, 2:], [])
    ends = [row[4].item() for row in free[:, 2:]][:1]  # the first row ends here
    plain = generate(model, PROMPTS[:, 2:], [], eos_token_id=ends)
    texts = [(*row.tolist(),) for row in plain[:, 2:]]
    written = [
        text[: text.index(ends[0]) + 1] if ends[0] in text else text for text in texts
    ]
    assert len(written[0]) < len(texts[0])  # there is padding
    scores = [_highest(clf, PROMPTS[i, 2:], text) for i, text in enumerate(written)]
    padded = _highest(clf, PROMPTS[0, 2:], texts[0])
    clf.threshold_ = max(scores) + 1e-6
    options = {"pad_token_id": 0} if where == "passed" else {}
    criterion = clf.stopping_criteria(PROMPTS[:, 2:], **options)
    out = generate(model, PROMPTS[:, 2:], [criterion], eos_token_id=ends)
    assert torch.equal(out, plain)
    assert not criterion.flagged.any()
    assert padded > clf.threshold_  # it would have been flagged


def _highest(clf, prompt, tokens):
    monitor = clf.stream(prompt)
    scores = []
    for token in tokens:
        monitor.push(token)
        scores.append(monitor._pooling.pooled)
    return max(scores)
