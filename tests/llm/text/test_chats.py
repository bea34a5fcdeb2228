# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Chats as logs have them, and errors that quote nothing of what was said."""

import numpy as np
import pytest

pytest.importorskip("transformers")

from skperf.llm import LanguageModel, RedFlagClassifier
from skperf.llm.text._batches import Window
from skperf.llm.text._texts import tokenize

SECRET = "butler"
USER = {"role": "user", "content": "who wins"}
CALL = {"type": "function", "function": {"name": "look", "arguments": {"a": 1}}}


@pytest.fixture
def chats(make_tokenizer, chat_template):
    """Return a tokenizer with a template for chats."""
    return make_tokenizer(chat_template)


def answer(content, **more):
    return {"role": "assistant", "content": content, **more}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_content_in_parts(chats):
    parts = [{"type": "text", "text": "the hero "}, {"type": "text", "text": "dies"}]
    one, other = tokenize(
        [[USER, answer(parts)], [USER, answer("the hero dies")]], chats
    )
    assert same(one, other)


def test_messages_without_content_call_tools(chats):
    rows = [
        [USER, answer(content, tool_calls=[CALL]), {"role": "tool", "content": "tea"}]
        for content in (None, "")
    ]
    one, other = tokenize(rows, chats)
    assert same(one, other)
    assert "None" not in chats.decode(one.tokens)
    assert chats.decode(one.tokens[one.scored]) == "tea"


def test_the_last_message_may_not_call_tools(chats):
    for content in (None, SECRET):
        with pytest.raises(ValueError, match=r"row 1 of X calls tools.*its content"):
            tokenize([[USER], [USER, answer(content, tool_calls=[CALL])]], chats)
    with pytest.raises(ValueError, match="no token that could be scored"):
        tokenize([[USER, answer(None)]], chats)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ([{"type": "image", "url": SECRET}], "image"),
        ([{"type": "text", "text": SECRET}, 3], "int"),
        (3, "got a int"),
        ({"text": SECRET}, "got a dict"),
    ],
)
def test_content_that_is_no_text(chats, content, named):
    with pytest.raises(TypeError, match=f"Row 0 of X: .*{named}") as error:
        tokenize([[USER, answer(content)]], chats)
    assert SECRET not in str(error.value)


def test_the_beginning_of_an_answer_that_was_given(chats):
    """It is read like the prompt, and what follows is scored."""
    text = "  the hero dies in the end"
    whole, rest = tokenize(
        [[USER, answer(text)], [USER, answer(text, prefill="  the hero")]], chats
    )
    assert same(whole.tokens[None], rest.tokens[None])
    assert rest.scored.tolist() == whole.scored[2:].tolist()
    assert rest.offsets.tolist() == whole.offsets[2:].tolist()
    assert text[slice(*rest.offsets[0])] == "dies"
    with pytest.raises(ValueError, match="does not begin with its 'prefill'"):
        tokenize([[USER, answer(text, prefill="dies")]], chats)


THOUGHTS = (
    "{% for m in messages %}<{{ m.role }}> {{ m.content.split('[end]')[-1] | trim }} "
    "{% endfor %}"
)


def test_a_template_that_leaves_out_what_a_model_thought(make_tokenizer):
    tokenizer = make_tokenizer(THOUGHTS)
    tokenize([[USER, answer("the hero dies")]], tokenizer)
    with pytest.raises(ValueError, match=r"leaves out some of it.*Render the chat"):
        tokenize([[USER, answer("the butler did it [end] tea")]], tokenizer)
    # also where the rest is there twice
    with pytest.raises(ValueError, match="leaves out some of it"):
        tokenize([[USER, answer("tea [end] tea")]], tokenizer)
    # what others thought before is the template's business
    tokenize([[answer("the butler did it [end] tea"), USER]], tokenizer)


def test_half_a_surrogate_pair(tokenizer):
    with pytest.raises(ValueError, match=r"Row 1 of X .*surrogatepass") as error:
        tokenize(["the", f"{SECRET} \ud83d"], tokenizer)
    assert SECRET not in repr(error.getrepr(chain=True, showlocals=False, style="line"))
    assert error.value.__suppress_context__
    repaired = "tea \ud83d".encode("utf-16", "surrogatepass").decode(
        "utf-16", "replace"
    )
    tokenize([repaired], tokenizer)


@pytest.mark.parametrize(
    "row",
    [
        (SECRET, 3),
        [SECRET, SECRET, SECRET],
        {"role": "user", "content": SECRET},
        SECRET.encode(),
        [{"content": SECRET}],
    ],
)
def test_errors_quote_no_row(chats, row):
    with pytest.raises(TypeError, match="Row 0 of X") as error:
        tokenize([row], chats)
    assert SECRET not in str(error.value)


def test_errors_quote_nothing_of_streams_and_targets(chats, make_model, posts):
    handle = LanguageModel(make_model(), chats)
    clf = RedFlagClassifier(handle).fit(*posts)
    for prompt in ({SECRET}, [SECRET], ((SECRET,),)):
        with pytest.raises(TypeError) as error:
            clf.stream(prompt)
        assert SECRET not in str(error.value)
    with pytest.raises(TypeError) as error:
        clf.stream().push([SECRET])
    assert SECRET not in str(error.value)
    with pytest.raises(ValueError, match="got 3") as error:
        clf.fit(["tea", "rain", "sun"], [SECRET, "tea", "rain"])  # swapped, say
    assert SECRET not in str(error.value)


def test_a_template_that_quotes_what_it_refuses(make_tokenizer):
    tokenizer = make_tokenizer("{{ raise_exception(messages[0].content) }}")
    with pytest.raises(ValueError, match="its reason quotes the chat") as error:
        tokenize([[{"role": "user", "content": SECRET}]], tokenizer)
    assert error.value.__suppress_context__


def test_reprs_hold_no_tokens(tokenizer):
    (text,) = tokenize([SECRET], tokenizer)
    assert repr(text) == "TokenizedText(<1 tokens, 1 scored>)"
    assert (
        repr(Window(0, 0, text.tokens, text.scored)) == "Window(text=0, start=0, <1>)"
    )


def test_asked_about_another_form_than_it_was_fitted_on(chats, make_model, posts):
    X, y = posts
    handle = LanguageModel(make_model(), chats)
    pairs = [("who wins", text) for text in X]
    on_pairs = RedFlagClassifier(handle).fit(pairs, y)
    assert on_pairs.forms_ == ["chats"]
    with pytest.warns(
        UserWarning, match="fitted on chats only and is asked about texts"
    ):
        on_pairs.predict(X[:2])
    with pytest.warns(UserWarning, match="is asked about texts"):
        on_pairs.stream()
    on_pairs.stream("who wins").push("tea")
    on_pairs.stream([1, 2, 3]).push(4)  # tokens have no form
    on_texts = RedFlagClassifier(handle).fit(X, y)
    with pytest.warns(
        UserWarning, match="fitted on texts only and is asked about chats"
    ):
        on_texts.predict(pairs[:2])
    both = RedFlagClassifier(handle).fit([*X, *pairs], [*y, *y])
    both.predict([X[0], pairs[0]])


def test_a_stream_after_a_beginning_that_was_given(chats, make_model, posts):
    X, y = posts
    pairs = [("who wins", text) for text in X]
    clf = RedFlagClassifier(LanguageModel(make_model(), chats)).fit(pairs, y)
    row = [USER, answer("the hero dies in the end", prefill="the hero")]
    expected = clf.predict_proba([row])[0, 1]
    for prompt in ("who wins", [USER]):
        monitor = clf.stream(prompt, prefill="the hero")
        assert np.isnan(monitor.probability)
        monitor.push(" dies in")
        assert monitor.push(" the end") == pytest.approx(expected)
    assert clf.predict_proba([[USER, answer(row[1]["content"])]])[0, 1] != expected
    with pytest.raises(ValueError, match="put those of the prefill behind them"):
        clf.stream([3, 4], prefill="the hero")
