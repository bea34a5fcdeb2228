# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which parameters were set since a model was trained: told by value."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skperf.retraining._changes import changed_params

PIPE = make_pipeline(StandardScaler(), LogisticRegression())


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (LogisticRegression(), {}),
        (LogisticRegression(), {"C": 2.0}),
        (GaussianNB(priors=np.array([0.5, 0.5])), {}),
        (GaussianNB(priors=np.array([0.5, 0.5])), {"priors": np.array([0.4, 0.6])}),
        (GaussianNB(), {"priors": [0.4, 0.6]}),
        (PIPE, {"logisticregression__C": 2.0, "standardscaler__with_mean": False}),
        (LogisticRegression(C=1), {"C": 1.0}),  # another type is another value
        (LogisticRegression(class_weight={0: 1.0}), {"class_weight": {0: 2.0}}),
    ],
)
def test_changes_are_told_by_value(model, changes):
    changed = clone(model).set_params(**changes)
    found = changed_params(changed, model)
    assert found.keys() == changes.keys()
    for name, value in changes.items():
        assert found[name] is changed.get_params()[name]
        np.testing.assert_equal(found[name], value)


@pytest.mark.parametrize(
    ("estimator", "model"),
    [
        (Ridge(), LogisticRegression()),
        (PIPE, make_pipeline(MinMaxScaler(), LogisticRegression())),
        (PIPE, make_pipeline(StandardScaler(), DecisionTreeClassifier())),
        (PIPE, make_pipeline(LogisticRegression())),
    ],
)
def test_another_kind_of_estimator(estimator, model):
    assert changed_params(estimator, model) is None


def test_a_generator_goes_on():
    model = DecisionTreeClassifier(random_state=np.random.RandomState(0))
    other = DecisionTreeClassifier(random_state=np.random.RandomState(1))
    assert changed_params(other, model) == {}
