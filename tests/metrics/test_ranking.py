# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Metrics of order, against counts of all pairs one by one and closed forms."""

import itertools

import numpy as np
import pytest
import sklearn
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score

from skperf.metrics import (
    _pairs,
    fpr_at_recall,
    like_length_auc_score,
    recall_at_fpr,
    within_group_auc_score,
)

METRICS = [
    lambda y, s, **kw: like_length_auc_score(y, s, 1 + np.arange(len(y)) % 3, **kw),
    lambda y, s, **kw: within_group_auc_score(y, s, np.arange(len(y)) // 4, **kw),
    lambda y, s, **kw: recall_at_fpr(y, s, target_fpr=0.3, **kw),
    lambda y, s, **kw: fpr_at_recall(y, s, recall=0.7, **kw),
]
every_metric = pytest.mark.parametrize(
    "metric", METRICS, ids=["like_length", "within_group", "recall", "fpr"]
)


def rows(n_columns):
    """Rows of a label, a score with many ties, a small weight and other columns."""
    number = st.integers(0, 4)
    return st.lists(st.tuples(st.booleans(), *[number] * n_columns), min_size=2)


def columns(drawn):
    y, *others = (np.array(column) for column in zip(*drawn, strict=True))
    assume(0 < y.sum() < len(y))
    return y, *others


def pairs(y, weight):
    found = itertools.product(np.flatnonzero(y), np.flatnonzero(~y))
    return [(i, j, float(weight[i] * weight[j])) for i, j in found]


def share(chosen, score):
    right = sum(w * ((score[i] > score[j]) + (score[i] == score[j]) / 2)
                for i, j, w in chosen)  # fmt: skip
    return right / sum(w for *_, w in chosen)


@given(rows(3))
def test_like_length_by_counting(drawn):
    y, score, weight, length = columns(drawn)
    lengths = np.array([8, 10, 12.5, 100, 81])[length]
    weight = weight + 1
    like = [
        (i, j, w)
        for i, j, w in pairs(y, weight)
        if max(lengths[i], lengths[j]) <= 1.25 * min(lengths[i], lengths[j])
    ]
    if like:
        value = like_length_auc_score(y, score, lengths, sample_weight=weight)
        assert value == pytest.approx(share(like, score), abs=1e-12)
    else:
        with pytest.raises(ValueError, match=r"no pair .* ratio of 1.25 or less"):
            like_length_auc_score(y, score, lengths)


@given(rows(3))
def test_within_group_by_groups(drawn):
    y, score, weight, group = columns(drawn)
    weight, total, mean = weight + 1, 0, 0
    for g in set(group.tolist()):
        inside = [p for p in pairs(y, weight) if group[p[0]] == group[p[1]] == g]
        if inside:
            total += weight[group == g].sum()
            mean += weight[group == g].sum() * share(inside, score)
    if total:
        value = within_group_auc_score(y, score, group, sample_weight=weight)
        assert value == pytest.approx(mean / total, abs=1e-12)
    else:
        with pytest.raises(ValueError, match="has samples of both classes"):
            within_group_auc_score(y, score, group)


@given(rows(2), st.sampled_from([0, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1]))
def test_operating_points_by_trying_all_thresholds(drawn, share):
    y, score, weight = columns(drawn)
    weight = weight + 1.0
    points = []
    for threshold in [*range(5), 5]:
        above = score >= threshold
        rates = [weight[above & c].sum() / weight[c].sum() for c in (~y, y)]
        points.append(rates)
    expected = max(recall for fpr, recall in points if fpr <= share + 1e-9)
    value = recall_at_fpr(y, score, target_fpr=share, sample_weight=weight)
    assert value == pytest.approx(expected)
    expected = min(fpr for fpr, recall in points if recall >= share - 1e-9)
    value = fpr_at_recall(y, score, recall=share, sample_weight=weight)
    assert value == pytest.approx(expected)


def test_one_length_or_one_group_is_the_area():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    score, weight = (rng.normal(size=300) + y).round(1), rng.uniform(size=300)
    one = np.ones(300)
    area = roc_auc_score(y, score, sample_weight=weight)
    for metric in (like_length_auc_score, within_group_auc_score):
        value = metric(y, score, one, sample_weight=weight)
        assert value == pytest.approx(area, abs=1e-12)


def test_normal_scores_have_a_closed_form():
    """Recall at FPR a is Phi(d - z) with z the normal quantile of 1 - a.

    With 200,000 of each class a rate is known to about 0.0015; scores are quantiles,
    and so their rates are exact to 1e-5.
    """
    quantiles = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    y = np.repeat([0, 1], 200_000)
    score = np.concatenate([quantiles, quantiles + 1.5])
    recall = recall_at_fpr(y, score, target_fpr=0.05)
    assert recall == pytest.approx(norm.cdf(1.5 - norm.isf(0.05)), abs=2e-5)
    fpr = fpr_at_recall(y, score, recall=0.95)
    assert fpr == pytest.approx(norm.sf(1.5 + norm.ppf(0.05)), abs=2e-5)


def test_length_alone_orders_no_texts_of_like_length():
    """The density of lengths changes little within a ratio of 1.25."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 1000)
    lengths = rng.lognormal(5 + np.log(2) * y)
    assert roc_auc_score(y, lengths) > 0.65
    assert like_length_auc_score(y, lengths, lengths) == pytest.approx(0.5, abs=0.04)


def test_the_ends_of_a_ratio_belong_to_it():
    assert like_length_auc_score([1, 0], [1, 0], [11, 10], ratio=1.1) == 1
    assert like_length_auc_score([1, 0], [1, 0], [10, 11], ratio=1.1) == 1
    with pytest.raises(ValueError, match="no pair"):
        like_length_auc_score([1, 0], [1, 0], [1002, 910], ratio=1.1)


def test_pairs_are_looked_at_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 50), rng.normal(size=50)
    whole = [metric(y, score) for metric in METRICS[:2]]
    monkeypatch.setattr(_pairs, "_PAIRS_AT_ONCE", 60)
    np.testing.assert_allclose([metric(y, score) for metric in METRICS[:2]], whole)


@every_metric
def test_the_positive_class_is_told_by_its_label(metric):
    rng = np.random.default_rng(0)
    y, score = rng.integers(0, 2, 40), rng.normal(size=40)
    expected = metric(y, score)
    for labels in ([-1, 1], [False, True], [0.0, 1.0]):
        assert metric(np.array(labels)[y], score) == expected
    for other, positive in [("harmless", "harmful"), ("a", "b"), (1, 2), (2, 1)]:
        named = np.array([other, positive])[y]
        assert metric(named, score, pos_label=positive) == expected
        with pytest.raises(ValueError, match=r"do not say which .* Pass pos_label"):
            metric(named, score)
    assert metric(1 - y, score, pos_label=0) == expected
    assert metric(1 - y, -score) == pytest.approx(metric(y, -score, pos_label=0))


@every_metric
@pytest.mark.parametrize(
    ("y", "options", "words"),
    [
        ([0, 1, 2, 2], {}, r"two classes; got 3: \[0, 1, 2\]"),
        ([1, 1, 1, 1], {}, "no samples of the other class"),
        ([0, 0, 0, 0], {}, "no samples of the positive class"),
        ([0, 1, 0, 1], {"pos_label": 3}, r"pos_label=3 is not a label .* \[0, 1\]"),
        ([0, 1, 0, 1], {"sample_weight": [1, 0, 1, 0]}, "positive class, or all"),
        ([0, 1, 0, 1], {"sample_weight": [1, -1, 1, 0]}, "[Nn]egative"),
        ([0, 1, 0], {}, "inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_measured(metric, y, options, words):
    with pytest.raises(ValueError, match=words):
        metric(y, [1.0, 2, 3, 4], **options)


@every_metric
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_are_numbers(metric, bad):
    with pytest.raises(ValueError, match="contains"):
        metric([0, 1, 0, 1], [1, 2, bad, 0])


def test_what_else_cannot_be_measured():
    y, score = [0, 1], [0, 1]
    with pytest.raises(ValueError, match="above 0"):
        like_length_auc_score(y, score, [0, 1])
    with pytest.raises(ValueError, match=r"1 or more; got 0.5"):
        like_length_auc_score(y, score, [1, 1], ratio=0.5)
    with pytest.raises(ValueError, match="inconsistent"):
        like_length_auc_score(y, score, [1, 1, 1])
    with pytest.raises(ValueError, match="inconsistent"):
        within_group_auc_score(y, score, [1, 1, 1])
    with pytest.raises(ValueError, match="target_fpr should be from 0 to 1; got 5"):
        recall_at_fpr(y, score, target_fpr=5)
    with pytest.raises(ValueError, match="recall should be from 0 to 1; got -1"):
        fpr_at_recall(y, score, recall=-1)


@every_metric
def test_the_unit_of_weights_does_not_matter(metric):
    rng = np.random.default_rng(0)
    y, score, weight = rng.integers(0, 2, 40), rng.normal(size=40), rng.uniform(size=40)
    expected = metric(y, score, sample_weight=weight)
    assert metric(y, score, sample_weight=7 * weight) == pytest.approx(expected)
    assert metric(y, score, sample_weight=np.ones(40)) == pytest.approx(
        metric(y, score)
    )


@pytest.mark.parametrize("positive", ["bad", "good"])
def test_scorers(positive):
    """make_scorer turns decision functions the right way round by pos_label."""
    X, y = make_classification(120, flip_y=0.2, random_state=0)
    named = np.where(y == 1, positive, "middle")
    scorer = make_scorer(
        recall_at_fpr, response_method="decision_function", pos_label=positive
    )
    plain = make_scorer(recall_at_fpr, response_method="decision_function")
    model = LogisticRegression()
    np.testing.assert_allclose(
        cross_val_score(model, X, named, scoring=scorer),
        cross_val_score(model, X, y, scoring=plain),
    )


def test_scorers_in_a_search_get_groups_by_routing():
    X, y = make_classification(120, flip_y=0.2, random_state=0)
    groups = np.arange(120) // 8
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(
            within_group_auc_score, response_method="decision_function"
        ).set_score_request(groups=True)
        search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=scorer, cv=3)
        search.fit(X, y, groups=groups)
    kept, left = next(StratifiedKFold(3).split(X, y))
    model = LogisticRegression().fit(X[kept], y[kept])
    by_hand = within_group_auc_score(
        y[left], model.decision_function(X[left]), groups[left]
    )
    assert search.cv_results_["split0_test_score"][0] == pytest.approx(by_hand)
