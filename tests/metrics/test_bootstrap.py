# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

from skperf.metrics import (
    bootstrap_interval,
    like_length_auc_score,
    recall_at_fpr,
    within_group_auc_score,
)
from skperf.metrics._bootstrap import draw_groups


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    return y, rng.normal(size=300) + y


@pytest.mark.slow
def test_it_has_the_width_of_delong(texts):
    """DeLong's variance of the area, from its definition by placement values."""
    y, score = texts
    one = np.ones(len(y))  # of one length all pairs count, and that is fast
    value, low, high = bootstrap_interval(
        like_length_auc_score, y, score, lengths=one, n_resamples=500
    )
    order = np.heaviside(score[y == 1][:, None] - score[y == 0], 0.5)
    variance = sum(order.mean(axis=1 - k).var(ddof=1) / order.shape[k] for k in (0, 1))
    # a quantile of 500 draws is known to about 8 % of the width
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.2)
    assert low < value < high
    assert value == pytest.approx(roc_auc_score(y, score))


def test_a_mean_has_the_width_of_the_normal_law():
    y = np.repeat([0, 1], [30, 70])
    value, low, high = bootstrap_interval(
        accuracy_score, y, np.ones(100), n_resamples=500, confidence_level=0.8
    )
    assert value == pytest.approx(0.7)
    # the standard error is 0.0458, a draw a multiple of 0.01
    assert high - low == pytest.approx(2 * 1.2816 * 0.0458, abs=0.03)


def test_copies_in_a_group_do_not_make_it_surer(texts):
    y, score = texts
    once = bootstrap_interval(roc_auc_score, y, score, n_resamples=60)
    thrice = bootstrap_interval(
        roc_auc_score,
        np.repeat(y, 3),
        np.repeat(score, 3),
        groups=np.repeat(np.arange(300), 3),
        n_resamples=60,
    )
    assert thrice == pytest.approx(once, abs=1e-12)


def test_a_draw_is_a_sample_of_whole_groups(texts):
    y, score = texts
    groups, lengths = np.arange(300) // 6, np.arange(300) % 7 + 5
    (counts,) = draw_groups(groups, 1, 0)
    rows = np.repeat(np.arange(300), counts)
    assert len(rows) == 300
    copy = np.concatenate([np.arange(c) for c in counts])  # a group drawn twice is two
    for metric, other, drawn in [
        (like_length_auc_score, {"lengths": lengths}, {"lengths": lengths[rows]}),
        (
            within_group_auc_score,
            {"groups": groups},
            {"groups": groups[rows] * 300 + copy},
        ),
        (average_precision_score, {}, {}),
        (recall_at_fpr, {"target_fpr": 0.2}, {"target_fpr": 0.2}),
    ]:
        params = {"n_resamples": 1, "random_state": 0}
        if metric is within_group_auc_score:
            interval = _within(y, score, groups)
        else:
            interval = bootstrap_interval(
                metric, y, score, groups=groups, **params, **other
            )
        resampled = metric(y[rows], score[rows], **drawn)
        assert interval.low == interval.high == pytest.approx(resampled, abs=1e-12)


def _within(y, score, groups):
    """The metric has groups of its own, so it is bound to them."""

    def metric(y, score, sample_weight):
        return within_group_auc_score(y, score, groups, sample_weight=sample_weight)

    return bootstrap_interval(metric, y, score, groups=groups, n_resamples=1)


def test_differences_on_the_same_draws(texts):
    y, score = texts
    same = bootstrap_interval(roc_auc_score, y, score, baseline=score, n_resamples=30)
    assert same == (0, 0, 0)
    opposite = bootstrap_interval(
        roc_auc_score, y, score, baseline=-score, n_resamples=30
    )
    assert opposite.value == pytest.approx(2 * roc_auc_score(y, score) - 1)
    alone = bootstrap_interval(roc_auc_score, y, score, n_resamples=30)
    assert opposite.low == pytest.approx(2 * alone.low - 1)


def test_weights_are_multiplied(texts):
    y, score = texts
    weight = np.arange(300) % 4
    value, *ends = bootstrap_interval(
        roc_auc_score, y, score, sample_weight=weight, n_resamples=20
    )
    assert value == roc_auc_score(y, score, sample_weight=weight)
    kept = weight > 0
    by_group = bootstrap_interval(
        roc_auc_score, y, score, sample_weight=kept, n_resamples=20
    )
    assert by_group.value == roc_auc_score(y[kept], score[kept])
    assert ends[0] < value < ends[1]


def test_draws_repeat_with_the_seed(texts):
    intervals = {
        bootstrap_interval(roc_auc_score, *texts, n_resamples=9, random_state=seed)
        for seed in (0, 0, 1)
    }
    assert len(intervals) == 2


@pytest.mark.parametrize("metric", [roc_auc_score, recall_at_fpr])
def test_draws_without_a_class_are_left_out(metric):
    """One raises an error for them and one warns and is nan."""
    y, score = [0, 1, 1], [0.2, 0.5, 0.7]
    assert bootstrap_interval(metric, y, score, n_resamples=20) == (1, 1, 1)


def test_too_few_draws_with_a_figure():
    """The one pair is in 43 % of the draws: 1 - 2 (3/4)^4 + (1/2)^4."""
    with pytest.raises(ValueError, match=r"not defined on 5\d of 100 draws"):
        bootstrap_interval(
            like_length_auc_score,
            [1, 0, 0, 0],
            np.arange(4),
            lengths=[1, 1, 9, 9],
            n_resamples=100,
        )


def test_what_the_metric_refuses_is_told(texts):
    y, score = texts
    with pytest.raises(ValueError, match="do not say which class"):
        bootstrap_interval(recall_at_fpr, np.array(["a", "b"])[y], score)
    with pytest.raises(ValueError, match=r"confidence_level .* got 95"):
        bootstrap_interval(recall_at_fpr, y, score, confidence_level=95)
    with pytest.raises(ValueError, match="inconsistent"):
        bootstrap_interval(recall_at_fpr, y, score, groups=[1, 2])
