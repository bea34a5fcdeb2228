# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import gc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier, RedFlagLogitsProcessor

PROMPTS = torch.tensor([[4, 5, 6, 7], [0, 0, 9, 8], [0, 10, 11, 12]])
MASK = (PROMPTS != 0).long()
END = 5
SPECIAL = [1, 2, 49]  # <user> and <assistant>, and a row without a token


@pytest.fixture(scope="module")
def exported(make_model, make_tokenizer, posts, tmp_path_factory):
    """Return an exported model, which ends texts, and its tokenizer."""
    handle = LanguageModel(make_model(50), make_tokenizer())
    clf = RedFlagClassifier(handle, fit_intercept=False, aggregate="window", window=3)
    clf.fit(*posts)
    folder = tmp_path_factory.mktemp("exported") / "flagged"
    clf.export(folder)
    load = transformers.AutoModelForCausalLM.from_pretrained
    model = load(folder, dtype=torch.float64)
    model.generation_config.eos_token_id = END
    return model, transformers.AutoTokenizer.from_pretrained(folder), clf


@pytest.fixture
def flagging(exported):
    """Return a function that makes a processor."""
    model, tokenizer, _ = exported

    def flagging(**params):
        settings = {"stop": False, "pad_token_id": 0} | params
        return RedFlagLogitsProcessor(model, tokenizer, **settings)

    return flagging


def generate(model, processor, prompts=PROMPTS, mask=MASK, **settings):
    settings = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 0, **settings}
    processors = [] if processor is None else [processor]
    return model.generate(
        prompts, attention_mask=mask, logits_processor=processors, **settings
    )


def expected(model, sequence, n_prompt, n_padding):
    """Compute the log-odds after each token that was written, by one pass."""
    tokens = sequence[n_padding:]
    with torch.no_grad():
        logits = model(tokens[None]).logits[0, n_prompt - n_padding :].double()
    flag = model.config.red_flag_token_id
    others = [v for v in range(logits.shape[1]) if v != flag]
    return (logits[:, flag] - logits[:, others].logsumexp(dim=1)).numpy()


def check(model, report, repeats=1):
    """Compare every number of a report with a pass over the whole text."""
    n_prompt = PROMPTS.shape[1]
    for i, (row, found) in enumerate(
        zip(report.sequences, report.log_odds, strict=True)
    ):
        written = row[n_prompt:].tolist()
        n_text = written.index(END) if END in written else len(written)
        n_text -= next((k for k, t in enumerate(written[n_text - 1 :: -1]) if t), 0)
        n_padding = int((PROMPTS[i // repeats] == 0).sum())
        want = expected(model, row, n_prompt, n_padding)
        is_text = (np.arange(len(written)) < n_text) & ~np.isin(written, SPECIAL)
        assert_allclose(found[is_text], want[is_text], rtol=0, atol=1e-9)
        assert np.isnan(found[~is_text]).all()
        assert model.config.red_flag_token_id not in written


MODES = {
    "greedy": {},
    "sampling": {"do_sample": True, "num_return_sequences": 2, "top_p": 0.9},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "sampled beams": {"num_beams": 2, "do_sample": True},
    "static cache": {"cache_implementation": "static"},
    "no cache": {"use_cache": False},
    "other processors": {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
    "temperature": {"do_sample": True, "temperature": 0.5, "top_k": 5},
    "a dict": {"return_dict_in_generate": True, "output_logits": True},
    "stop strings": {"max_new_tokens": 1},
}


@pytest.mark.parametrize("mode", MODES)
def test_every_token_is_read(exported, flagging, mode):
    model, _, _ = exported
    torch.manual_seed(0)
    processor = flagging()
    report = processor.report(generate(model, processor, **MODES[mode]))
    check(model, report, MODES[mode].get("num_return_sequences", 1))
    assert not np.isnan(report.log_odds[:, 0]).all()


def test_texts_are_judged_as_by_the_classifier(exported, flagging):
    """The numbers are those of score_positions and of predict_proba."""
    model, tokenizer, clf = exported
    prompt = torch.tensor([[20, 21]])
    processor = flagging()
    report = processor.report(generate(model, processor, prompt, None))
    words = tokenizer.decode(report.sequences[0]).split()
    whole = " ".join(words)
    (scores,) = clf.score_positions([whole])
    n_written = (~np.isnan(report.log_odds[0])).sum()
    assert n_written > 3
    # the exported row is rounded to the float64 of the model: nothing is lost
    found = report.log_odds[0, :n_written]
    assert_allclose(found, scores.log_odds[2 : 2 + n_written], atol=1e-9)
    means = np.convolve(found, np.ones(3) / 3, mode="valid")
    pooled = max(means.max(), found[:2].mean() if n_written < 3 else -np.inf)
    assert report.probability[0] == pytest.approx(expit(pooled + clf.text_intercept_))
    assert report.flagged[0] == (pooled + clf.text_intercept_ > clf.threshold_)


def test_without_a_flag_the_text_is_what_it_was(exported, flagging):
    model, _, _ = exported
    plain = generate(model, None, suppress_tokens=[model.config.red_flag_token_id])
    processor = flagging()
    assert torch.equal(generate(model, processor), plain)
    assert torch.equal(processor.report(plain).sequences, plain)


def middle(log_odds):
    """Return a threshold that the flag's maximum passes at some way into the text."""
    highest = np.fmax.accumulate(log_odds)
    steps = np.flatnonzero(np.diff(highest) > 0)
    return (highest[steps[-1]] + highest[steps[-1] + 1]) / 2, steps[-1] + 1


@pytest.mark.parametrize("settings", [{}, {"do_sample": True}])
def test_rows_end_at_a_flag_and_are_withheld(exported, flagging, settings):
    model, _, clf = exported
    torch.manual_seed(0)
    processor = flagging(aggregate="max")
    free = processor.report(generate(model, processor, **settings))
    threshold, place = middle(free.log_odds[0])
    threshold += clf.text_intercept_
    torch.manual_seed(0)
    processor = flagging(aggregate="max", threshold=threshold, stop=True)
    output = generate(model, processor, **settings)
    report = processor.report(output)
    assert report.flagged[0]
    assert output[0, 4 : 5 + place].equal(free.sequences[0, 4 : 5 + place])
    assert output[0, 5 + place].item() == END
    assert not output[0, 6 + place :].any()
    assert torch.equal(report.sequences[:, :4], PROMPTS)
    for row, text, flagged in zip(
        report.sequences, output, report.flagged, strict=True
    ):
        assert torch.equal(row[4:], torch.zeros_like(row[4:]) if flagged else text[4:])


def test_flagged_beams_end(exported, flagging):
    model, _, _ = exported
    processor = flagging(aggregate="max", threshold=-1e9, stop=True)
    output = generate(model, processor, num_beams=3)
    assert (output[:, 5] == END).all()
    has_text = output[:, 4] != END
    assert has_text.any()
    assert processor.report(output).flagged.tolist() == has_text.tolist()


def test_nothing_is_flagged_below_the_threshold(exported, flagging):
    model, _, _ = exported
    processor = flagging(threshold=1e9, stop=True)
    output = generate(model, processor)
    report = processor.report(output)
    assert not report.flagged.any()
    assert torch.equal(report.sequences, output)


def test_the_flag_is_seen_through_what_others_do_to_scores(exported, flagging):
    """A penalty moves the scores; what is read is what the model says."""
    model, _, _ = exported
    processor = flagging()
    penalized = generate(model, processor, repetition_penalty=3.0)
    check(model, processor.report(penalized))


def test_sequences_of_another_call_are_refused(exported, flagging):
    model, _, _ = exported
    processor = flagging()
    with pytest.raises(ValueError, match="Call generate with this processor"):
        processor.report(PROMPTS)
    output = generate(model, processor)
    with pytest.raises(ValueError, match="not written with this processor"):
        processor.report(output.flip(1))
    with pytest.raises(ValueError, match="for each call of generate"):
        generate(model, processor, PROMPTS.flip(0), MASK.flip(0))


def test_another_model_is_refused(exported, flagging, make_model):
    processor = flagging()
    with pytest.raises(ValueError, match="0 forward passes"):
        generate(make_model(50), processor)


def test_more_passes_than_tokens_are_refused(exported, flagging):
    model, _, _ = exported
    with pytest.raises(ValueError, match="2 forward passes"):
        generate(model, flagging(), guidance_scale=1.5)


def test_a_model_without_a_flag_is_refused(make_model, tokenizer):
    with pytest.raises(ValueError, match=r"names no red flag.*clf\.stopping_criteria"):
        RedFlagLogitsProcessor(make_model(), tokenizer)


def test_a_model_without_an_end_cannot_stop(exported, flagging, monkeypatch):
    model, _, _ = exported
    monkeypatch.setattr(model.generation_config, "eos_token_id", None)
    with pytest.raises(ValueError, match="no end-of-text token"):
        flagging(stop=True)
    generate(model, flagging())


def test_aggregates_are_checked(exported, flagging, monkeypatch):
    model, _, _ = exported
    with pytest.raises(ValueError, match=r"one of .*'mean'.*got 'median'"):
        flagging(aggregate="median")
    monkeypatch.setitem(model.config.red_flag["text_score"], "aggregate", None)
    with pytest.raises(ValueError, match="pass it again"):
        flagging()
    processor = flagging(aggregate=lambda log_odds: log_odds.min())
    report = processor.report(generate(model, processor))
    lowest = np.nanmin(report.log_odds, axis=1)
    intercept = model.config.red_flag["text_score"]["intercept"]
    assert_allclose(report.probability, expit(lowest + intercept))


def test_thresholds_by_kind(exported, flagging, monkeypatch):
    model, _, _ = exported
    monkeypatch.setitem(model.config.red_flag, "threshold", {"user": 1.0})
    with pytest.raises(ValueError, match=r"by kind of text, \['user'\]"):
        flagging()
    monkeypatch.setitem(
        model.config.red_flag, "threshold", {"user": 1e9, "assistant": -1e9}
    )
    processor = flagging()
    assert processor.report(generate(model, processor)).flagged.all()


def test_the_model_keeps_nothing_of_it(exported, flagging):
    model, _, _ = exported
    gc.collect()  # those of other tests
    before = len(model._forward_hooks)
    processor = flagging()
    generate(model, processor)
    assert len(model._forward_hooks) == before + 1
    del processor
    gc.collect()
    assert len(model._forward_hooks) == before


def test_a_cache_that_is_returned_is_left_as_it_was(exported, flagging):
    model, _, _ = exported
    processor = flagging()
    output = generate(model, processor, return_dict_in_generate=True)
    n_read = output.sequences.shape[1] - 1
    processor.report(output)
    (cache,) = [v for v in output.values() if hasattr(v, "get_seq_length")]
    assert cache.get_seq_length() == n_read
