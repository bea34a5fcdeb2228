# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import numpy as np
import pytest

pytest.importorskip("transformers")

from skperf.llm.text._texts import tokenize


def words(text, tokenizer):
    return tokenizer.convert_ids_to_tokens(text.tokens[text.scored])


def test_a_text_is_scored_at_all_of_its_tokens(tokenizer):
    (text,) = tokenize(["the hero  wins"], tokenizer)
    assert words(text, tokenizer) == ["the", "hero", "wins"]
    assert text.offsets.tolist() == [[0, 3], [4, 8], [10, 14]]


def test_special_tokens_of_the_tokenizer_are_not_scored(make_tokenizer):
    from tokenizers.processors import TemplateProcessing

    tokenizer = make_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<user> $A <assistant>",
        special_tokens=[("<user>", 1), ("<assistant>", 2)],
    )
    (text,) = tokenize(["the hero"], tokenizer)
    assert text.tokens[0] == 1  # read, as the model expects it
    assert len(text.tokens) == 3  # what comes after the last scored token is not
    assert words(text, tokenizer) == ["the", "hero"]


def test_of_a_pair_the_response_is_scored(tokenizer):
    (text,) = tokenize([("who wins", "the hero")], tokenizer)
    assert len(text.tokens) == 4
    assert words(text, tokenizer) == ["the", "hero"]
    assert text.offsets.tolist() == [[0, 3], [4, 8]]


@pytest.mark.parametrize("template", [None, "chat"])
def test_of_a_pair_without_a_response_the_prompt_is_scored(
    template, make_tokenizer, chat_template
):
    tokenizer = make_tokenizer(template and chat_template)
    (text,) = tokenize([("who wins", "")], tokenizer)
    assert words(text, tokenizer) == ["who", "wins"]
    assert text.offsets.tolist() == [[0, 3], [4, 8]]


def test_a_pair_is_a_chat_where_there_is_a_template(make_tokenizer, chat_template):
    tokenizer = make_tokenizer(chat_template)
    chat = [
        {"role": "user", "content": "who wins"},
        {"role": "assistant", "content": "the hero"},
    ]
    pair, same = tokenize([("who wins", "the hero"), chat], tokenizer)
    assert tokenizer.decode(pair.tokens) == "<user> who wins <assistant> the hero"
    assert words(pair, tokenizer) == ["the", "hero"]
    for one, other in zip(pair, same, strict=True):
        np.testing.assert_array_equal(one, other)


def test_of_a_chat_the_last_message_is_scored(make_tokenizer, chat_template):
    tokenizer = make_tokenizer(chat_template)
    chat = [
        {"role": "assistant", "content": "the hero"},
        {"role": "user", "content": "  the hero dies "},
    ]
    (text,) = tokenize([chat], tokenizer)
    assert words(text, tokenizer) == ["the", "hero", "dies"]
    assert text.offsets.tolist() == [[2, 5], [6, 10], [11, 15]]


def test_a_message_that_is_part_of_the_template_is_found(make_tokenizer):
    tokenizer = make_tokenizer(
        "{% for m in messages %}the {{ m.content }} the{% endfor %}"
    )
    (text,) = tokenize([[{"role": "user", "content": "the"}]], tokenizer)
    assert len(text.tokens) == 2
    assert text.scored.tolist() == [1]


def test_columns_of_all_kinds(df_module, make_tokenizer):
    tokenizer = make_tokenizer()
    column = df_module.Series(["the hero", "wins"])
    expected = [[0, 3], [4, 8]]
    for X in (column, df_module.DataFrame({"text": column}), column.to_numpy()):
        first, second = tokenize(X, tokenizer)
        assert first.offsets.tolist() == expected
        assert len(second.scored) == 1


def test_tables_of_prompts_and_responses(df_module, tokenizer):
    table = df_module.DataFrame({"prompt": ["who"], "response": ["the hero"]})
    for X in (table, table.to_numpy(), np.array([["who", "the hero"]])):
        (text,) = tokenize(X, tokenizer)
        assert words(text, tokenizer) == ["the", "hero"]


def test_object_arrays_of_chats(make_tokenizer, chat_template):
    X = np.empty(1, dtype=object)
    X[0] = [{"role": "user", "content": "who wins"}]
    (text,) = tokenize(X, make_tokenizer(chat_template))
    assert len(text.scored) == 2


def test_columns_of_chats(df_module, make_tokenizer, chat_template):
    chat = [{"role": "user", "content": "who"}, {"role": "user", "content": "wins"}]
    tokenizer = make_tokenizer(chat_template)
    texts = tokenize(df_module.Series([chat[:1], chat]), tokenizer)
    assert [words(text, tokenizer) for text in texts] == [["who"], ["wins"]]


@pytest.mark.parametrize("X", ["who wins", b"who", {"role": "user"}, 3, None])
def test_a_single_text_is_refused(X, tokenizer):
    with pytest.raises(ValueError, match=r"got a single .* Put it into a list"):
        tokenize(X, tokenizer)


@pytest.mark.parametrize(
    "row",
    [
        None,
        np.nan,
        3,
        b"who",
        [],
        ["who"],
        ("a", 3),
        ["a", "b", "c"],
        [{"role": "user"}],
    ],
)
def test_other_rows_are_refused(row, tokenizer):
    with pytest.raises(TypeError, match="Row 1 of X should be a string, a pair"):
        tokenize(["who", row], tokenizer)


def test_no_texts_at_all(tokenizer):
    with pytest.raises(ValueError, match="Found 0 texts"):
        tokenize([], tokenizer)


@pytest.mark.parametrize("empty", ["", "  ", ("", ""), ("who wins", " ")])
def test_an_empty_text_is_neither_harmful_nor_harmless(empty, tokenizer):
    with pytest.raises(ValueError, match=r"rows \[1, 2\] have no token"):
        tokenize(["who", empty, empty], tokenizer)


def test_many_empty_texts_are_not_all_named(tokenizer):
    with pytest.raises(ValueError, match=r"\[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...\]"):
        tokenize([""] * 20, tokenizer)


@pytest.mark.parametrize("X", [np.array([["a", "b", "c"]]), np.array([[["a"]]])])
def test_other_tables_are_refused(X, tokenizer):
    with pytest.raises(ValueError, match=r"3 columns|shape"):
        tokenize(X, tokenizer)


def test_a_chat_needs_a_template(tokenizer):
    with pytest.raises(ValueError, match="no chat template"):
        tokenize([[{"role": "user", "content": "who"}]], tokenizer)


def test_a_template_may_refuse_a_chat(make_tokenizer):
    tokenizer = make_tokenizer("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(ValueError, match="chat in row 1: roles must alternate"):
        tokenize(["who", ("who", "the hero")], tokenizer)


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages[-1].content | upper }}",
        "{{ messages[-1].content | length }} {{ messages[-1].content }}",
        "nothing of it",
    ],
)
def test_a_template_that_rewrites_the_message(template, make_tokenizer):
    chat = [{"role": "user", "content": "who wins and who dies"}]
    with pytest.raises(ValueError, match="rewrites the last message of row 0"):
        tokenize([chat], make_tokenizer(template))
