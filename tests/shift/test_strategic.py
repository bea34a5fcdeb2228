# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from skperf import RepeatedRiskMinimizer
from skperf.shift import Predictor, StrategicResponse
from skperf.shift._differences import central_differences

X, Y = make_classification(60, 4, random_state=0)
X = X * [1, 10, 0.1, 3] + [0, 5, 0, -2]
Z = np.random.default_rng(0).normal(size=(60, 4))
CLASSES = np.arange(60) % 3


def move(estimator, *, y=Y, X=X, columns=None, epsilon=0.5, **settings):
    """Fit, deploy, and return how far people move along each column."""
    predictor = Predictor(estimator.fit(X, y), **settings)
    shift = StrategicResponse(epsilon, strategic_features=columns)
    sample = shift.sample(X, y, predictor(X), predictor=predictor)
    assert_array_equal(sample.y, y)
    return sample.X - X


class Opaque:
    """A prediction function that tells nothing about its model."""

    def __init__(self, score):
        self._score = score

    def __call__(self, X):
        return self._score(X)


# Linear scores


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (LogisticRegression(), Y),
        (RidgeClassifier(), Y),
        (SGDClassifier(random_state=0), Y),
        (Ridge(), Y.astype(float)),
        (LinearRegression(), Y[:, None].astype(float)),
    ],
)
def test_linear_scores_move_along_coefficients(estimator, y):
    found = move(estimator, y=y)
    # x - (x - c) loses the last bits of x, which is up to 30
    expected = -0.5 * np.tile(estimator.coef_.reshape(1, -1), (60, 1))
    assert_allclose(found, expected, rtol=0, atol=1e-14 * 30)


def test_negative_epsilon_raises_the_score():
    estimator = LogisticRegression().fit(X, Y)
    for epsilon in (0.5, -0.5):
        moved = X + move(estimator, epsilon=epsilon)
        gain = estimator.decision_function(moved) - estimator.decision_function(X)
        # a step of epsilon along the gradient
        expected = -epsilon * np.sum(estimator.coef_**2)
        assert_allclose(gain, expected, rtol=1e-9)


@pytest.mark.parametrize("method", ["predict_proba", "decision_function"])
def test_people_of_a_classifier_follow_its_decision_function(method):
    found = move(LogisticRegression(), response_method=method)
    assert_array_equal(found, move(LogisticRegression()))


@pytest.mark.parametrize("estimator", [LogisticRegression(), RidgeClassifier()])
def test_pos_label_turns_the_score(estimator):
    found = move(estimator, pos_label=0)
    assert_allclose(found, -move(estimator, pos_label=1), atol=1e-13)
    assert np.abs(found).max() > 1e-3


@pytest.mark.filterwarnings("ignore::skperf.exceptions.PositiveClassWarning")
@pytest.mark.parametrize("pos_label", [0, 1, 2, None])
def test_multi_class(pos_label):
    estimator = LogisticRegression(max_iter=1000)
    found = move(estimator, y=CLASSES, pos_label=pos_label)
    row = 2 if pos_label is None else pos_label
    assert_allclose(found, np.tile(-0.5 * estimator.coef_[row], (60, 1)), atol=1e-13)


@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_std=False),
        MinMaxScaler(),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_scaling=False),
        "passthrough",
    ],
)
def test_scalers_are_differentiated_exactly(scaler):
    pipeline = make_pipeline(scaler, StandardScaler(), LogisticRegression())
    exact = move(pipeline)
    opaque = Opaque(pipeline.decision_function)
    numeric = StrategicResponse(0.5).sample(X, Y, None, predictor=opaque).X - X
    # linear, so central differences err by rounding only: 1e-16 / 6e-6
    assert_allclose(exact, numeric, rtol=0, atol=1e-8)
    # exact: the same everywhere up to the rounding of x itself
    assert np.ptp(exact, axis=0).max() < 1e-13


def test_clipping_scaler_is_differentiated_numerically():
    """Beyond the range of the training data the clipped score is flat."""
    pipeline = make_pipeline(MinMaxScaler(clip=True), LogisticRegression()).fit(X, Y)
    far = X + 1000
    predictor = Predictor(pipeline)
    moved = StrategicResponse(0.5).sample(far, Y, None, predictor=predictor).X
    assert_array_equal(moved, far)


# Other scores


def test_predictor_with_a_gradient():
    class Quadratic:
        def __call__(self, X):
            raise AssertionError("the gradient is known")

        def gradient(self, X, columns=None):
            return 2 * X[:, columns]

    shift = StrategicResponse(0.25, strategic_features=[1, 3])
    moved = shift.sample(X, Y, None, predictor=Quadratic()).X
    assert_allclose(moved[:, [1, 3]], X[:, [1, 3]] / 2, rtol=1e-15)
    assert_array_equal(moved[:, [0, 2]], X[:, [0, 2]])


def test_central_differences_of_a_polynomial():
    estimator = make_pipeline(
        PolynomialFeatures(2, include_bias=False), LinearRegression()
    )
    y = Z[:, 0] ** 2 + Z[:, 0] * Z[:, 2]
    found = move(estimator, X=Z, y=y, columns=[0, 2])
    slopes = np.column_stack([2 * Z[:, 0] + Z[:, 2], Z[:, 0]])
    # exact for a quadratic up to rounding: 1e-15 / 6e-6
    assert_allclose(found[:, [0, 2]], -0.5 * slopes, rtol=0, atol=1e-8)
    assert_array_equal(found[:, [1, 3]], 0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_central_differences_of_a_network():
    """A network that is trained a little is as good as any."""
    network = MLPRegressor(
        hidden_layer_sizes=(5,), activation="tanh", max_iter=20, random_state=0
    )
    found = move(network, X=Z, y=Y.astype(float))
    hidden = np.tanh(Z @ network.coefs_[0] + network.intercepts_[0])
    slopes = ((1 - hidden**2) * network.coefs_[1][:, 0]) @ network.coefs_[0].T
    # third derivatives of order 1 times a step of (6e-6)^2, and rounding of 1e-11
    assert_allclose(found, -0.5 * slopes, rtol=0, atol=1e-9)
    assert np.abs(slopes).max() > 0.1


def test_classifier_without_decision_function_uses_probabilities():
    estimator = GaussianNB()
    found = move(estimator, columns=0)[:, 0]
    step = 1e-4
    aside = np.array([step, 0, 0, 0])
    up, down = (estimator.predict_proba(x)[:, 1] for x in (X + aside, X - aside))
    # two difference quotients with errors of step^2
    assert_allclose(found, -0.5 * (up - down) / (2 * step), atol=1e-6)


def test_nobody_moves_for_a_tree():
    assert_array_equal(move(DecisionTreeClassifier(random_state=0)), 0)


@pytest.mark.parametrize("scale", [1e6, 1.0, 1e-6])
def test_step_of_differences_follows_the_scale_of_the_column(scale):
    score = Opaque(lambda X: np.sin(X[:, 0] / scale))
    shift = StrategicResponse(scale**2)
    moved = shift.sample(Z[:, :1] * scale, Y, None, predictor=score).X
    assert_allclose(moved[:, 0] / scale, Z[:, 0] - np.cos(Z[:, 0]), rtol=0, atol=1e-9)


def test_constant_column_has_a_slope():
    constant = np.column_stack([np.full(60, 3.0), X[:, 1]])
    square = Opaque(lambda X: X[:, 0] ** 2)
    moved = StrategicResponse(0.5).sample(constant, Y, None, predictor=square).X
    assert_allclose(moved[:, 0], 0, atol=1e-9)


# Tables and errors


@pytest.mark.parametrize("estimator", [LogisticRegression(), GaussianNB()])
def test_data_frame(df_module, estimator):
    frame = df_module.DataFrame(dict(zip("abcd", X.T, strict=True)))
    predictor = Predictor(estimator.fit(frame, Y))
    shift = StrategicResponse(0.5, strategic_features=["a", "c"])
    moved = shift.sample(frame, Y, None, predictor=predictor).X
    assert isinstance(moved, df_module.DataFrame)
    assert list(moved.columns) == list("abcd")
    expected = move(estimator, columns=[0, 2]) + X
    assert_allclose(moved.to_numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("opaque", [False, True])
def test_sparse(container, opaque):
    estimator = LogisticRegression().fit(X, Y)
    predictor = Predictor(estimator)
    if opaque:
        predictor = Opaque(estimator.decision_function)
    shift = StrategicResponse(0.5, strategic_features=[0, 2])
    moved = shift.sample(container(X), Y, None, predictor=predictor).X
    assert sparse.issparse(moved)
    expected = X + move(LogisticRegression(), columns=[0, 2])
    # the numeric slope errs by the rounding of scores of size 10 over 1e-6
    assert_allclose(moved.toarray(), expected, rtol=0, atol=1e-8)
    assert_array_equal(moved.toarray()[:, [1, 3]], X[:, [1, 3]])


def test_integer_columns_become_numbers():
    counts = np.arange(8).reshape(4, 2)
    shift = StrategicResponse(0.5)
    score = Opaque(lambda X: X[:, 0] * 0.5)
    moved = shift.sample(counts, np.zeros(4), None, predictor=score).X
    assert_allclose(moved, counts - [0.25, 0], atol=1e-10)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_population_is_not_changed(container):
    table = container(X.copy())
    predictor = Predictor(LogisticRegression().fit(X, Y))
    StrategicResponse(0.5).sample(table, Y, None, predictor=predictor)
    assert_array_equal(table.toarray() if sparse.issparse(table) else table, X)


def test_missing_predictor():
    with pytest.raises(ValueError, match=r"pass predictor=, a function from features"):
        StrategicResponse(0.5).sample(X, Y, np.zeros(60))


def test_several_scores_a_row():
    predictor = Opaque(lambda X: X[:, :2] ** 2)
    with pytest.raises(ValueError, match="one number a row"):
        StrategicResponse(0.5).sample(X, Y, None, predictor=predictor)


@pytest.mark.parametrize("epsilon", [np.inf, np.nan, "big"])
def test_invalid_epsilon(epsilon):
    with pytest.raises(ValueError, match="'epsilon' parameter"):
        StrategicResponse(epsilon).sample(X, Y, None, predictor=Opaque(np.sum))


def test_multi_output_linear_regression_is_refused():
    """Which of the outputs would people lower?"""
    predictor = Predictor(Ridge().fit(X, X[:, :2]))
    with pytest.raises(ValueError, match="one number a row"):
        StrategicResponse(0.5).sample(X, Y, None, predictor=predictor)


def test_weights_stay():
    predictor = Predictor(LogisticRegression().fit(X, Y))
    weights = np.arange(60.0)
    sample = StrategicResponse(0.5).sample(
        X, Y, None, predictor=predictor, sample_weight=weights
    )
    assert_array_equal(sample.sample_weight, weights)


def test_stable_point_of_a_penalized_classifier():
    """The stable coefficients solve the first-order condition on the moved data."""
    estimator = LogisticRegression(C=0.1, tol=1e-12, max_iter=1000)
    shift = StrategicResponse(0.1)
    labels = (Z[:, 0] + Z[:, 3] > 0).astype(int)
    model = RepeatedRiskMinimizer(estimator, shift, tol=1e-9, max_iter=100)
    model.fit(Z, labels)
    coef, intercept = model.estimator_.coef_[0], model.estimator_.intercept_[0]
    moved = Z - 0.1 * coef
    gradient = 0.1 * moved.T @ (expit(moved @ coef + intercept) - labels) + coef
    # lbfgs stops at 1e-12 and the loop at 1e-9 from the stable point
    assert np.abs(gradient).max() < 1e-7
    assert np.abs(coef).max() > 0.3


# Models of lower precision


def dates(n_samples=400, *, seed=0):
    """Return rows with a year, seconds since 1970 and a plain number."""
    rng = np.random.default_rng(seed)
    year, second = 2000 + 10 * rng.random(n_samples), rng.uniform(1.5, 1.8, n_samples)
    return np.column_stack([year, 1e9 * second, rng.normal(size=n_samples)])


CENTER, SPREAD = np.array([2005, 1.65e9, 0]), np.array([3, 9e7, 1])


def date_score(X):
    """A smooth score and its slopes."""
    scaled = (np.asarray(X) - CENTER) / SPREAD
    total = scaled @ [1.0, 2.0, -1.0]
    slopes = (1 - np.tanh(total) ** 2)[:, None] * [1.0, 2.0, -1.0] / SPREAD
    return np.tanh(total), slopes


def float32_score(X):
    """The same, computed in float32 from float32 data."""
    scaled = (np.asarray(X, np.float32) - CENTER.astype("f4")) / SPREAD.astype("f4")
    return np.tanh(scaled @ np.array([1, 2, -1], "f4"))


@pytest.mark.parametrize(
    ("score", "tolerance"),
    # rounding over a step of eps^(1/3) is eps^(2/3), and so is the curvature
    [
        pytest.param(lambda X: date_score(X)[0], 1e-9, id="double"),
        pytest.param(float32_score, 1e-4, id="single"),
        pytest.param(lambda X: date_score(X)[0].astype("f4"), 1e-4, id="rounded"),
        pytest.param(lambda X: float32_score(X).astype(float), 1e-4, id="cast"),
        pytest.param(lambda X: float32_score(X) / np.float64(3) * 3, 1e-4, id="scaled"),
        pytest.param(lambda X: date_score(X)[0].astype("f2"), 0.04, id="half"),
    ],
)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_differences_suit_the_precision_of_the_model(score, tolerance, container):
    """Years and seconds since 1970 are moved by everybody, and by the right amount."""
    table = dates()
    dense = Opaque(lambda X: score(X.toarray() if sparse.issparse(X) else X))
    found = slopes_of(dense, container(table)) * SPREAD
    assert_allclose(found, date_score(table)[1] * SPREAD, rtol=0, atol=tolerance)
    shift = StrategicResponse(1.0, strategic_features=0)
    moved = shift.sample(container(table), Y, None, predictor=dense).X
    moved = moved.toarray() if sparse.issparse(moved) else moved
    assert_allclose(moved[:, 0] - table[:, 0], -found[:, 0] / 3, rtol=0, atol=1e-11)


def slopes_of(score, table):
    """Return the differences that StrategicResponse takes."""
    return central_differences(score, table, np.arange(table.shape[1]))


def test_a_constant_column_of_seconds_has_a_slope_in_float32():
    """The step is one that float32 can tell from none, 128 seconds."""
    table = np.column_stack([np.full(60, 1.7e9), Z[:, 0]])
    score = Opaque(lambda X: (X[:, 0].astype("f4") - np.float32(1.6e9)) / 2**20)
    found = slopes_of(score, table)
    assert_allclose(found[:, 0], 2.0**-20, rtol=1e-6)
    assert_array_equal(found[:, 1], 0)


def test_nobody_moves_for_trees_in_float32():
    """Between their steps they are flat; a wide step would meet many."""
    forest = RandomForestRegressor(50, random_state=0).fit(Z, Z[:, 0] + Z[:, 1] ** 2)
    for kind in (np.float64, np.float32):
        found = slopes_of(lambda X, kind=kind: forest.predict(X).astype(kind), Z)
        assert np.mean(found == 0) > 0.99


def test_wide_steps_meet_few_missing_values():
    """A score may be undefined somewhere; that is no precision."""
    table = Z.copy()
    table[:3] = np.nan
    found = slopes_of(lambda X: np.sin(X[:, 0]), table)
    assert_allclose(found[3:, 0], np.cos(Z[3:, 0]), rtol=0, atol=1e-9)
    assert np.isnan(found[:3, 0]).all()


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_data_frame_of_float32(df_module, kind):
    table = dates().astype("f4").astype(float)
    columns = dict(zip("abc", table.astype(kind).T, strict=True))
    frame = df_module.DataFrame(columns)
    score = Opaque(lambda X: float32_score(np.column_stack([X[c] for c in "abc"])))
    moved = StrategicResponse(1.0).sample(frame, Y, None, predictor=score).X
    expected = date_score(table)[1]
    assert_allclose(moved["a"] - table[:, 0], -expected[:, 0], rtol=0, atol=1e-4)


# Who responds

WHO = np.array([0, 1, 1, 0, 1, 0]) == 1


@pytest.mark.parametrize(
    ("responds", "y"),
    [
        (1, WHO.astype(int)),
        ([1], WHO.astype(float)),
        ("fraud", np.where(WHO, "fraud", "honest")),
        (["fraud", "late"], np.array(list("hflhfh")).astype(object)),
        (WHO, np.arange(6.0)),
        (WHO.tolist(), WHO.astype(int)),
        (lambda X, y: y > 0, WHO - 0.5),
        (lambda X, y: X[:, 0] > 0.5, np.arange(6)),
        ([True], WHO),
        (True, WHO),
    ],
    ids=range(10),
)
def test_who_responds(responds, y):
    if y.dtype == object:
        y = np.array([{"h": "honest", "f": "fraud", "l": "late"}[c] for c in y])
    X = np.column_stack([WHO, np.ones(6)]).astype(float)
    shift = StrategicResponse(0.5, responds=responds)
    sample = shift.sample(X, y, None, predictor=lambda X: X @ [2.0, 1.0])
    expected = X - 0.5 * WHO[:, None] * [2.0, 1.0]
    assert_allclose(sample.X, expected, rtol=0, atol=1e-9)
    assert_array_equal(sample.X[~WHO], X[~WHO])


def test_a_label_that_this_sample_lacks():
    """Nobody moves, where y has zeros only and the ones would move."""
    X = np.ones((3, 1))
    shift = StrategicResponse(0.5, responds=[1])
    sample = shift.sample(X, np.zeros(3), None, predictor=lambda X: X[:, 0])
    assert_array_equal(sample.X, X)


def test_who_responds_in_a_data_frame(df_module):
    frame = df_module.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]})
    y = df_module.Series([0, 1, 1])
    asked = []

    def is_x(X, y):
        asked.append(type(X))
        return X["b"] == "x"

    for responds in (is_x, np.array([True, False, True])):
        shift = StrategicResponse(0.5, strategic_features=["a"], responds=responds)
        sample = shift.sample(frame, y, None, predictor=lambda X: 2 * X["a"].to_numpy())
        assert_allclose(sample.X["a"].to_list(), [0, 2, 2])
    assert asked == [type(frame)]


@pytest.mark.parametrize(
    ("responds", "y", "message"),
    [
        (WHO[:4], np.arange(6), r"is an array of bool of the shape \(4,\).* 6 rows"),
        (lambda X, y: y, np.arange(6), r"returned an array of int64 .*expected a mask"),
        (
            lambda X, y: True,
            np.arange(6),
            r"returned an array of bool of the shape \(\)",
        ),
        (WHO.astype(int), WHO.astype(int), r"several times.*responds=mask\.astype"),
        ([0, 5], WHO.astype(int), r"names labels of y, which are \[0, 1\]; \[5\] are"),
        ("Fraud", np.array(["fraud", "ok"] * 3), r"\['Fraud'\] are not among them"),
        ([], WHO.astype(int), "names labels of y"),
        (True, WHO.astype(int), r"\[True\] are not among them"),
        (1, np.linspace(0, 1, 6), "y holds targets that are no labels"),
        (1, np.zeros((6, 2)), r"y holds targets of shape \(6, 2\)"),
        (WHO, WHO, "may be a mask of the 6 rows or labels"),
        ([[0], [1]], WHO.astype(int), r"values of the shape \(2, 1\)"),
    ],
    ids=range(12),
)
def test_who_is_not_clear(responds, y, message):
    shift = StrategicResponse(0.5, responds=responds)
    with pytest.raises(ValueError, match=message):
        shift.sample(np.ones((6, 1)), y, None, predictor=lambda X: X[:, 0])


def test_fraudsters_adapt():
    """Two kinds: the retrained coefficient is that of the formula, row by row."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = (X[:, 0] + rng.normal(size=300) > 0.5).astype(int)
    model = LogisticRegression().fit(X, y)
    shift = StrategicResponse(0.3, responds=[1])
    sample = shift.sample(X, y, None, predictor=Predictor(model))
    assert_allclose(sample.X, X - 0.3 * y[:, None] * model.coef_[0], rtol=1e-15)


@pytest.mark.parametrize(
    "trees",
    [
        GradientBoostingClassifier(n_estimators=20, random_state=0),
        RandomForestClassifier(10, min_samples_leaf=5, random_state=0),
    ],
    ids=lambda trees: type(trees).__name__,
)
def test_a_jump_is_no_slope(trees):
    """Of many people some stand next to a threshold, and must not be flung far away."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(20_000, 2))
    labels = (people[:, 0] + rng.normal(size=len(people)) > 0).astype(int)
    model = Predictor(trees.fit(people, labels))
    sample = StrategicResponse(0.1).sample(people, labels, None, predictor=model)
    assert_array_equal(sample.X, people)


def test_slopes_of_few_are_slopes():
    """A score that most people cannot change has a slope for those who can."""
    people = np.random.default_rng(0).normal(size=(1000, 1))

    def score(X):
        return np.maximum(X[:, 0] - 1, 0) ** 2

    shift = StrategicResponse(0.1)
    moved = shift.sample(people, None, score(people), predictor=score).X
    expected = people - 0.2 * np.maximum(people - 1, 0)
    assert_allclose(moved, expected, atol=1e-9)


def test_a_column_that_float32_takes_for_zeros():
    """Beside one that looks as if it did; a step of zero would be divided by."""
    X = np.array([[2.0**-9, 0.0], [0.0, 1e-104], [0.0, 1e-104], [0.0, 1e-104]])
    slopes = central_differences(lambda X: 1 + X.sum(axis=1), X, [0, 1])
    assert_allclose(slopes, [[1, 0]] * 4, rtol=1e-3)
