# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import pickle

import numpy as np
import pytest

from skperf.retraining import MemoryStore, Snapshot
from skperf.shift import Sample

SAMPLE = Sample(np.ones((2, 1)), np.array([0, 1]))
Y_PRED = np.array([0.2, 0.8])


def filled(*periods):
    store = MemoryStore()
    for number, period in enumerate(periods):
        meta = {"residual": np.full(2, float(number)), "n_models": number + 1}
        store = store.append(period, SAMPLE, Y_PRED, meta)
    return store


def test_a_store_is_a_value():
    empty = MemoryStore()
    one = empty.append("May", SAMPLE, Y_PRED, {})
    assert len(empty) == 0
    assert len(one) == 1
    assert one[:] == (Snapshot(SAMPLE, Y_PRED, None, 1, "May"),)


def test_windows():
    store = filled("May", "June", "July")
    assert [s.period for s in store[-2:]] == ["June", "July"]
    assert [s.n_models for s in store[:]] == [1, 2, 3]


def test_keep_forgets_the_others():
    store = filled("May", "June")
    assert [s.period for s in store.keep(store[-1:])[:]] == ["June"]
    assert len(store) == 2


def test_meta():
    store = filled("May", "June")
    assert store.meta("June")["n_models"] == 2
    assert store.meta("June")["residual"].tolist() == [1.0, 1.0]
    with pytest.raises(KeyError, match="April"):
        store.meta("April")


def test_what_is_kept_can_be_read():
    store = filled("May", "June")
    assert store.periods() == ("May", "June")
    assert store.read("May") is SAMPLE
    assert store.read("May", "June").y.tolist() == [0, 1, 0, 1]
    for periods in ((), ("July",)):
        with pytest.raises(ValueError, match=r"expected some of \('May', 'June'\)"):
            store.read(*periods)


def test_older_models_are_not_kept():
    with pytest.raises(KeyError):
        filled("May").of_round(0)


def test_what_was_logged_stays_through_a_round():
    rows = np.ones((2, 1))
    store = MemoryStore().log(rows, Y_PRED, [3, 4], "May").label([4], [1])
    store = store.append("May", SAMPLE, Y_PRED, {})
    store = store.keep(store[:])
    rows[:] = 0  # a buffer that is refilled
    with pytest.warns(UserWarning, match="1 of 2 rows of 'May' have no label"):
        labelled = store.labelled("May")
    assert labelled["X"].tolist() == [[1.0]]
    assert labelled["groups"].tolist() == [4]


def test_pickle():
    store = pickle.loads(pickle.dumps(filled("May", "June")))
    assert [s.period for s in store[:]] == ["May", "June"]
