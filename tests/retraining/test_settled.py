# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest

from skperf.retraining._settled import risk_errors, settled_risk
from skperf.shift import Sample


def make_path(risks, *, paired, n=500, seed=0):
    """Return a record and the errors of rounds with these mean losses."""
    rng = np.random.default_rng(seed)
    persons = rng.normal(size=n)
    errors, means = [], []
    for risk in risks:
        own = 0.01 * rng.normal(size=n) if paired else rng.normal(size=n)
        losses = risk + (persons if paired else 0) + own
        errors.append(risk_errors(losses, Sample(np.empty((n, 0)), losses)))
        means.append(losses.mean())
    ones = np.ones(len(risks))
    history = {"risk_before": np.array(means)}
    return history | {"prediction_gap": ones, "two_back_gap": ones}, errors


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_those_of_the_mean(weighted):
    rng = np.random.default_rng(0)
    losses = rng.normal(size=300)
    weights = rng.uniform(0.5, 2, size=300) if weighted else np.ones(300)
    people = np.arange(300) // 3
    seen = Sample(losses[:, None], losses, weights if weighted else None, people)
    total = weights.sum()
    by_person = np.bincount(people, weights * (losses - weights @ losses / total))
    expected = np.sqrt((by_person**2).sum()) / total
    assert np.linalg.norm(risk_errors(losses, seen)) == pytest.approx(expected)


def test_persons_by_name():
    losses = np.random.default_rng(0).normal(size=12)
    people = np.arange(12) // 3
    seen = [
        Sample(losses[:, None], losses, None, g) for g in (people, people.astype(str))
    ]
    first, second = (risk_errors(losses, sample) for sample in seen)
    np.testing.assert_allclose(first, second, atol=1e-15)


@pytest.mark.parametrize("n", [1, 996, 997, 998, 3000])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_without_persons_are_persons_in_their_order(n, weighted):
    """The errors of row i are summed with those of row i + 997, however it is done."""
    rng = np.random.default_rng(n)
    losses = rng.normal(size=n)
    weights = rng.uniform(0.5, 2, size=n) if weighted else None
    shuffled = rng.permutation(n)
    taken = None if weights is None else weights[shuffled]
    by_count = risk_errors(
        losses[shuffled], Sample(losses[:, None], losses, taken, shuffled)
    )
    for groups in (None, np.arange(n)):
        seen = Sample(losses[:, None], losses, weights, groups)
        np.testing.assert_allclose(risk_errors(losses, seen), by_count, atol=1e-14)


def test_pairs_see_what_independent_people_hide():
    risks = [1.0, 0.9, 0.8, 0.75, 0.75, 0.75, 0.75, 0.75]
    history, errors = make_path(risks, paired=True)
    assert settled_risk(history, errors)["round"] == 4
    history, errors = make_path(np.array(risks), paired=False, n=50)
    assert settled_risk(history, errors)["round"] < 4


def test_all_later_rounds_count():
    """The next one too, and the risk and its interval are theirs and the round's."""
    history, errors = make_path([1.0, 0.2, 1.0, 1.0, 1.0, 1.0], paired=True)
    found = settled_risk(history, errors)
    assert found["round"] == 3
    assert found["risk"] == pytest.approx(history["risk_before"][2:].mean())
    width = 2 * np.linalg.norm(np.mean(errors[2:], axis=0))
    low, high = found["interval"]
    assert found["risk"] - low == pytest.approx(width) == high - found["risk"]


@pytest.mark.parametrize(("change", "expected"), [(1.9, 1), (2.1, 2)])
def test_two_standard_errors(change, expected):
    """One group of persons alone has errors: 1 in the first round, none later."""
    errors = [np.append(e, np.zeros(9)) for e in ([1.0], [0.0], [0.0], [0.0], [0.0])]
    errors[2:] = [np.append([1e-6 * i], np.zeros(9)) for i in range(3)]
    ones = np.ones(5)
    history = {"risk_before": np.array([0.0, *[change] * 4])}
    history |= {"prediction_gap": ones, "two_back_gap": ones}
    found = settled_risk(history, errors)
    assert found is not None
    assert found["round"] == expected


@pytest.mark.parametrize(("ratio", "settles"), [(1.65, True), (1.75, False)])
def test_moves_in_one_direction_are_no_rest(ratio, settles):
    history, errors = make_path([0.75] * 6, paired=False)
    history["two_back_gap"] = np.array([np.nan, *[ratio] * 5])
    assert (settled_risk(history, errors) is not None) == settles


@pytest.mark.parametrize("n_rounds", [0, 1, 3])
def test_three_rounds_must_follow(n_rounds):
    history, errors = make_path([0.75] * n_rounds, paired=False)
    history["two_back_gap"] = np.ones(n_rounds)
    assert settled_risk(history, errors) is None
    history, errors = make_path([0.75] * 4, paired=False)
    assert settled_risk(history, errors)["round"] == 1
