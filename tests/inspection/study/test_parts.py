# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Parts of a study: splits, groups, draws and decisions."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GroupKFold, KFold

from skperf.inspection._study._decision import may_be_best
from skperf.inspection._study._draws import draw_ratios
from skperf.inspection._study._people import find_groups, number_persons, take_persons
from skperf.inspection._study._play import Ending
from skperf.inspection._study._splits import split_people
from skperf.inspection._study._tables import ending_columns
from skperf.metrics._figures import interval

Y = np.repeat([0, 1], [90, 30])


@pytest.mark.parametrize("classifier", [True, False])
@given(
    seed=st.integers(0, 1000), cv=st.sampled_from([None, 2, 3]), most=st.integers(1, 4)
)
def test_persons_are_never_on_both_sides(classifier, seed, cv, most):
    rng = np.random.default_rng(seed)
    persons = rng.permutation(np.repeat(np.arange(120), most)[:120])
    assert persons.max() + 1 == len(set(persons))
    y = Y if classifier else Y + rng.normal(size=120)
    splits = split_people(cv, y, persons, classifier=classifier, random_state=seed)
    assert len(splits) == (1 if cv is None else cv)
    for train, test in splits:
        assert not set(persons[train]) & set(persons[test])
        assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(120))
    if cv is not None:
        assert_array_equal(
            np.sort(np.concatenate([test for _, test in splits])), np.arange(120)
        )


def test_people_are_stratified_by_their_rarest_class():
    """One row in 50 is bad, and each is of another person of three rows."""
    persons = np.repeat(np.arange(200), 3)
    y = np.full(600, "good")
    y[:36:3] = "bad"
    ((_, test),) = split_people(None, y, persons, classifier=True, random_state=0)
    assert (y[test] == "bad").sum() == 3
    assert len(test) == 150


def test_a_quarter_is_held_out_and_classes_are_stratified():
    for persons in (np.arange(120), np.repeat(np.arange(60), 2)):
        ((_, test),) = split_people(None, Y, persons, classifier=True, random_state=0)
        assert abs(len(test) - 30) <= 2
        assert abs(Y[test].mean() - 0.25) < 0.05


def test_a_splitter_is_used_as_it_is():
    persons = np.repeat(np.arange(40), 3)
    splits = split_people(GroupKFold(4), Y, persons, classifier=True, random_state=0)
    assert [len(test) for _, test in splits] == [30] * 4
    with pytest.raises(ValueError, match="on both sides"):
        split_people(
            KFold(4, shuffle=True, random_state=0),
            Y,
            persons,
            classifier=True,
            random_state=0,
        )


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_a_column_of_ids_leaves_the_features(kind):
    X = kind({"a": [1, 2, 3], "id": ["u", "v", "u"], "b": [0.0, 1.0, 2.0]})
    features, persons = take_persons(X, "id")
    assert list(features.columns) == ["a", "b"]
    assert type(features) is kind
    assert_array_equal(number_persons(persons, 3), [0, 1, 0])
    assert_array_equal(number_persons(None, 3), [0, 1, 2])
    assert len(set(number_persons(np.array([1, "1", (2,)], object), 3))) >= 2


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_groups_of_a_column(kind):
    X = kind({"region": ["west", "east", None, "west"]})
    groups = find_groups(X, "region")
    assert list(groups) == ["east", "west", "missing"]
    assert_array_equal(groups["west"], [True, False, False, True])
    assert_array_equal(groups["missing"], [False, False, True, False])


def test_categories_keep_their_order():
    sizes = pd.Categorical(
        ["small", "large", "small"], ["small", "medium", "large"], ordered=True
    )
    assert list(find_groups(np.zeros((3, 1)), pd.Series(sizes))) == ["small", "large"]
    numbers = find_groups(np.zeros((3, 1)), [10, 9, 9])
    assert list(numbers) == ["9", "10"]
    assert list(find_groups(np.zeros((2, 1)), np.array([1, "b"], object))) == ["1", "b"]


def test_ratios_and_their_intervals():
    top, bottom = np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 2.0])
    drawn = draw_ratios({"a": np.array([top, bottom])}, 250, 3)["a"]
    rng = np.random.RandomState(3)
    counts = [np.bincount(rng.randint(3, size=3), minlength=3) for _ in range(250)]
    expected = [c @ top / (c @ bottom) for c in counts]
    assert_allclose(drawn, [9 / 4, *expected])
    value, low, high = interval(drawn, 0.8)
    assert_allclose([value, low, high], [9 / 4, *np.quantile(expected, [0.1, 0.9])])
    empty = draw_ratios({"b": np.array([[1.0, 0, 0], [1.0, 0, 0]])}, 50, 0)["b"]
    assert np.isnan(empty[1:]).any()
    assert interval(np.array([2.0]), 0.9)[0] == 2
    assert draw_ratios({}, 5, 0) == {}


def test_all_splits_have_to_settle():
    """A row of the tables says the worst of them."""
    settled = {"round": 2, "risk": 0.5, "interval": (0.4, 0.6)}
    converged = Ending("converged", 3, 1e-5, None, {})
    flips = Ending("settled in risk", 10, 0.2, settled, {})
    slow = Ending("slow", 8, 0.1, None, {})
    row = ending_columns([converged, slow])
    assert (row["settled"], row["diagnosis"]) == (False, "converged, slow")
    assert (row["rounds"], row["residual"]) == (8, 0.1)
    row = ending_columns([flips, converged])
    assert row["settled"]
    assert np.isnan(row["settled_risk"])
    row = ending_columns([flips, flips._replace(settled=settled | {"risk": 0.7})])
    assert (row["settled_round"], row["settled_risk"]) == (2, pytest.approx(0.6))


def losses(*means, scale=1.0):
    """Return models whose losses share most of their noise."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=1000)
    return np.array(
        [
            [mean, *(mean + common + 0.1 * scale * rng.normal(size=1000))]
            for mean in means
        ]
    )


def test_paired_differences_decide_not_levels():
    """Noise of size 1 is common; that of a difference is .14, and 3 of it is .42."""
    assert_array_equal(may_be_best(losses(5, 5.1), 0.95), [True, True])
    assert_array_equal(may_be_best(losses(5, 6), 0.95), [True, False])
    assert_array_equal(may_be_best(losses(6, 5, 5.05), 0.95), [False, True, True])


def test_equal_models_cannot_be_told_apart():
    (one,) = losses(5)
    assert_array_equal(may_be_best(np.array([one, one, one + 1e-3]), 0.95), [1, 1, 0])


def test_many_models_are_all_compared():
    """The worst of many chance differences is larger than the one of two models."""
    two = 0.1 * np.sqrt(2) * 2.2
    assert_array_equal(may_be_best(losses(0, two), 0.95), [True, False])
    many = losses(*[0.0] * 8, two)
    assert may_be_best(many, 0.95).all()


def test_the_level_is_kept():
    """Of equal models all are kept in about 95 of 100 studies."""
    rng = np.random.default_rng(0)
    kept = []
    for _ in range(150):
        people = rng.normal(size=(4, 80))
        counts = rng.multinomial(80, np.full(80, 1 / 80), size=200)
        drawn = np.column_stack([people.mean(axis=1), people @ counts.T / 80])
        kept.append(may_be_best(drawn, 0.95).all())
    assert 0.87 < np.mean(kept) < 0.99  # four standard errors
