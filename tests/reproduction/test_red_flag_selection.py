# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Bunch


@pytest.fixture
def selection():
    import red_flag_selection

    return red_flag_selection


@pytest.fixture
def train():
    """Twelve answers of each of five categories, and twenty texts of other sources."""
    others = ["matched_prompts", "edgy_prompts", "adv_bench", "math", "many_shot"]
    source = np.repeat(["scored_answers", *others], [60, *[20] * 5]).astype(object)
    target = np.arange(160) % 2
    target[source == "edgy_prompts"] = target[source == "math"] = 0
    target[source == "adv_bench"] = 1
    with_response = np.isin(source, ["scored_answers", "math", "many_shot"])
    texts = np.array([f"{i:03} {'harm' if y else 'tea'}" for i, y in enumerate(target)])
    return Bunch(
        data=np.column_stack([texts, np.where(with_response, texts, "")]).astype(
            object
        ),
        target=target,
        source=source,
        category=np.where(source == "scored_answers", np.arange(160) // 12, "").astype(
            object
        ),
        group=np.arange(160) // 2,
    )


class Finder(ClassifierMixin, BaseEstimator):
    """Knows harmful texts, or none."""

    def __init__(self, word="harm"):
        self.word = word

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return np.array([float(self.word in row[0]) for row in X])


def test_what_is_scored_is_not_trained_on(selection, train):
    scored = []
    for kept, other in selection.splits(train, selection.SOURCES):
        assert set(train.source[kept]) == set(selection.SOURCES)
        assert not set(train.group[kept]) & set(train.group[other])
        (category,) = set(train.category[other]) - {""}
        assert category not in train.category[kept]
        scored += other.tolist()
    # each answer and each of a pair once, and nothing else
    assert sorted(scored) == list(range(80))


def test_the_figures_of_a_search(selection, train):
    grid = {"word": ["nothing", "harm", "tea"]}
    found = selection.search(Finder(), grid, train)
    assert [(c["word"], c["answers"], c["pairs"]) for c in found] == [
        ("nothing", 0.5, 0.5),
        ("harm", 1, 1),
        ("tea", 0, 0),
    ]


def test_matched_prompts_come_before_answers(selection):
    missed, good, best = (
        {"answers": answers, "pairs": pairs}
        for answers, pairs in [(0.9, 0.94), (0.7, 1.0), (0.8, 0.95)]
    )
    ranks = sorted([best, missed, good], key=selection.merit)
    assert ranks == [missed, good, best]


def test_the_judged_text_is_the_response_where_there_is_one(selection):
    X = np.array([["ask", "answer"], ["only ask", ""]], dtype=object)
    assert selection.judged(X).tolist() == ["answer", "only ask"]
    assert selection.lengths_of(X).tolist() == [6, 8]
