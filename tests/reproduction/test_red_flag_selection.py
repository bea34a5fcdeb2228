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
    """Knows harmful texts, or none; notes how often and with what it was fitted."""

    def __init__(self, word="harm"):
        self.word = word

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        assert sample_weight.min() > 0
        return self

    def decision_function(self, X):
        return np.array([float(self.word in row[0]) for row in X])


def test_what_is_scored_is_not_trained_on(selection, train):
    sources = selection.RECIPES["all"]
    scored = []
    for kept, other in selection.splits(train, sources):
        assert not set(train.group[kept]) & set(train.group[other])
        (category,) = set(train.category[other]) - {""}
        assert category not in train.category[kept]
        scored += other.tolist()
    # each answer, pair, edgy prompt and command once, and nothing else
    assert sorted(scored) == list(range(120))


def test_all_recipes_are_scored_on_the_same_texts(selection, train):
    by_recipe = [
        [other.tolist() for _, other in selection.splits(train, sources)]
        for sources in selection.RECIPES.values()
    ]
    assert all(scored == by_recipe[0] for scored in by_recipe)


def test_only_the_sources_of_a_recipe_are_trained_on(selection, train):
    for kept, _ in selection.splits(train, ["math", "scored_answers"]):
        assert set(train.source[kept]) == {"math", "scored_answers"}


def test_balanced_weights(selection, train):
    sources = ["scored_answers", "matched_prompts", "edgy_prompts"]
    weight = selection.weigh(train, sources, "sources")
    used = np.isin(train.source, sources)
    assert not weight[~used].any()
    assert weight[used].mean() == pytest.approx(1)
    # two classes of two sources and one of the third
    for source in sources:
        for target in np.unique(train.target[train.source == source]):
            rows = (train.source == source) & (train.target == target)
            assert weight[rows].sum() == pytest.approx(100 / 5)


def test_search_puts_the_best_first(selection, train):
    grid = {"word": ["nothing", "harm", "tea"]}
    candidates = selection.search(Finder(), grid, train, "all", "texts")
    assert [c.params["word"] for c in candidates] == ["harm", "nothing", "tea"]
    assert candidates[0].areas == {"answers": 1, "pairs": 1, "edgy": 1}
    assert candidates[1].areas == {"answers": 0.5, "pairs": 0.5, "edgy": 0.5}
    assert candidates[2].areas == {"answers": 0, "pairs": 0, "edgy": 0}


def test_matched_prompts_come_before_answers(selection):
    def candidate(answers, pairs):
        areas = {"answers": answers, "pairs": pairs}
        return selection.Candidate("all", "texts", {}, "mean", areas)

    missed, good, best = candidate(0.9, 0.94), candidate(0.7, 1.0), candidate(0.8, 0.95)
    ranks = sorted([best, missed, good], key=selection.merit)
    assert ranks == [missed, good, best]
