# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score


@pytest.fixture
def metrics():
    import text_metrics

    return text_metrics


@pytest.fixture
def texts():
    """Labels, scores with ties, and lengths of 300 texts."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 300)
    return y, (random.normal(size=300) + y).round(1), random.integers(10, 1000, 300)


def test_without_a_difference_in_length_it_is_the_area(metrics, texts):
    y, scores, _ = texts
    area = metrics.LikeLengthAUC(y, np.ones(len(y)))(scores)
    assert area == pytest.approx(roc_auc_score(y, scores), abs=1e-12)


def test_by_hand(metrics):
    # pairs of like length: 100 with 80, 100 with 125, 300 with 299
    y = np.array([1, 1, 0, 0, 0, 0])
    lengths = np.array([100, 300, 80, 125, 126, 299])
    scores = np.array([2.0, 1.0, 1.0, 2.0, 9.0, 3.0])
    # right, a tie, wrong
    assert metrics.LikeLengthAUC(y, lengths)(scores) == pytest.approx(1.5 / 3)


def test_only_the_order_of_scores_matters(metrics, texts):
    y, scores, lengths = texts
    area = metrics.LikeLengthAUC(y, lengths)
    assert area(scores) == area(np.exp(scores)) == pytest.approx(1 - area(-scores))


def test_length_alone_says_little_about_texts_of_like_length(metrics):
    # harmful texts are twice as long, so that pairs of like length are rare
    random = np.random.default_rng(0)
    y = np.repeat([0, 1], 1000)
    lengths = random.lognormal(5 + np.log(2) * y)
    assert roc_auc_score(y, lengths) > 0.65
    # the density of lengths changes by little within a ratio of 1.25
    assert metrics.LikeLengthAUC(y, lengths)(lengths) == pytest.approx(0.5, abs=0.04)


def test_weights_count_texts(metrics, texts):
    y, scores, lengths = texts
    (weights,) = metrics.draw(np.arange(len(y)), n_draws=1)
    sample = np.repeat(np.arange(len(y)), weights.astype(int))
    resampled = metrics.LikeLengthAUC(y[sample], lengths[sample])(scores[sample])
    interval = metrics.LikeLengthAUC(y, lengths).interval(scores, weights[None])
    assert interval.low == interval.high == pytest.approx(resampled, abs=1e-12)


def test_interval_has_the_width_of_delong(metrics, texts):
    """DeLong's variance of the area, from its definition by placement values."""
    y, scores, _ = texts
    area = metrics.LikeLengthAUC(y, np.ones(len(y)))
    value, low, high = area.interval(scores, metrics.draw(np.arange(len(y))))
    order = np.heaviside(scores[y == 1][:, None] - scores[y == 0], 0.5)
    variance = sum(order.mean(axis=1 - k).var(ddof=1) / order.shape[k] for k in (0, 1))
    # 2000 draws know a quantile to about 4 % of the width
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.1)
    assert low < value == area(scores) < high


def test_copies_in_a_group_do_not_make_it_surer(metrics, texts):
    y, scores, lengths = texts
    group = np.arange(len(y))
    once = metrics.LikeLengthAUC(y, lengths).interval(scores, metrics.draw(group))
    y, scores, lengths, group = (np.repeat(a, 3) for a in (y, scores, lengths, group))
    thrice = metrics.LikeLengthAUC(y, lengths).interval(scores, metrics.draw(group))
    assert thrice == pytest.approx(once, abs=1e-12)


def test_difference_to_itself_is_none(metrics, texts):
    y, scores, lengths = texts
    area = metrics.LikeLengthAUC(y, lengths)
    weights = metrics.draw(np.arange(len(y)), n_draws=50)
    assert area.interval(scores, weights, baseline=scores) == (0, 0, 0)
    opposite = area.interval(scores, weights, baseline=-scores)
    assert opposite.value == pytest.approx(2 * area(scores) - 1)


def test_draws_repeat_with_the_seed(metrics):
    groups = np.array([4, 4, 7, 9])
    weights = metrics.draw(groups, n_draws=5)
    np.testing.assert_array_equal(weights, metrics.draw(groups, n_draws=5))
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, 1:].sum(axis=1), 3)


@pytest.mark.parametrize(("recall", "rate"), [(0.95, 0.5), (0.75, 0.25), (1, 0.5)])
def test_false_positives_at_recall(metrics, recall, rate):
    y = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    scores = np.array([8, 6, 5, 3, 7, 4, 2, 1])
    assert metrics.fpr_at_recall(y, scores, recall) == rate
