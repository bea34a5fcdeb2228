# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The corrected sample has the slope of the performative risk."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf.retraining._model import DeployedModel
from skperf.risk_minimization._correction_rows import correct_labels, correct_targets
from skperf.risk_minimization._support import find_support
from skperf.shift import PullBack, Sample

X = np.array([[0.0], [1.0], [2.0], [3.0]])


def classifier(n_classes):
    y = np.arange(9) % n_classes
    return LogisticRegression().fit(np.arange(9.0)[:, None] % 5, y)


def slope_in_scores(sample, rows, proba, labels):
    """Return the derivative of the summed log loss by the scores of each row of X."""
    slope = np.zeros((len(rows), len(labels)))
    for x, label, weight in zip(
        sample.X[:, 0], sample.y, sample.sample_weight, strict=True
    ):
        place = int(np.flatnonzero(rows[:, 0] == x)[0])
        slope[place] += weight * (proba[place] - (labels == label))
    return slope


@settings(max_examples=40)
@given(
    n_classes=st.integers(2, 4),
    place=st.integers(0, 1),
    damping=st.sampled_from([0.0, 0.7]),
    v=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    weights=st.lists(st.floats(0, 2), min_size=4, max_size=4),
)
def test_rows_of_labels_have_the_slope(n_classes, place, damping, v, weights):
    """v_j in the probability of the positive class, for any number of classes."""
    model = classifier(n_classes)
    predictor = DeployedModel(model, "auto", model.classes_[place])
    sample = Sample(X, np.array([0, 1, 1, 0]), np.array(weights))
    pull_backs = [PullBack(X, np.array(v))]
    support = find_support(sample, sample, pull_backs)
    corrected = correct_labels(sample, support, np.array(v), predictor, damping)
    proba, labels = model.predict_proba(X), model.classes_
    told = np.arange(n_classes) == place
    by_score = (np.array(v) * proba[:, place])[:, None] * (told - proba)
    before = slope_in_scores(sample, X, proba, labels)
    after = slope_in_scores(corrected, X, proba, labels)
    assert_allclose(after - before, by_score, atol=1e-12)
    assert (corrected.sample_weight > 0).all()
    pairs = set(zip(corrected.X[:, 0], corrected.y, strict=True))
    assert len(pairs) == len(corrected.y)  # equal rows and labels are one row
    f, v = proba[:, place], np.array(v)
    added = corrected.sample_weight.sum() - (1 + damping) * np.sum(weights)
    more = np.where(v > 0, v * (1 - f), -v * f)
    assert more.sum() - abs(v).sum() - 1e-9 <= added <= more.sum() + 1e-9


def test_a_row_gets_lighter_by_up_to_half_before_one_is_added():
    """It has the same slope, and a learner that counts rows counts people."""
    y, taken = np.array([1, 1, 0, 0]), np.array([0.49, 0.51, 0.49, 0.51])
    model = LogisticRegression().fit(X, [0, 1, 0, 1])
    f = model.predict_proba(X)[:, 1]
    v = np.where(y, taken / f, -taken / (1 - f))
    sample = Sample(X, y)
    support = find_support(sample, sample, [PullBack(X, v)])
    corrected = correct_labels(sample, support, v, DeployedModel(model), 0.0)
    assert_array_equal(corrected.X[:, 0], [0, 1, 1, 2, 3, 3])
    assert_array_equal(corrected.y, [1, 0, 1, 0, 0, 1])
    added = v[1] * (1 - f[1]), -v[3] * f[3]
    expected = [0.51, added[0], 1, 0.51, 1, added[1]]
    assert_allclose(corrected.sample_weight, expected)


def test_rows_with_both_labels_keep_them_and_get_no_lighter():
    """No row would be saved, and what is added damps."""
    twice, v = np.vstack([X, X]), np.array([0.1, -0.1, 0.1, -0.1])
    sample = Sample(twice, np.repeat([0, 1], 4))
    base = Sample(X, np.zeros(4))
    support = find_support(base, sample, [PullBack(X, v)])
    predictor = DeployedModel(LogisticRegression().fit(X, [0, 1, 0, 1]))
    corrected = correct_labels(sample, support, v, predictor, 0.0)
    assert len(corrected.y) == 8
    assert (corrected.sample_weight >= 1).all()


def test_a_support_sums_columns_over_equal_rows():
    """Rows of a table that the sample has, and one that it has not."""
    sample = Sample(X[:2], np.zeros(2), groups=np.arange(2))
    moved = PullBack(X[[1, 3, 1]], np.zeros(3), groups=np.array([1, 3, 1]))
    support = find_support(sample, sample, [moved])
    values = np.arange(6.0).reshape(3, 2)
    expected = {0: [0, 0], 1: [4, 6], 3: [2, 3]}
    assert len(support.X) == 3
    for row, total in zip(support.X[:, 0], support.sum(1, values), strict=True):
        assert_array_equal(total, expected[row])


@settings(max_examples=40)
@given(
    n_outputs=st.integers(1, 2),
    damping=st.sampled_from([0.0, 2.0]),
    v=st.lists(st.floats(-3, 3), min_size=8, max_size=8),
    weights=st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=4, max_size=4),
)
def test_targets_have_the_slope(n_outputs, damping, v, weights):
    """Of rows without a weight, too."""
    if not any(weights):
        weights = [1.0] * 4
    y = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0], [3.0, 0.0]])[:, :n_outputs]
    v = np.reshape(v, (4, 2))[:, :n_outputs]
    if n_outputs == 1:
        y, v = y[:, 0], v[:, 0]
    model = LinearRegression().fit(X, y)
    sample = Sample(X, y, np.array(weights), groups=np.arange(4))
    support = find_support(sample, sample, [PullBack(X, v)])
    corrected = correct_targets(sample, support, v, DeployedModel(model), damping)

    def slope(of):
        errors = of.sample_weight * (2 * (model.predict(of.X) - of.y).T / n_outputs)
        return np.array([errors.T[of.X[:, 0] == x].sum(axis=0) for x in X[:, 0]])

    assert_allclose(slope(corrected), slope(sample) + v, atol=1e-9)
    assert (corrected.sample_weight >= 0).all()
    assert len(corrected.groups) == len(corrected.y)


def test_nothing_changes_where_nothing_reacts():
    predictor = DeployedModel(LinearRegression().fit(X, [0.0, 1.0, 0.0, 1.0]))
    sample = Sample(X, np.array([1.0, 0.0, 2.0, 0.0]))
    support = find_support(sample, sample, [PullBack(X, np.zeros(4))])
    corrected = correct_targets(sample, support, np.zeros(4), predictor, 0.0)
    assert_array_equal(corrected.y, sample.y)
    assert corrected.sample_weight is None


def test_people_are_kept_apart():
    """Two people with equal features stay two, with their own labels."""
    same = np.zeros((2, 1))
    base = Sample(same, np.array([0, 1]))
    seen = Sample(np.zeros((4, 1)), np.array([0, 1, 1, 0]), groups=np.array([0, 1] * 2))
    support = find_support(base, seen, [PullBack(same, np.zeros(2))])
    assert_array_equal(support.groups, [0, 1])
    assert_array_equal(support.places[0], [0, 1, 0, 1])
    unknown = find_support(base, seen._replace(groups=None), [PullBack(same, None)])
    assert unknown.groups is None
    assert len(unknown.first) == 1


def test_labels_given_as_persons_are_kept():
    base = Sample(X, np.array([0, 1, 0, 1]), groups=np.array(["a", "a", "b", "c"]))
    seen = Sample(np.vstack([X, X]), np.tile(base.y, 2), groups=np.tile(base.groups, 2))
    pull_back = PullBack(X, np.array([1.0, -1.0, 0.5, 0.0]), groups=base.groups)
    support = find_support(base, seen, [pull_back])
    predictor = DeployedModel(classifier(2))
    corrected = correct_labels(seen, support, pull_back.v, predictor, 0.0)
    people = dict(zip(X[:, 0], base.groups, strict=True))
    assert [people[x] for x in corrected.X[:, 0]] == corrected.groups.tolist()


def test_a_label_that_the_model_has_never_seen():
    model = LogisticRegression().fit(X, [0, 1, 0, 1])
    sample = Sample(X, np.array([0, 1, 2, 1]))
    support = find_support(sample, sample, [PullBack(X, np.ones(4))])
    corrected = correct_labels(sample, support, np.ones(4), DeployedModel(model), 0.5)
    assert corrected.sample_weight[corrected.y == 2].sum() == 1


def test_softmax_is_what_three_classes_have():
    """The slopes above are those of a softmax."""
    model = classifier(3)
    scores = model.decision_function(X)
    assert_allclose(model.predict_proba(X), softmax(scores, axis=1))
