# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A minimizer is stored as one dict, and goes on from it exactly."""

import pickle
from copy import copy, deepcopy

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.callback import ProgressBar
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import Dice, ResampleIfRejected

X, Y = make_classification(100, 4, random_state=0)


@pytest.fixture
def minimizer():
    return AffineRiskMinimizer(LogisticRegression(), window=3, coefficients="anderson")


def test_an_unfitted_minimizer(minimizer):
    stored = minimizer.__getstate__()
    assert stored == {
        "version": 2,
        "params": minimizer.get_params(deep=False),
        "attached": {},
    }


def test_what_is_stored_after_fit():
    shift = ResampleIfRejected(0.9, resampling="drawn")
    model = RepeatedRiskMinimizer(
        LogisticRegression(), shift, max_iter=5, tol=0.5, random_state=0
    ).fit(X, Y)
    stored = model.__getstate__()
    assert stored["model"] is model.estimator_
    assert stored["pos_label"] == 1
    assert stored["round"] == model.n_iter_
    assert stored["history"] is model.history_
    # the dice of the next round
    assert isinstance(stored["state"], Dice)
    assert stored["state"].round == model.n_iter_
    assert stored["path"] is stored["schema"] is None
    assert "diagnosis_" in stored["verdict"]


def test_what_is_stored_after_partial_fit(minimizer):
    minimizer.partial_fit(X, Y, period="May").partial_fit(X, 1 - Y, period="June")
    stored = minimizer.__getstate__()
    assert stored["periods"] == ("May", "June")
    assert stored["schema"].container == "array"
    assert [s.period for s in stored["path"]["store"][:]] == ["June"]
    assert "predictor" not in stored["path"]


@pytest.mark.parametrize("copied", [copy, deepcopy, lambda m: loads(dumps(m))])
@pytest.mark.parametrize("n_before", [0, 1, 4])
def test_a_copy_goes_on_exactly(minimizer, copied, n_before):
    def live(model, n_periods):
        for _ in range(n_periods):
            weights = 1.5 - model.predict_proba(X)[:, 1]
            model.partial_fit(X, Y, sample_weight=weights)

    minimizer.partial_fit(X, Y)
    live(minimizer, n_before)
    other = copied(minimizer)
    live(minimizer, 3)
    live(other, 3)
    assert_array_equal(other.predict_proba(X), minimizer.predict_proba(X))
    assert other.diagnosis_ == minimizer.diagnosis_
    for name in minimizer.history_.keys() - {"fit_time"}:
        assert_array_equal(other.history_[name], minimizer.history_[name])


dumps, loads = pickle.dumps, pickle.loads


def test_answers_that_are_kept_for_a_round_are_not_stored(minimizer):
    """The pickle holds the base population once, and no losses of it."""
    rows, labels = np.repeat(X, 50, axis=0), np.repeat(Y, 50)
    minimizer.partial_fit(rows, labels)
    size = len(dumps(minimizer))
    # the population, and predictions on it
    assert size < rows.nbytes + 2 * labels.nbytes + 10_000


def test_what_scikit_learn_attaches_is_kept(minimizer):
    sklearn.set_config(enable_metadata_routing=True)
    minimizer.set_callbacks(ProgressBar())
    minimizer.set_fit_request(sample_weight=True)
    again = deepcopy(minimizer.partial_fit(X, Y))
    assert again.get_metadata_routing() is not None
    attached = again.__getstate__()["attached"]
    assert {"_skl_callbacks", "_metadata_request"} <= attached.keys()


def test_what_was_stored_before_paths_knew_more_goes_on(minimizer):
    """Fields that a path has got since then have their defaults."""
    stored = minimizer.partial_fit(X, Y).__getstate__()
    del stored["path"]["at_rest"]
    again = AffineRiskMinimizer(LogisticRegression())
    again.__setstate__(stored)
    assert again.partial_fit(X, 1 - Y).n_iter_ == 1


@pytest.mark.parametrize("version", [None, 1, 3])
def test_another_version_is_refused(minimizer, version):
    stored = minimizer.__getstate__() | {"version": version}
    with pytest.raises(ValueError, match=f"version {version} of the format; expected"):
        AffineRiskMinimizer(LogisticRegression()).__setstate__(stored)
