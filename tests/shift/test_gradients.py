# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whose gradient is known, that it is right, and that nobody is taken for another."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    TweedieRegressor,
)
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC

from skperf.shift import Predictor
from skperf.shift._gradients import _linear_classes

# Which class is meant is not the point here.
pytestmark = pytest.mark.filterwarnings(
    "ignore::skperf.exceptions.PositiveClassWarning"
)

X, Y = make_classification(90, 4, random_state=0)
X = X * [1, 10, 0.1, 3] + [0, 5, 0, -2]
CLASSES = np.digitize(X[:, 3], np.quantile(X[:, 3], [0.3, 0.7]))


def slopes(score, X, step=1e-3):
    """Return the slopes of a score: exact for linear ones, up to 1e-16 / 1e-3."""
    moves = step * np.eye(X.shape[1])
    return np.column_stack([(score(X + h) - score(X - h)) / (2 * step) for h in moves])


def check_gradient(model, **settings):
    predictor = Predictor(model, **settings)
    gradient = predictor.gradient(X)
    assert_allclose(gradient, slopes(predictor.score, X), rtol=0, atol=1e-9)
    assert np.abs(gradient).max() > 1e-3


# Linear models


@pytest.mark.parametrize("kind", sorted(_linear_classes(), key=lambda c: c.__name__))
@pytest.mark.parametrize("y", [Y, CLASSES], ids=["two classes", "three classes"])
def test_known_linear_models(kind, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of solvers, on such data
        model = kind().fit(X, y)
    predictor = Predictor(model)
    assert predictor.gradient(X).strides[0] == 0
    check_gradient(model)
    if hasattr(model, "classes_"):
        check_gradient(model, pos_label=0)


def test_sparse_coefficients():
    check_gradient(LogisticRegression().fit(X, Y).sparsify())


def test_a_multi_label_classifier_has_several_scores():
    model = RidgeClassifier().fit(X, np.column_stack([Y, 1 - Y, CLASSES == 1]))
    assert_array_equal(Predictor(model).gradient(X)[0], model.coef_[2])


class Averaged(LinearClassifierMixin, BaseEstimator):
    """An estimator of one's own that scores as linear models do."""

    def fit(self, X, y):
        self.classes_, self.intercept_ = np.unique(y), np.zeros(1)
        self.coef_ = (X[y == 1].mean(axis=0) - X[y == 0].mean(axis=0))[None]
        return self


class Later(Ridge):
    def fit(self, X, y):
        return super().fit(X, y + 1.0)


@pytest.mark.parametrize("model", [Averaged(), Later()])
def test_whoever_scores_by_known_methods_is_linear(model):
    check_gradient(model.fit(X, Y))


class Shouted(LogisticRegression):
    def decision_function(self, X):
        return super().decision_function(X) ** 3


class Squared(Ridge):
    def predict(self, X):
        return super().predict(X) ** 2


class Exponential(Ridge):
    def _decision_function(self, X):
        return np.exp(super()._decision_function(X))


class Doubling(StandardScaler):
    def transform(self, X, copy=None):
        return super().transform(X, copy) ** 3


class Strange(Pipeline):
    def decision_function(self, X):
        return super().decision_function(X) ** 3


def with_method(estimator, name, function):
    """Return an estimator, one of whose methods was replaced on the instance."""
    setattr(estimator, name, function)
    return estimator


@pytest.mark.parametrize(
    "model",
    [
        Shouted(),
        Exponential(),
        Squared(),
        PoissonRegressor(),
        TweedieRegressor(power=1.5, link="log"),
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
        SVC(kernel="linear"),
        make_pipeline(Doubling(), LogisticRegression()),
        Strange([("model", LogisticRegression())]),
        make_pipeline(StandardScaler(), Strange([("model", LogisticRegression())])),
        make_pipeline(MinMaxScaler(clip=True), LogisticRegression()),
        make_pipeline(MaxAbsScaler(clip=True), LogisticRegression()),
        make_pipeline(QuantileTransformer(n_quantiles=10), LogisticRegression()),
        with_method(LogisticRegression(), "decision_function", lambda X: X[:, 0] ** 2),
        with_method(Ridge(), "predict", lambda X: X[:, 0] ** 2),
        make_pipeline(
            with_method(StandardScaler(), "transform", lambda X: X**3), Ridge()
        ),
        with_method(
            make_pipeline(StandardScaler(), LogisticRegression()),
            "decision_function",
            lambda X: X[:, 0] ** 2,
        ),
    ],
    ids=str,
)
def test_others_are_not_taken_for_linear_models(model):
    """Neither subclasses nor other methods, links, scalers and parameters."""
    assert Predictor(model.fit(X, Y)).gradient(X) is None


def test_a_class_of_the_same_name_is_another():
    namesake = type("StandardScaler", (StandardScaler,), {})
    model = make_pipeline(namesake(), LogisticRegression()).fit(X, Y)
    assert Predictor(model).gradient(X) is None


def test_a_parameter_that_nobody_looks_at(monkeypatch):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    params = model[0].get_params() | {"fold": 2}
    monkeypatch.setattr(StandardScaler, "get_params", lambda self, deep=True: params)
    assert Predictor(model).gradient(X) is None


@pytest.mark.parametrize(
    ("scaler", "param"),
    [(StandardScaler(), "with_std"), (RobustScaler(), "with_scaling")],
)
def test_a_scaler_that_no_longer_scales(scaler, param):
    model = make_pipeline(scaler, LogisticRegression()).fit(X, Y)
    model[0].set_params(**{param: False})
    check_gradient(model)


def test_pipelines_in_pipelines():
    inner = make_pipeline(MinMaxScaler(), None, LinearDiscriminantAnalysis())
    check_gradient(make_pipeline(RobustScaler(), "passthrough", inner).fit(X, Y))


# Models that tell their own


class Waves(ClassifierMixin, BaseEstimator):
    """Scores ``sin(x_0) + k x_1`` for the class k, or -1 and 1 times it for two."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        scores = [np.sin(X[:, 0]) + k * X[:, 1] for k in range(len(self.classes_))]
        return scores[1] if len(scores) == 2 else np.column_stack(scores)

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def __skperf_gradient__(self, X, output=1):
        gradient = np.zeros((len(X), 4))
        gradient[:, 0], gradient[:, 1] = np.cos(X[:, 0]), output
        return gradient


@pytest.mark.parametrize("y", [Y, CLASSES], ids=["two classes", "three classes"])
@pytest.mark.parametrize("pos_label", [0, 1, None])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_model_that_tells_its_gradient(y, pos_label, scaled):
    model = make_pipeline(StandardScaler(), MinMaxScaler()) if scaled else "passthrough"
    model = make_pipeline(model, Waves()).fit(X, y)
    predictor = Predictor(model, pos_label=pos_label)
    # third derivatives of 1 times a step of (1e-5)^2, up to 50 in units of a scaler
    expected = slopes(predictor.score, X, 1e-5)
    assert_allclose(predictor.gradient(X), expected, rtol=0, atol=1e-8)
    assert_array_equal(
        predictor.gradient(X, [3, 0]), predictor.gradient(X)[:, [3, 0]], strict=True
    )


class Flat(Waves):
    def decision_function(self, X):
        return np.zeros(len(X))


class Unsure(Waves):
    def __skperf_gradient__(self, X):
        return None


class Silent(Waves):
    __skperf_gradient__ = None


class Line(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        return self

    def predict(self, X):
        return 2 * X[:, 0]

    def __skperf_gradient__(self, X):
        return np.tile([2.0, 0, 0, 0], (len(X), 1))


class Steeper(Line):
    def predict(self, X):
        return 3 * X[:, 0]


@pytest.mark.parametrize(
    "model",
    [
        Flat(),
        Unsure(),
        Silent(),
        Steeper(),
        make_pipeline(StandardScaler(copy=False), Line()),
        make_pipeline(Doubling(), Line()),
        with_method(Waves(), "decision_function", lambda X: X[:, 1]),
        with_method(Line(), "__skperf_gradient__", None),
    ],
    ids=str,
)
def test_a_gradient_of_another_score(model):
    """A subclass that scores in another way has no gradient until it tells one."""
    known = Predictor(model.fit(X.copy(), Y)).gradient(X)
    if "__skperf_gradient__" in vars(model):  # looked up on the class
        assert_array_equal(known[:, 0], 2)
    else:
        assert known is None


def test_a_scaler_in_place_does_not_change_people():
    table = X.copy()
    model = make_pipeline(StandardScaler(copy=False), Line()).fit(X.copy(), Y)
    Predictor(model).gradient(table)
    assert_array_equal(table, X)
