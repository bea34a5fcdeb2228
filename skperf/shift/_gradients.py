# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Gradients that are known: of linear models and of models that tell their own.

A linear model is known by the very methods that make its score, those of the classes
in the table below, so that a subclass counts until it scores in another way. A scaler
is known by its class and all of its parameters. Whoever is not known gets differences.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, is_classifier

from skperf.shift._sample import Floats, Table
from skperf.utils._arrays import to_numpy

#: Those whose prediction, or decision function, is ``X @ coef_.T + intercept_``.
_LINEAR = {
    "sklearn.discriminant_analysis": ["LinearDiscriminantAnalysis"],
    "sklearn.linear_model": [
        "ARDRegression",
        "BayesianRidge",
        "ElasticNet",
        "ElasticNetCV",
        "HuberRegressor",
        "Lars",
        "LarsCV",
        "Lasso",
        "LassoCV",
        "LassoLars",
        "LassoLarsCV",
        "LassoLarsIC",
        "LinearRegression",
        "LogisticRegression",
        "LogisticRegressionCV",
        "OrthogonalMatchingPursuit",
        "OrthogonalMatchingPursuitCV",
        "Perceptron",
        "QuantileRegressor",
        "Ridge",
        "RidgeCV",
        "RidgeClassifier",
        "RidgeClassifierCV",
        "SGDClassifier",
        "SGDRegressor",
        "TheilSenRegressor",
    ],
    "sklearn.svm": ["LinearSVC", "LinearSVR"],
}

#: All parameters of known scalers that may change what `transform` does. One that is
#: not listed, of a later scikit-learn, makes the scaler an unknown one.
_SCALERS = {
    "MaxAbsScaler": {"clip", "copy"},
    "MinMaxScaler": {"clip", "copy", "feature_range"},
    "RobustScaler": {
        "copy",
        "quantile_range",
        "unit_variance",
        "with_centering",
        "with_scaling",
    },
    "StandardScaler": {"copy", "with_mean", "with_std"},
}

#: What makes the score. An instance may have its own.
_SCORES = {"decision_function", "predict"}


def score_gradient(estimator: BaseEstimator, X: Table, position: int) -> Floats | None:
    """Return the gradient of the score, or None where it is not known.

    Parameters
    ----------
    estimator : estimator
        A fitted model, or a Pipeline of scalers and a model.

    X : table
        Features.

    position : int
        That of the class whose score it is; 0 for a regressor.

    Returns
    -------
    gradient : ndarray of shape (n_features,) or (n_samples, n_features), or None
        One row where it is the same everywhere.
    """
    *scalers, model = model_steps(estimator)
    factor = scale_of(scalers)
    if factor is None:
        return None
    if is_linear(model):
        gradient = _coefficients(model, position)
    else:
        gradient = _own_gradient(scalers, model, X, position)
    return gradient if gradient is None or not scalers else gradient * factor


def model_steps(estimator: BaseEstimator) -> list[BaseEstimator]:
    """Return the steps of a Pipeline, and of one inside, that do something."""
    # here, since `import skperf` would pay for it
    from sklearn.pipeline import Pipeline

    if type(estimator) is not Pipeline or vars(estimator).keys() & _SCORES:
        return [estimator]
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    return [inner for step in steps for inner in model_steps(step)]


@cache
def _linear_classes() -> frozenset[type]:
    return frozenset(
        getattr(import_module(module), name)
        for module, names in _LINEAR.items()
        for name in names
    )


def is_linear(model: BaseEstimator) -> bool:
    """Return whether the score is made by nothing but known methods."""
    if is_classifier(model):
        made_by = ["decision_function"]
    else:  # `predict` of linear regressors returns the other
        made_by = ["predict", "_decision_function"]
    own = vars(model).keys() & made_by
    return not own and all(
        getattr(type(model), name, None) in _linear_methods(name) for name in made_by
    )


@cache
def _linear_methods(name: str) -> frozenset[object]:
    """Return the known methods of a name."""
    kinds = [kind for kind in _linear_classes() if hasattr(kind, name)]
    return frozenset(getattr(kind, name) for kind in kinds)


def _coefficients(model: BaseEstimator, position: int) -> Floats | None:
    """Return the coefficients of the one score, or None if there are several."""
    coef = model.coef_.toarray() if sparse.issparse(model.coef_) else model.coef_
    coef = np.atleast_2d(to_numpy(coef, float))
    if len(coef) == 1:
        return _signed(model, coef[0], position)
    return coef[position] if is_classifier(model) else None


def _signed(model: BaseEstimator, gradient: Floats, position: int) -> Floats:
    """Return the gradient of the score of the other class if that is asked for."""
    return -gradient if is_classifier(model) and position == 0 else gradient


def scale_of(scalers: Sequence[BaseEstimator]) -> Floats | float | None:
    """Return what scalers multiply columns by, or None if one does more than that."""
    factor: Floats | float = 1.0
    for scaler in scalers:
        scale = _scale(scaler)
        if scale is None:
            return None
        factor = factor * scale
    return factor


def _scale(scaler: BaseEstimator) -> Floats | float | None:
    """Return what a scaler multiplies columns by, or None if it does more than that."""
    from sklearn import preprocessing

    kind = type(scaler)
    known = _SCALERS.get(kind.__name__)
    if known is None or getattr(preprocessing, kind.__name__) is not kind:
        return None
    params = scaler.get_params(deep=False)
    # a scaler that works in place would change the population
    plain = params.keys() <= known and params["copy"] and not params.get("clip")
    if not plain or "transform" in vars(scaler):
        return None
    if kind is preprocessing.MinMaxScaler:
        return scaler.scale_
    scales = params.get("with_std", params.get("with_scaling", True))
    return 1 / scaler.scale_ if scales else 1.0


def _own_gradient(
    scalers: list[BaseEstimator], model: BaseEstimator, X: Table, position: int
) -> Floats | None:
    """Return what the model's ``__skperf_gradient__`` says of scaled X."""
    if not tells(model, "__skperf_gradient__"):
        return None
    for scaler in scalers:
        X = scaler.transform(X)
    if is_classifier(model) and len(model.classes_) > 2:
        return type(model).__skperf_gradient__(model, X, position)
    gradient: Floats | None = type(model).__skperf_gradient__(model, X)
    if gradient is None:
        return None
    same = not gradient.strides[0]  # a view of one row
    return _signed(model, gradient[0] if same else gradient, position)


def tells(model: BaseEstimator, name: str) -> bool:
    """Return whether the class has a method of that name that is of the score it has.

    A subclass that scores in another way has the gradient of its parent.
    """
    score = "decision_function" if is_classifier(model) else "predict"
    told = _definer(type(model), name)
    scored = _definer(type(model), score)
    if told is None or scored is None or score in vars(model):
        return False
    if vars(told)[name] is None:  # as with `__hash__`
        return False
    return issubclass(told, scored)


def _definer(kind: type, name: str) -> type | None:
    """Return the class that a method comes from."""
    return next((parent for parent in kind.__mro__ if name in vars(parent)), None)
