# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.metrics import make_performative_scorer, performative_risk


@pytest.fixture
def data():
    return make_classification(
        200,
        n_features=5,
        n_informative=3,
        n_redundant=0,
        shuffle=False,
        random_state=2,
    )


SHIFT = ResampleIfRejected(0.5, strategic_features=[0])


def test_score_is_minus_the_performative_risk(data):
    model = LogisticRegression().fit(*data)
    score = make_performative_scorer("neg_log_loss", SHIFT)(model, *data)
    risk = performative_risk(model, SHIFT, *data, random_state=0)
    assert score == pytest.approx(-risk, rel=1e-12)


def test_search_finds_the_best_model_on_its_own_data(data):
    X, y = data
    grid = {"C": [0.01, 1.0]}
    induced = make_performative_scorer("neg_log_loss", SHIFT)
    search = GridSearchCV(LogisticRegression(), grid, scoring=induced, cv=3).fit(X, y)
    ordinary = GridSearchCV(
        LogisticRegression(), grid, scoring="neg_log_loss", cv=3
    ).fit(X, y)
    by_hand = [
        cross_val_score(LogisticRegression(C=C), X, y, scoring=induced, cv=3).mean()
        for C in grid["C"]
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], by_hand)
    assert search.best_params_ == {"C": 0.01}
    assert ordinary.best_params_ == {"C": 1.0}


def test_candidates_meet_the_same_random_numbers(data):
    drawn = clone(SHIFT).set_params(resampling="drawn")
    model = LogisticRegression().fit(*data)
    fixed = make_performative_scorer("accuracy", drawn)
    assert fixed(model, *data) == fixed(model, *data)
    fresh = make_performative_scorer("accuracy", drawn, random_state=None)
    assert len({fresh(model, *data) for _ in range(20)}) > 1


def test_tunes_a_minimizer_inside_a_search(data):
    search = GridSearchCV(
        RepeatedRiskMinimizer(LogisticRegression(), SHIFT),
        {"estimator__C": [0.01, 1.0]},
        scoring=make_performative_scorer("neg_log_loss", SHIFT),
        cv=3,
    ).fit(*data)
    assert search.best_estimator_.converged_


def test_scorer_objects_weights_and_pickle(data):
    X, y = data
    weights = np.random.RandomState(0).randint(0, 3, size=len(y))
    scoring = make_scorer(
        log_loss, response_method="predict_proba", greater_is_better=False
    )
    scorer = pickle.loads(
        pickle.dumps(make_performative_scorer(scoring, ResampleIfRejected(0.5)))
    )
    model = LogisticRegression().fit(X, y)
    copies = np.repeat(X, weights, axis=0), np.repeat(y, weights)
    assert scorer(model, X, y, sample_weight=weights) == pytest.approx(
        scorer(model, *copies), rel=1e-12
    )


def test_routes_weights_as_the_underlying_scorer_asks(data):
    X, y = data
    weights = np.random.RandomState(0).uniform(size=len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        scoring = sklearn.metrics.get_scorer("accuracy").set_score_request(
            sample_weight=True
        )
        model = LogisticRegression().set_fit_request(sample_weight=True)
        scorer = make_performative_scorer(scoring, ResampleIfRejected(0.5))
        weighted = cross_val_score(
            model, X, y, scoring=scorer, params={"sample_weight": weights}
        )
        fit_only = make_scorer_without_request()
        unweighted = cross_val_score(
            model, X, y, scoring=fit_only, params={"sample_weight": weights}
        )
    assert not np.allclose(weighted, unweighted)


def make_scorer_without_request():
    scoring = sklearn.metrics.get_scorer("accuracy").set_score_request(
        sample_weight=False
    )
    return make_performative_scorer(scoring, ResampleIfRejected(0.5))


def test_unknown_score_is_an_error_at_once():
    with pytest.raises(ValueError, match="no_such_score"):
        make_performative_scorer("no_such_score", SHIFT)
