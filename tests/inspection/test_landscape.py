# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib
import warnings
from copy import deepcopy

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skperf import RepeatedRiskMinimizer
from skperf.datasets import make_location_scale, make_two_group_prophecy
from skperf.inspection import RiskLandscapeDisplay
from skperf.metrics import decoupled_performative_risk, induce, performative_risk
from skperf.shift import (
    BaseShift,
    FunctionShift,
    OutcomeShift,
    Parameters,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    StrategicResponse,
)

EXACT = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
SHIFTS = [
    ResampleIfRejected(0.2),
    ResampleIfRejected(0.2, strategic_features=[0]),
    SelfFulfillingShift(0.5),
    StrategicResponse(0.4),
    StrategicResponse(0.4, responds=[1]),
]
# Of surfaces over two numbers. float32 rounds by 2**-24 = 6e-8: each of the three
# products in a margin, at most 10 here, up to 5 times, which is 3e-6, and no loss errs
# by more than its margin. A sum of 512 has an error of sqrt(512) * 6e-8 = 1.4e-6 of
# itself. Risks are .3 and more.
PRECISION = 1e-5


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def people():
    # more rows than one logarithm is taken of
    X, y = make_classification(
        1500, 4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
    )
    return X, y


def moved(model, positions, values, **given):
    """Return a copy of a model with other numbers in it."""
    copy = deepcopy(model)
    parameters = Parameters(copy, given.get("pos_label"))
    numbers = parameters.get()
    numbers[positions] = values
    parameters.set(numbers)
    return copy


def check_decoupled(display, model, shift, X, y, position, **given):
    (values,) = display.values
    for i, j in [(0, 0), (0, 4), (3, 1), (4, 2)]:
        ends = (moved(model, position, values[k], **given) for k in (i, j))
        expected = decoupled_performative_risk(*ends, shift, X, y, **given)
        np.testing.assert_allclose(display.risk[i, j], expected, rtol=1e-11)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shift", SHIFTS, ids=repr)
def test_one_parameter_is_the_decoupled_risk(people, shift, weighted):
    X, y = people
    given = {"random_state": 0}
    if weighted:
        given["sample_weight"] = np.linspace(0.5, 2, len(y))
    model = EXACT.fit(X, y)
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, y, parameters=1, values=np.linspace(-1, 2, 5), **given
    )
    check_decoupled(display, model, shift, X, y, 1, **given)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shift", SHIFTS, ids=repr)
def test_two_parameters_are_the_performative_risk(people, shift, weighted):
    X, y = people
    given = {"random_state": 0}
    if weighted:
        given["sample_weight"] = np.linspace(0.5, 2, len(y))
    model = EXACT.fit(X, y)
    values = [np.linspace(-1, 1, 3), np.linspace(0, 2, 4)]
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, y, parameters=["intercept", 0], values=values, **given
    )
    assert display.risk.shape == (3, 4)
    for i, j in [(0, 0), (2, 1), (1, 3)]:
        other = moved(model, [4, 0], [values[0][i], values[1][j]])
        expected = performative_risk(other, shift, X, y, **given)
        np.testing.assert_allclose(display.risk[i, j], expected, rtol=PRECISION)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        LinearRegression(),
    ],
    ids=["scaled", "regressor"],
)
def test_other_models(people, model):
    X, y = people
    shift = OutcomeShift(0.4)
    if hasattr(model, "steps"):
        shift = StrategicResponse(0.4)
    model.fit(100 * X, y)
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, 100 * X, y, parameters=0, grid_resolution=5
    )
    check_decoupled(display, model, shift, 100 * X, y, 0)


def check_performative(display, model, shift, X, y, positions, **given):
    for i, j in np.ndindex(display.risk.shape):
        values = display.values[0][i], display.values[1][j]
        other = moved(model, positions, values, **given)
        expected = performative_risk(other, shift, X, y, **given)
        np.testing.assert_allclose(display.risk[i, j], expected, rtol=PRECISION)


@pytest.mark.parametrize(
    "pos_label", ["bad", pytest.param("good", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(
    "shift",
    [
        ResampleIfRejected(0.2),
        SelfFulfillingShift(0.5),
        SelfFulfillingShift(0.5, direction="defeating"),
        StrategicResponse(0.4, strategic_features=[0, 2], responds="bad"),
        StrategicResponse(-0.4, strategic_features=[1]),
    ],
    ids=repr,
)
def test_two_parameters_of_scaled_columns_and_words(people, shift, pos_label):
    X, y = people
    X, labels = 3 * X + 1, np.where(y == 1, "bad", "good")
    model = make_pipeline(StandardScaler(), clone(EXACT)).fit(X, labels)
    given = {"pos_label": pos_label}
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, labels, parameters=[0, 2], grid_resolution=3, **given
    )
    check_performative(display, model, shift, X, labels, [0, 2], **given)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [SHIFTS[0], SHIFTS[2], SHIFTS[3]], ids=repr)
def test_steep_landscapes_are_not_rounded(people, shift, monkeypatch):
    """Margins are in the thousands, where the metric rounds probabilities near 1."""
    X, y = people
    model = clone(EXACT).fit(X, y)
    values = [np.linspace(-2e3, 2e3, 3), np.linspace(-1e3, 3e3, 3)]
    draw = RiskLandscapeDisplay.from_estimator
    by_law = draw(model, shift, X, y, parameters=[0, 1], values=values)
    module = importlib.import_module("skperf.inspection._risk_surface")
    monkeypatch.setattr(module, "find_law", lambda *_: None)
    asked = draw(model, shift, X, y, parameters=[0, 1], values=values)
    np.testing.assert_allclose(by_law.risk, asked.risk, rtol=1e-10)


@pytest.mark.parametrize("shift", [SHIFTS[0], SHIFTS[2], SHIFTS[3]], ids=repr)
def test_arrows_end_at_the_retrained_model(shift):
    X, y = make_classification(
        300, 2, n_informative=2, n_redundant=0, flip_y=0.2, random_state=0
    )
    model = clone(EXACT).set_params(fit_intercept=False).fit(X, y)
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, y, values=[np.linspace(-4, 4, 3)] * 2
    )
    for point, move in list(zip(*display.moves, strict=True))[::8]:
        seen = induce(moved(model, [0, 1], point), shift, X, y)
        best = clone(model).fit(seen.X, seen.y, seen.sample_weight).coef_[0]
        # steps of a root finder that were 1e-5 of its place, and converged faster
        np.testing.assert_allclose(point + move, best, rtol=1e-4, atol=1e-5)


class Moves(BaseShift):
    """All move by the mean prediction, and say so by the key of their rows."""

    is_random = False

    def sample(self, X, y, y_pred, **_):
        return Sample(X + y_pred.mean(), y, support=("moved", float(y_pred.mean())))


def test_rows_with_another_key_are_other_rows(people):
    X, y = people
    model = clone(EXACT).fit(X, y)
    display = RiskLandscapeDisplay.from_estimator(
        model, Moves(), X, y, parameters=0, grid_resolution=5
    )
    check_decoupled(display, model, Moves(), X, y, 0)


def test_labels_that_are_words_and_people_who_are_told_of_the_first(people):
    X, y = people
    labels = np.where(y == 1, "bad", "good")
    model, shift = clone(EXACT).fit(X, labels), ResampleIfRejected(0.2)
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, labels, parameters=1, grid_resolution=5, pos_label="bad"
    )
    check_decoupled(display, model, shift, X, labels, 1, pos_label="bad")


def test_three_classes(people):
    X, _ = people
    y = np.digitize(X[:, 0] + 0.5 * X[:, 1], [-0.5, 0.5])
    model, shift = clone(EXACT).set_params(C=1.0, solver="lbfgs").fit(X, y), SHIFTS[0]
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, y, parameters=5, grid_resolution=5, pos_label=2
    )
    check_decoupled(display, model, shift, X, y, 5, pos_label=2)
    assert display.names == ["parameter 5"]


def test_a_label_that_is_thought_impossible_costs_what_the_metrics_say():
    X, y = np.array([[-1.0], [1.0], [1.0]]), np.array([0, 0, 1])
    model = clone(EXACT).fit(X, y)
    for shift in (ResampleIfRejected(0.5), StrategicResponse(0.0)):
        display = RiskLandscapeDisplay.from_estimator(
            model, shift, X, y, parameters=0, values=[0.0, 1e3]
        )
        far = moved(model, [0], [1e3])
        expected = performative_risk(far, shift, X, y)
        np.testing.assert_allclose(display.risk[1, 1], expected, rtol=1e-12)
        assert expected > 10


def test_closed_form_of_one_parameter():
    data = make_location_scale()
    X, y = data.data, data.target
    model = LinearRegression(fit_intercept=False).fit(X, y)
    shift = OutcomeShift(feedback=data.feedback)
    display = RiskLandscapeDisplay.from_estimator(model, shift, X, y)
    best, stable = data.optimal_prediction[0], data.stable_prediction[0]
    np.testing.assert_allclose(display.stable, [[stable]], atol=1e-6)
    np.testing.assert_allclose(display.optimum, [best], atol=1e-6)
    (values,) = display.values
    lowest = values[np.diag(display.risk).argmin()]
    assert abs(lowest - best) < 0.51 * (
        values[1] - values[0]
    )  # the nearest of the grid
    assert display.risk.shape == (41, 41)
    np.testing.assert_allclose(display.retraining_path[-1], stable, atol=1e-4)
    np.testing.assert_allclose(display.descent_path[-1], best, atol=1e-6)
    np.testing.assert_allclose(display.retraining_path[0], model.coef_)
    np.testing.assert_allclose(display.descent_path[0], model.coef_)
    np.testing.assert_allclose(  # the mean of what is induced, round by round
        display.retraining_path[1:5], 1 + 0.6 * display.retraining_path[:4], atol=1e-6
    )


@pytest.mark.parametrize("direction", ["fulfilling", "defeating"])
def test_closed_form_of_two_parameters(direction):
    data = make_two_group_prophecy(direction=direction)
    X, y = data.data, data.target
    model = LinearRegression(fit_intercept=False).fit(X, y)
    shift = SelfFulfillingShift(data.strength, direction=direction)
    display = RiskLandscapeDisplay.from_estimator(model, shift, X, y, grid_resolution=9)
    groups = [0, -1]
    np.testing.assert_allclose(
        display.stable, [data.stable_prediction[groups]], atol=1e-6
    )
    np.testing.assert_allclose(
        display.optimum, data.optimal_prediction[groups], atol=1e-5
    )
    points, moves = display.moves
    share = np.array([0.3, 0.6])
    slope = 0.5 * (1 - share if direction == "fulfilling" else -share)
    answered = np.isfinite(moves[:, 0])
    assert answered.any()
    induced = share + slope * points
    np.testing.assert_allclose((points + moves)[answered], induced[answered], atol=1e-6)


def test_retraining_is_that_of_an_estimator_without_a_penalty():
    X, y = make_classification(
        300, 1, n_informative=1, n_redundant=0, n_clusters_per_class=1, random_state=0
    )
    shift, model = SelfFulfillingShift(0.4), clone(EXACT).fit(X, y)
    display = RiskLandscapeDisplay.from_estimator(model, shift, X, y, grid_resolution=3)
    for numbers in display.retraining_path[:4]:
        np.testing.assert_allclose(Parameters(model).get(), numbers, rtol=1e-4)
        seen = induce(model, shift, X, y)
        model = clone(EXACT).fit(seen.X, seen.y, seen.sample_weight)
    assert display.names == ["coefficient 0", "intercept"]


def test_a_stable_point_is_shown_where_retraining_runs_away():
    X, y = np.ones((2, 1)), np.array([1.0, 2.0])
    model = LinearRegression(fit_intercept=False).fit(X, y)
    display = RiskLandscapeDisplay.from_estimator(model, OutcomeShift(-2.0), X, y)
    np.testing.assert_allclose(display.stable, [[0.5]], atol=1e-8)  # 1.5 = (1 + 2) f
    assert abs(display.retraining_path[-1]) > 1e6
    left, right = display.ax_.get_xlim()
    assert -3 < left < -1.5 < 1.5 < right < 3  # the start and its retraining


def test_the_optimum_is_that_of_the_deepest_valley_in_the_picture():
    """Few default, unless nearly all are told so; the search from here sees the few."""
    X, y = np.ones((10, 1)), np.array([1] + [0] * 9)
    model = clone(EXACT).set_params(fit_intercept=False).fit(X, y)
    shift = SelfFulfillingShift(0.95)
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, y, values=np.linspace(-5, 5, 41)
    )

    def risk(score):
        f = 1 / (1 + np.exp(-score))
        q = 0.1 + 0.9 * 0.95 * f
        return -q * np.log(f) - (1 - q) * np.log(1 - f)

    scores = np.linspace(-5, 5, 10_001)
    left, right = scores < 0, scores > 0
    near = scores[left][risk(scores[left]).argmin()]
    deep = scores[right][risk(scores[right]).argmin()]
    np.testing.assert_allclose(display.descent_path[-1], near, atol=2e-3)
    np.testing.assert_allclose(display.optimum, deep, atol=2e-3)
    np.testing.assert_allclose(np.diag(display.risk), risk(display.values[0]))


def test_the_model_is_left_as_it_was(people):
    X, y = people
    model = clone(EXACT).fit(X, y)
    before = model.coef_.copy()
    RiskLandscapeDisplay.from_estimator(
        model, SHIFTS[0], X, y, parameters=0, grid_resolution=3
    )
    np.testing.assert_array_equal(model.coef_, before)


def test_a_minimizer_is_drawn_from_its_deployed_model(people):
    X, y = people
    minimizer = RepeatedRiskMinimizer(clone(EXACT), SHIFTS[0]).fit(X, y)
    display = RiskLandscapeDisplay.from_estimator(
        minimizer, SHIFTS[0], X, y, parameters=0, grid_resolution=3
    )
    np.testing.assert_array_equal(
        display.retraining_path[0], minimizer.estimator_.coef_[0, 0]
    )


def test_names_are_those_of_columns(people):
    X, y = people
    X = pd.DataFrame(X, columns=["age", "debt", "income", "loans"])
    display = RiskLandscapeDisplay.from_estimator(
        clone(EXACT).fit(X, y), SHIFTS[3], X, y, parameters="debt", grid_resolution=5
    )
    assert display.names == ["debt"]
    assert display.ax_.get_xlabel() == "debt, deployed"
    assert display.ax_.get_ylabel() == "debt, evaluated"
    check_decoupled(display, EXACT.fit(X, y), SHIFTS[3], X, y, 1)


def test_no_number_where_people_have_no_answer():
    X, y = np.ones((10, 1)), np.arange(10) / 10
    model = LinearRegression(fit_intercept=False).fit(X, y)
    display = RiskLandscapeDisplay.from_estimator(
        model, ResampleIfRejected(0.5), X, y, values=[0.2, 0.5, 2.0]
    )
    np.testing.assert_array_equal(np.isnan(display.risk).any(axis=1), [0, 0, 1])
    assert np.isfinite(display.risk[:2]).all()


def test_worlds_without_a_pull_back():
    X, y = np.ones((2, 1)), np.array([1.0, 2.0])
    model = LinearRegression(fit_intercept=False).fit(X, y)
    shift = FunctionShift(lambda X, y, y_pred: (X, y + 0.5 * y_pred))
    display = RiskLandscapeDisplay.from_estimator(model, shift, X, y, grid_resolution=3)
    np.testing.assert_allclose(display.stable, [[3.0]], atol=1e-6)
    np.testing.assert_allclose(display.optimum, [3.0], atol=1e-4)


def test_a_torch_module():
    pytest.importorskip("torch")
    from skperf.neural_network import TorchRegressor

    X = np.random.RandomState(0).normal(size=(60, 2)).astype(np.float32)
    y = X[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = TorchRegressor(max_iter=5, random_state=0).fit(X, y)
    shift = OutcomeShift(0.5)
    display = RiskLandscapeDisplay.from_estimator(
        model, shift, X, y, parameters=1, grid_resolution=3
    )
    parameters = Parameters(model)
    numbers, (values,) = parameters.get(), display.values
    for value, risk in zip(values, np.diag(display.risk), strict=True):
        numbers[1] = value
        parameters.set(numbers)
        expected = performative_risk(model, shift, X, y)
        np.testing.assert_allclose(risk, expected, rtol=1e-5)  # of float32


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (None, "has 5 numbers and a picture has room for two.*'intercept'"),
        ("age", "no parameter 'age'.*'coefficient 3', 'intercept'"),
        (5, "no parameter 5.*from 0 to 4"),
        (True, "no parameter True"),
        ([0, 0], "1 different numbers; expected one or two, each once"),
        ([0, 1, 2], "3 different numbers"),
        ([], "0 different numbers"),
    ],
)
def test_numbers_have_to_be_chosen(people, parameters, words):
    with pytest.raises(ValueError, match=words):
        RiskLandscapeDisplay.from_estimator(
            EXACT.fit(*people), SHIFTS[0], *people, parameters=parameters
        )


@pytest.mark.parametrize(
    ("model", "shift", "given", "words"),
    [
        (DecisionTreeClassifier(), SHIFTS[0], {}, "neither a linear model nor a torch"),
        (EXACT, ResampleIfRejected(0.2, resampling="drawn"), {}, "drawn have no slope"),
        (EXACT, SHIFTS[0], {"response_method": "predict"}, "hard predictions"),
        (LinearSVC(), StrategicResponse(0.1), {}, "LinearSVC has no known slope"),
    ],
)
def test_without_numbers_or_slopes(people, model, shift, given, words):
    model = clone(model).fit(*people)
    with pytest.raises(ValueError, match=rf"{words}.*from_grid draws fitted"):
        RiskLandscapeDisplay.from_estimator(model, shift, *people, **given)


@pytest.mark.parametrize("values", [[1.0], [1.0, 0.0], [[0.0, 1.0], [0.0, 1.0]]])
def test_values_increase(people, values):
    with pytest.raises(ValueError, match=r"values must be 1 array.*that increase"):
        RiskLandscapeDisplay.from_estimator(
            EXACT.fit(*people), SHIFTS[0], *people, parameters=0, values=values
        )


def test_needs_a_fitted_model_and_a_shift(people):
    with pytest.raises(NotFittedError):
        RiskLandscapeDisplay.from_estimator(clone(EXACT), SHIFTS[0], *people)
    with pytest.raises(TypeError, match="shift"):
        RiskLandscapeDisplay.from_estimator(EXACT.fit(*people), None, *people)


def test_a_list_of_models_of_any_kind(people):
    X, y = people
    models = [GaussianNB(), DecisionTreeClassifier(max_depth=3), clone(EXACT)]
    models = [model.fit(X, y) for model in models]
    for shift in (SHIFTS[2], SHIFTS[3]):
        display = RiskLandscapeDisplay.from_grid(models, shift, X, y, names="model")
        expected = [
            [decoupled_performative_risk(f, g, shift, X, y) for g in models]
            for f in models
        ]
        np.testing.assert_allclose(display.risk, expected, rtol=1e-12)
        best = np.diag(expected).argmin()
        assert display.optimum == [best]
        stable = [i for i in range(3) if np.argmin(expected[i]) == i]
        np.testing.assert_array_equal(np.ravel(display.stable), stable)


def test_a_grid_of_models_by_any_score(people):
    X, y = people
    models = [
        [
            make_pipeline(StandardScaler(), clone(EXACT).set_params(C=c, tol=t)).fit(
                X, y
            )
            for c in (1e-3, 1.0)
        ]
        for t in (1e-2, 1e-4, 1e-6)
    ]
    display = RiskLandscapeDisplay.from_grid(
        models,
        SHIFTS[0],
        X,
        y,
        scoring="accuracy",
        values=[[-6, -4, -2], [-3, 0]],
        names=["log tol", "log C"],
    )
    expected = [
        [performative_risk(m, SHIFTS[0], X, y, scoring="accuracy") for m in row]
        for row in models
    ]
    np.testing.assert_allclose(display.risk, expected)
    assert display.risk_name == "minus accuracy"
    assert display.ax_.get_xlabel() == "log tol"
    assert not len(display.stable)


@pytest.mark.parametrize(
    ("models", "given", "words"),
    [
        ("one", {}, "models is no grid"),
        ([], {}, "models is no grid"),
        (["one"], {}, "models is no grid"),
        ([["one", "one"], ["one"]], {}, "models is no grid"),
        ([["one", "one"], "one"], {}, "models is no grid"),
        (["one", "one"], {"values": [0, 1, 2]}, r"a grid of \(2,\).*for \(3,\)"),
        ([["one"] * 2] * 2, {"names": "depth"}, r"the names \['depth'\]"),
    ],
)
def test_what_is_no_grid(people, models, given, words):
    model = EXACT.fit(*people)

    def fill(grid):
        return [fill(one) for one in grid] if isinstance(grid, list) else model

    with pytest.raises(ValueError, match=words):
        RiskLandscapeDisplay.from_grid(fill(models), SHIFTS[0], *people, **given)


def test_risks_of_ones_own_are_drawn_too():
    _, ax = plt.subplots()
    values = np.linspace(-1, 1, 5)
    risk = values[:, None] ** 2 + values**2
    display = RiskLandscapeDisplay([values, values], risk, optimum=[0, 0])
    shown = display.plot(ax=ax, cmap="magma", levels=[0.0, 1.0, 2.0])
    assert shown is display
    assert display.ax_ is ax
    assert display.surface_.get_cmap().name == "magma"
    assert list(display.surface_.levels) == [0.0, 1.0, 2.0]


def test_the_deployed_model_is_to_the_right():
    values = np.array([0.0, 1.0, 2.0])
    risk = np.array([[0.0, 1.0, 1.0], [5.0, 5.0, 5.0], [9.0, 9.0, 9.0]])
    display = RiskLandscapeDisplay(
        [values], risk, retraining_path=[[0.5], [1.5]]
    ).plot()
    drawn = display.surface_._contour_generator  # which has no public name
    assert np.allclose(
        np.asarray(drawn.create_filled_contour(8, 10)[0][0])[:, 0].min(), 1.75
    )
    labels = {line.get_label(): line for line in display.ax_.lines}
    np.testing.assert_array_equal(
        labels["retraining"].get_xydata(), [[0.5, 0.5], [0.5, 1.5], [1.5, 1.5]]
    )


def test_arrows_reach_no_further_than_the_next():
    values = [np.linspace(0, 10, 5), np.linspace(0, 1, 5)]
    points = np.array([[2.0, 0.2], [2.0, 0.8], [8.0, 0.2], [8.0, 0.8]])
    moves = np.array([[20.0, 0.0], [0.0, 0.5], [-10.0, -0.5], [np.nan, np.nan]])
    display = RiskLandscapeDisplay(values, np.eye(5), moves=(points, moves)).plot()
    (arrows,) = (one for one in display.ax_.collections if hasattr(one, "U"))
    np.testing.assert_array_equal(arrows.get_offsets(), points)
    # the longest is 4 times as long as the way to the next, which is 5
    shown = np.ma.stack([arrows.U, arrows.V], axis=1)
    np.testing.assert_allclose(shown[:3], moves[:3] / 4)
    short = RiskLandscapeDisplay(values, np.eye(5), moves=(points, moves / 100)).plot()
    (arrows,) = (one for one in short.ax_.collections if hasattr(one, "U"))
    np.testing.assert_allclose(arrows.U[:3], moves[:3, 0] / 100)


def test_points_outside_are_not_marked():
    values = [np.linspace(0, 1, 3)] * 2
    display = RiskLandscapeDisplay(
        values, np.eye(3), stable=[[0.5, 0.5], [0.5, 2.0]], optimum=[-1.0, 0.0]
    ).plot()
    shown = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert shown == ["stable"]
    (marks,) = (one for one in display.ax_.collections if one.get_label() == "stable")
    np.testing.assert_array_equal(marks.get_offsets(), [[0.5, 0.5]])
    assert display.ax_.get_xlim() == (0, 1)


def test_levels_are_between_equal_areas():
    values = [np.linspace(0, 1, 20)] * 2
    risk = np.geomspace(1, 1e6, 400).reshape(20, 20)
    levels = RiskLandscapeDisplay(values, risk).plot().surface_.levels
    below = np.mean(risk.ravel()[:, None] <= levels, axis=0)
    np.testing.assert_allclose(np.diff(below)[1:], 1 / 24, atol=3e-3)


def test_a_flat_risk_is_drawn():
    display = RiskLandscapeDisplay([np.arange(2.0)], np.ones((2, 2))).plot()
    assert len(display.surface_.levels) == 2


def test_without_matplotlib(people, monkeypatch):
    module = importlib.import_module("skperf.inspection._matplotlib")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    model = EXACT.fit(*people)
    words = r"RiskLandscapeDisplay draws with matplotlib.*skperf\[plot\]"
    with pytest.raises(ImportError, match=words):
        RiskLandscapeDisplay.from_estimator(model, SHIFTS[0], *people, parameters=0)
    with pytest.raises(ImportError, match=words):
        RiskLandscapeDisplay.from_grid([model, model], SHIFTS[0], *people)
