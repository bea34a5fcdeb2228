# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Weights that get lost inside a meta-estimator are refused, and said to be."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.metrics import stability_gap
from skperf.shift import FunctionShift, ResampleIfRejected, Sample

X, Y = make_classification(200, 5, random_state=0)
SHIFT = ResampleIfRejected(0.3)
PLAIN = LogisticRegression()


class Turn(BaseEstimator):
    """A sampler that returns all rows in another order."""

    def fit_resample(self, X, y):
        return X[::-1], y[::-1]

    def fit(self, X, y):
        return self

    def transform(self, X):
        return X


class SamplingPipeline(Pipeline):
    """A pipeline in the manner of imbalanced-learn."""

    def __init__(self, steps):
        super().__init__(steps)

    def fit(self, X, y=None, **params):
        for _, step in self.steps[:-1]:
            X, y = step.fit_resample(X, y)
        (name, last) = self.steps[-1]
        last.fit(X, y, **{key.removeprefix(f"{name}__"): params[key] for key in params})
        return self

    def predict_proba(self, X):
        return self.steps[-1][1].predict_proba(X)

    def predict(self, X):
        return self.steps[-1][1].predict(X)


def sampling():
    return SamplingPipeline([("turn", Turn()), ("model", LogisticRegression())])


SAMPLING = [
    sampling(),
    make_pipeline(StandardScaler(), sampling()),
    GridSearchCV(sampling(), {"model__C": [0.1, 1.0]}, cv=2),
    CalibratedClassifierCV(sampling(), cv=2),
]


@pytest.mark.parametrize("estimator", SAMPLING)
def test_weights_do_not_pass_a_sampler(estimator):
    words = r"draws rows by Turn\.fit_resample.*whose they are.*'common'.*sampler out"
    with pytest.raises(ValueError, match=words):
        RepeatedRiskMinimizer(estimator, SHIFT).fit(X, Y)


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_rows_that_count_the_same_pass_a_sampler():
    drawn = ResampleIfRejected(0.3, resampling="common")
    model = RepeatedRiskMinimizer(sampling(), drawn, random_state=0, tol=0.05)
    plain = RepeatedRiskMinimizer(PLAIN, drawn, random_state=0, tol=0.05)
    found, expected = (m.fit(X, Y).predict_proba(X) for m in (model, plain))
    assert_allclose(found, expected, atol=1e-4)
    equal = FunctionShift(lambda X, y, y_pred: Sample(X, y, np.full(len(y), 2.0)))
    assert RepeatedRiskMinimizer(sampling(), equal).fit(X, Y).converged_


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_mixtures_draw_rows_for_a_sampler():
    drawn = ResampleIfRejected(0.3, resampling="drawn")
    model = AffineRiskMinimizer(sampling(), drawn, window=2, max_iter=3, random_state=0)
    with pytest.warns(UserWarning, match="not stable"):
        model.fit(X, Y)
    assert model.history_["n_rows"].tolist() == [200, 400, 400]


@pytest.mark.parametrize(
    "inner",
    [
        make_pipeline(StandardScaler(), PLAIN),
        GridSearchCV(PLAIN, {"C": [0.1, 1.0]}, cv=2),
        KNeighborsClassifier(),
    ],
)
@pytest.mark.parametrize(
    "wrap", [lambda model: model, lambda model: Pipeline([("m", model)])]
)
def test_weights_that_are_not_handed_on(inner, wrap):
    estimator = wrap(CalibratedClassifierCV(inner, cv=2))
    words = (
        "does not hand it on.*resampling='common'.*set_fit_request.*scikit-learn says"
    )
    with pytest.raises(ValueError, match=words):
        RepeatedRiskMinimizer(estimator, SHIFT).fit(X, Y)
    with pytest.raises(ValueError, match=words):
        stability_gap(estimator.fit(X, Y), SHIFT, X, Y)


def test_weights_that_are_handed_on():
    model = RepeatedRiskMinimizer(CalibratedClassifierCV(PLAIN, cv=2), SHIFT)
    assert model.fit(X, Y).converged_
    # draws its rows by the weights
    bag = BaggingClassifier(KNeighborsClassifier(), random_state=0)
    RepeatedRiskMinimizer(bag, SHIFT, tol=0.2, max_iter=5).fit(X, Y)


CATEGORIES = np.column_stack([X, np.digitize(X[:, 0], [-1, 0, 1])])
ENCODERS = [
    make_pipeline(TargetEncoder(cv=2), PLAIN),
    make_pipeline(
        make_column_transformer((TargetEncoder(cv=2), [5]), remainder="passthrough"),
        PLAIN,
    ),
    GridSearchCV(
        make_pipeline(TargetEncoder(cv=2), PLAIN),
        {"logisticregression__C": [1]},
        cv=2,
    ),
]


@pytest.mark.exact
@pytest.mark.filterwarnings("ignore:Retraining is not stable")
@pytest.mark.parametrize("estimator", ENCODERS)
def test_encoders_of_the_target_get_no_weights(estimator):
    words = "step (TargetEncoder|ColumnTransformer) learns from y.*'common'"
    shift = ResampleIfRejected(0.3)
    with pytest.warns(UserWarning, match=words):
        RepeatedRiskMinimizer(estimator, shift, max_iter=1).fit(CATEGORIES.round(), Y)


def test_steps_that_do_not_learn_from_the_target_give_no_warning():
    RepeatedRiskMinimizer(make_pipeline(StandardScaler(), PLAIN), SHIFT).fit(X, Y)


@pytest.mark.filterwarnings("ignore::skperf.exceptions.RepeatedPersonsWarning")
def test_stacking_has_a_predict_once_it_is_fitted():
    """Its default final estimator is made in fit."""
    drawn = ResampleIfRejected(0.3, resampling="common")
    stack = StackingClassifier([("plain", PLAIN)])
    model = RepeatedRiskMinimizer(stack, drawn, random_state=0, tol=1).fit(X, Y)
    assert model.predict(X).shape == (200,)


class Learning(TransformerMixin, BaseEstimator):
    """A step that learns from the targets, with weights."""

    def fit(self, X, y, sample_weight=None):
        return self

    def transform(self, X):
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


@pytest.mark.usefixtures("_routing")
def test_routing_brings_weights_to_the_steps():
    step = Learning().set_fit_request(sample_weight=True)
    steps = make_pipeline(
        step, LogisticRegression().set_fit_request(sample_weight=True)
    )
    RepeatedRiskMinimizer(steps, SHIFT, tol=1).fit(X, Y)


@pytest.fixture
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("_routing")
def test_routing_that_nobody_asked_for():
    """As in the pipeline of the README, with routing on."""
    steps = make_pipeline(StandardScaler(), LogisticRegression())
    words = r"routing is on: call set_fit_request\(sample_weight=True\) of the step"
    with pytest.raises(ValueError, match=words):
        RepeatedRiskMinimizer(steps, SHIFT).fit(X, Y)
