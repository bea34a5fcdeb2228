# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.utils import Bunch

pytest.importorskip("peft")


@pytest.fixture
def stress():
    import red_flag_stress

    return red_flag_stress


def test_other_answers_have_the_prompt_and_the_label(stress):
    answers = Bunch(
        data=np.array([["ask", answer] for answer in "abcdef"], dtype=object),
        target=np.array([1, 1, 0, 1, 1, 0]),
        group=np.array([0, 0, 0, 0, 1, 1]),
    )
    found = [list(others) for others in stress.others(answers)]
    assert found == [["b", "d"], ["a", "d"], [], ["a", "b"], [], []]


def test_talk_before_an_answer_takes_turns(stress):
    texts = Bunch(
        data=np.array([["hello", "hi"], ["alone", ""], ["tea?", "yes"]], dtype=object),
        source=np.repeat("chatterbot", 3),
    )
    chat = stress.chat(texts, n_characters=9)
    assert [message["content"] for message in chat] == ["hello", "hi", "tea?", "yes"]
    assert [message["role"] for message in chat] == ["user", "assistant"] * 2
    assert len(stress.chat(texts, n_characters=5)) == 2
