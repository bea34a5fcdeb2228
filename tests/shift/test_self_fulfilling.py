# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Self-fulfilling predictions: the law, closed forms, and which class is meant."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf import RepeatedRiskMinimizer
from skperf.exceptions import PositiveClassWarning
from skperf.metrics import performative_risk
from skperf.shift import (
    Cotangent,
    Predictor,
    SelfFulfillingShift,
    TransformedPredictionShift,
)
from skperf.testing import check_shift
from skperf.testing._population import make_population
from skperf.testing._pull_back_checks import check_pull_back

DIRECTIONS = ["fulfilling", "defeating"]
X = np.repeat(np.eye(2), 10, axis=0)  # two kinds of people
Y = np.array([0] * 7 + [1] * 3 + [0] * 4 + [1] * 6)
SHARES = np.array([0.3, 0.6])
Y_PRED = np.linspace(0, 1, 20)
WEIGHTS = np.linspace(0.5, 2, 20)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_law(direction, weights):
    """Each row has its weight, and is positive with the probability q."""
    shift = SelfFulfillingShift(0.7, direction=direction)
    sample = shift.sample(X, Y, Y_PRED, sample_weight=weights)
    q = (
        Y + (1 - Y) * 0.7 * Y_PRED
        if direction == "fulfilling"
        else Y * (1 - 0.7 * Y_PRED)
    )
    shares = sample.sample_weight.reshape(2, 20)
    given = np.ones(20) if weights is None else weights
    assert_allclose(shares[1], given * q, rtol=1e-15, atol=1e-16)
    assert_allclose(shares.sum(axis=0), given, rtol=1e-15)
    assert_array_equal(sample.X, np.concatenate([X, X]))
    assert_array_equal(sample.y, np.repeat([0, 1], 20))


def test_strengths_at_the_ends():
    assert_array_equal(weights_at(0, "fulfilling"), np.concatenate([1 - Y, Y]))
    assert_array_equal(weights_at(0, "defeating"), np.concatenate([1 - Y, Y]))
    told = np.maximum(Y, Y_PRED)
    assert_array_equal(weights_at(1, "fulfilling"), np.concatenate([1 - told, told]))


def weights_at(strength, direction):
    shift = SelfFulfillingShift(strength, direction=direction)
    return shift.sample(X, Y, Y_PRED).sample_weight


def test_samples_share_their_rows():
    world = SelfFulfillingShift(0.5).bind(X, Y, groups=np.arange(20) // 2)
    first, second = world(Y_PRED), world(Y_PRED[::-1])
    assert first.X is second.X
    assert first.support == second.support
    assert_array_equal(first.groups, np.tile(np.arange(20) // 2, 2))


@pytest.mark.parametrize("strength", [0.3, 0.9])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_stable_predictions(direction, strength):
    """Of a model that tells the kinds apart: m / (1 - (1 - m) a) and m / (1 + m a)."""
    shift = SelfFulfillingShift(strength, direction=direction)
    exact = LogisticRegression(
        C=np.inf, solver="newton-cholesky", tol=1e-12, fit_intercept=False
    )
    model = RepeatedRiskMinimizer(exact, shift, max_iter=400, tol=1e-10).fit(X, Y)
    m, a = SHARES, strength
    stable = m / (1 - (1 - m) * a) if direction == "fulfilling" else m / (1 + m * a)
    # the error is at most the last step times rho / (1 - rho), rho at most .63
    assert_allclose(model.predict_proba(np.eye(2))[:, 1], stable, rtol=0, atol=1e-8)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_squared_error_in_closed_form(direction):
    """PR of the prediction f is q - 2 q f + f^2: a parabola."""
    a, m = 0.4, 0.3
    slope = (1 - m) * a if direction == "fulfilling" else -m * a
    shift = SelfFulfillingShift(a, direction=direction)
    one, labels = np.ones((10, 1)), Y[:10]

    def risk(f):
        model = DummyRegressor(strategy="constant", constant=f).fit(one, labels)
        return performative_risk(model, shift, one, labels)

    for f in (0.0, 0.25, 0.8):
        q = m + slope * f
        assert risk(f) == pytest.approx(q - 2 * q * f + f**2, abs=1e-14)
    found = minimize_scalar(risk, bounds=(0, 1), method="bounded")
    optimum = (2 * m - slope) / (2 * (1 - 2 * slope))
    assert found.x == pytest.approx(optimum, abs=1e-5)


def test_a_regressor_of_zeros_and_ones():
    """Its predictions are probabilities of the 1."""
    shift = SelfFulfillingShift(0.5)
    exact = LinearRegression(fit_intercept=False)
    model = RepeatedRiskMinimizer(exact, shift, max_iter=100, tol=1e-10).fit(X, Y)
    stable = SHARES / (1 - (1 - SHARES) * 0.5)
    assert_allclose(model.predict(np.eye(2)), stable, rtol=0, atol=1e-9)


def test_any_classifier():
    shift = SelfFulfillingShift(0.7)
    boosting = HistGradientBoostingClassifier(
        max_bins=15, max_iter=5, min_samples_leaf=2
    )
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = (X[:, 0] + rng.normal(size=200) > 0).astype(int)
    with pytest.warns():  # that it is not stable, and that persons stand twice
        model = RepeatedRiskMinimizer(boosting, shift, max_iter=3).fit(X, y)
    assert model.history_["risk_before"][0] > 0
    told = model.predict_proba(X)[:, 1]
    induced = np.mean(y + (1 - y) * 0.7 * told)
    assert induced > y.mean() + 0.05


# Which class


def labels_of(y):
    return np.array(["good", "bad"])[y]  # the last label is "good"


@pytest.mark.parametrize("pos_label", ["good", "bad"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_labels_by_value(direction, pos_label):
    """The same people with other labels react alike."""
    shift = SelfFulfillingShift(0.6, direction=direction)
    codes = Y if pos_label == "bad" else 1 - Y
    expected = shift.sample(X, codes, Y_PRED)
    model = Predictor(DummyClassifier().fit(X, labels_of(Y)), pos_label=pos_label)
    sample = shift.sample(X, labels_of(Y), Y_PRED, predictor=model)
    for label, code in ((pos_label, 1), ("badgood".replace(pos_label, ""), 0)):
        assert_array_equal(
            sample.sample_weight[sample.y == label],
            expected.sample_weight[expected.y == code],
        )
    assert sample.y.dtype == labels_of(Y).dtype


@pytest.mark.parametrize("kind", [np.bool_, np.float32, lambda y: 2 * y - 1])
def test_the_one_is_positive(kind):
    expected = weights_at(0.5, "fulfilling")
    sample = SelfFulfillingShift(0.5).sample(X, kind(Y), Y_PRED)
    assert_array_equal(sample.sample_weight, expected)
    assert set(sample.y.tolist()) == set(kind(Y).tolist())


def test_the_minority_may_be_positive():
    """The class that people are told of, not the last."""
    model = LogisticRegression().fit(X, Y)
    told = Predictor(model, pos_label=0)
    sample = SelfFulfillingShift(1).sample(X, Y, told(X), predictor=told)
    risen = sample.sample_weight[sample.y == 0].sum()
    assert risen > np.sum(Y == 0)


def test_labels_that_do_not_tell():
    with pytest.warns(PositiveClassWarning, match=r"\['bad', 'good'\].*the last"):
        sample = SelfFulfillingShift(0.5).sample(X, labels_of(1 - Y), Y_PRED)
    assert_array_equal(sample.sample_weight, weights_at(0.5, "fulfilling"))


def test_the_class_passes_through_a_transformation():
    model = Predictor(LogisticRegression().fit(X, labels_of(Y)), pos_label="bad")
    shift = SelfFulfillingShift(0.5)
    same = TransformedPredictionShift(shift, lambda f: f)
    sample = same.sample(X, labels_of(Y), model(X), predictor=model)
    expected = shift.sample(X, labels_of(Y), model(X), predictor=model)
    assert_array_equal(sample.sample_weight, expected.sample_weight)


def test_tables(df_module):
    frame = df_module.DataFrame({"a": X[:, 0], "kind": ["x", "y"] * 10})
    y = df_module.Series(labels_of(Y))
    model = Predictor(DummyClassifier().fit(X, labels_of(Y)), pos_label="bad")
    sample = SelfFulfillingShift(0.5).sample(frame, y, Y_PRED, predictor=model)
    assert type(sample.X) is type(frame)
    assert type(sample.y) is type(y)
    assert sample.X["kind"].to_list() == ["x", "y"] * 20
    assert_allclose(sample.sample_weight.sum(), 20)


def test_lists_and_columns():
    expected = weights_at(0.5, "fulfilling")
    for y in (Y.tolist(), Y[:, None]):
        sample = SelfFulfillingShift(0.5).sample(X, y, Y_PRED)
        assert_array_equal(sample.sample_weight, expected)
        assert np.shape(sample.y) == (40, *np.shape(y)[1:])


# Pull-back


@pytest.mark.parametrize("pos_label", ["good", "bad"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_pull_back(direction, pos_label):
    model = LogisticRegression().fit(X, labels_of(Y))
    told = Predictor(model, pos_label=pos_label)
    rows = X + np.linspace(0, 1, 20)[:, None]
    population = make_population(
        rows, labels_of(Y), None, told, 1, np.random.RandomState(0)
    )
    check_pull_back(SelfFulfillingShift(0.6, direction=direction), population)


def test_pull_back_by_formula():
    """For the log loss v = -(1 - y) a s, where s is the score."""
    model = Predictor(LogisticRegression().fit(X, Y))
    f = model(X)
    world = SelfFulfillingShift(0.6).bind(X, Y)
    losses = -np.log(np.concatenate([1 - f, f]))
    _, [asked] = world.pull_back(None, model, Cotangent(losses))
    assert_allclose(asked.v, -(1 - Y) * 0.6 * model.score(X), rtol=1e-12, atol=1e-15)


def test_contract_with_weights_and_labels():
    check_shift(SelfFulfillingShift(0.6), X=X, y=2.0 * Y - 1, y_pred=Y_PRED, n_draws=10)


# Errors


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.linspace(0, 1, 20), "got 20 values.*OutcomeShift"),
        (np.zeros(20, dtype=int), "got 1 values.*give more rows"),
        (np.arange(20) % 3, "got 3 values"),
        (np.zeros((20, 2)), r"targets of shape \(20, 2\)"),
    ],
)
def test_other_targets_are_refused(y, message):
    with pytest.raises(ValueError, match=f"two classes in y; .*{message}"):
        SelfFulfillingShift(0.5).bind(X, y)


def test_regression_is_refused():
    model = Predictor(LinearRegression().fit(X, 2.0 * Y - 1))
    world = SelfFulfillingShift(0.5).bind(X, 2.0 * Y - 1)
    with pytest.raises(ValueError, match="a regressor, LinearRegression"):
        world.react(None, model)


def test_a_class_that_nobody_has():
    model = Predictor(LogisticRegression().fit(X, Y + 1), pos_label=2)
    world = SelfFulfillingShift(0.5).bind(X, Y)
    with pytest.raises(ValueError, match=r"class 2, and y has the labels \[0, 1\]"):
        world.react(None, model)


@pytest.mark.parametrize("y_pred", [Y_PRED * 2, Y_PRED - 1])
def test_predictions_must_be_probabilities(y_pred):
    message = r"SelfFulfillingShift needs predictions in \[0, 1\], the probability of"
    with pytest.raises(ValueError, match=message):
        SelfFulfillingShift(0.5).sample(X, Y, y_pred)


@pytest.mark.parametrize(
    "params", [{"strength": 1.5}, {"strength": -0.1}, {"direction": "both"}]
)
def test_parameters(params):
    with pytest.raises(ValueError, match="parameter of SelfFulfillingShift must be"):
        SelfFulfillingShift(**{"strength": 0.5, **params}).bind(X, Y)
