# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
import torch

from skperf.llm.model._cache import States


@pytest.fixture
def tables():
    import red_flag_tables

    return red_flag_tables


@pytest.fixture
def baselines():
    import red_flag_baselines

    return red_flag_baselines


@pytest.fixture
def texts(tables):
    """Forty texts of each of five kinds, scored by their second column."""
    sources = ["scored_answers", "scored_answers", "edgy_prompts", "adv_bench", "math"]
    scores = np.random.default_rng(0).normal(size=200).astype(object)
    return tables.Texts(
        data=np.column_stack([np.full(200, "text", dtype=object), scores]),
        target=np.repeat([0, 1, 0, 1, 0], 40),
        source=np.repeat(sources, 40),
        group=np.arange(200),
    )


def test_shares_above_a_threshold(tables, texts):
    scores = np.repeat([1.0, 3.0, 2.0, 5.0, 0.0], 40)
    scores[:10] = 4
    assert tables.shares_above(2, scores, texts) == {
        "edgy": 0,
        "commands": 1,
        "harmless answers": 0.25,
        "harmful answers": 1,
        "everyday": 0,
    }


def test_rows_are_taken_from_all_columns(texts):
    part = texts.take(texts.source == "adv_bench")
    assert len(part.data) == len(part.group) == 40
    assert part.target.all()


class Flag:
    """Flags what its data say; the threshold is the largest harmless score."""

    def decision_function(self, X):
        return X[:, 1].astype(float)

    def fit_threshold(self, X_benign, target_fpr):
        self.threshold_ = self.decision_function(X_benign).max()


def test_thresholds_are_set_on_the_half_that_is_not_flagged(tables, texts, capsys):
    tables.transfer(Flag(), texts)
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["threshold", "from"]
    # a text passes the largest of 20 others with a chance of 1 in 21, and never if it
    # is one of them
    shares = [float(rows[0].split()[-1]), float(rows[1].split()[1])]
    assert all(0 < share < 0.15 for share in shares)


def test_the_judged_text_is_the_response_where_there_is_one(baselines):
    X = np.array([["ask", "answer"], ["only ask", ""]], dtype=object)
    assert baselines.judged(X).tolist() == ["answer", "only ask"]
    assert baselines.n_characters(X).tolist() == [6, 8]


class Handle:
    """States are the number of the layer times one, two, three, ..."""

    def tokenize(self, X):
        return X

    def states(self, texts, layer):
        return [
            States(layer * torch.arange(1.0, n + 1)[:, None].bfloat16(), None)
            for n in texts
        ]


def test_mean_states(baselines):
    means = baselines.MeanStates(Handle(), layer=4).fit_transform([1, 3])
    np.testing.assert_array_equal(means, [[4.0], [8.0]])
