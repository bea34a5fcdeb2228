# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest


@pytest.fixture
def tables():
    import red_flag_tables

    return red_flag_tables


@pytest.fixture
def texts(tables):
    """Forty texts of each of five kinds, scored by their second column."""
    sources = ["scored_answers", "scored_answers", "edgy_prompts", "adv_bench", "math"]
    scores = np.random.default_rng(0).normal(size=200).astype(object)
    return tables.Texts(
        data=np.column_stack([np.full(200, "text", dtype=object), scores]),
        target=np.repeat([0, 1, 0, 1, 0], 40),
        source=np.repeat(sources, 40),
        category=np.full(200, ""),
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
    tables.transfer(Flag(), texts, 0.05)
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["threshold", "from"]
    # a text passes the largest of 20 others with a chance of 1 in 21, and never if it
    # is one of them
    shares = [float(rows[0].split()[1]), float(rows[2].split()[3])]
    assert all(0 < share < 0.15 for share in shares)


def test_a_threshold_that_few_harmless_texts_pass(tables):
    target = np.repeat([0, 1], 20)
    scores = np.concatenate([np.arange(20.0), np.arange(20.0)])
    limit = tables.threshold_at_fpr(target, scores)
    assert (scores[target == 0] > limit).sum() == 2  # one in ten of twenty


def test_misses_of_two_detectors(tables, texts, capsys):
    """One finds every harmful text, the other a third of them."""
    score = texts.data[:, 1].astype(float)
    every, some = Flag(), Flag()
    every.decision_function = lambda X: score + 10 * texts.target
    found = (np.arange(200) % 3 == 0) & (texts.target == 1)
    some.decision_function = lambda X: score.clip(-1, 1) + 10 * found
    tables.misses(every, some, texts)
    cells = capsys.readouterr().out.splitlines()[1].split()
    assert float(cells[0]) == float(cells[2]) == float(cells[3]) == 0
    assert float(cells[1]) > 0.5
