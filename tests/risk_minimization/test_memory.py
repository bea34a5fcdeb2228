# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Retraining among people who remember past models, against closed forms.

With identity features, least squares and OutcomeShift(k) around base targets b the data
under f have the mean b + k f, and the stable model is b / (1 - k) with any memory.
"""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf import (
    AffineRiskMinimizer,
    PerformativeRiskMinimizer,
    RepeatedRiskMinimizer,
)
from skperf.games import BaseGameShift, GameOutcomeShift, PerformativeGame
from skperf.metrics import optimality_gap, performative_risk, stability_gap
from skperf.shift import (
    FunctionShift,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    Predictor,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    World,
)

X, Y = np.eye(2), np.array([1.0, 3.0])
PEOPLE, LABELS = make_classification(80, 3, n_redundant=0, random_state=0)
EXACT = LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000)


def run(estimator, shift, n_rounds, X=X, y=Y, **params):
    """Retrain a number of rounds, whatever comes of it."""
    params = {"max_iter": n_rounds, "tol": 0} | params
    model = RepeatedRiskMinimizer(estimator, shift, **params)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.n_iter_ == n_rounds
    return model


def ratios(model):
    gaps = model.history_["prediction_gap"]
    return gaps[1:] / gaps[:-1]


# Memory that decays


@pytest.mark.parametrize(
    ("decay", "k"), [(0.5, 0.5), (0.5, -1.2), (0.2, 0.9), (0.9, -1.5), (0.3, 1.1)]
)
def test_rate_with_memory(decay, k, least_squares):
    """Errors are multiplied by 1 - l (1 - k) in each round, from the first on."""
    model = run(least_squares, MemoryShift(OutcomeShift(k), decay), 6)
    assert_allclose(ratios(model), abs(1 - decay * (1 - k)), rtol=1e-9)
    # the first model is the base targets, and a share l of people answers it
    first = decay * abs(k) * np.sqrt(np.mean(Y**2))
    assert model.history_["prediction_gap"][0] == pytest.approx(first, rel=1e-12)


@pytest.mark.parametrize(
    ("decay", "k", "diagnosis"),
    [
        (0.5, 0.5, "converged"),
        (0.5, -1.2, "converged"),  # diverges without a memory
        (0.9, -1.5, "diverging"),
        (0.5, -3.2, "diverging"),  # l (1 - k) = 2.1
        (0.5, -2.6, "converged"),  # 1.8
    ],
)
def test_where_memory_converges(decay, k, diagnosis, least_squares):
    """The stable point is that of the world without memory, if l (1 - k) < 2."""
    model = RepeatedRiskMinimizer(
        least_squares, MemoryShift(OutcomeShift(k), decay), max_iter=100, tol=1e-6
    )
    if diagnosis == "converged":
        model.fit(X, Y)
        # |f - stable| = residual / |1 - k|, and sqrt(2) for the root mean square
        assert_allclose(model.predict(X), Y / (1 - k), rtol=0, atol=3e-6)
    else:
        with pytest.warns(ConvergenceWarning):
            model.set_params(max_iter=60).fit(X, Y)
    assert model.diagnosis_ == diagnosis


def test_the_right_decay_ends_it_in_one_round(least_squares):
    model = RepeatedRiskMinimizer(
        least_squares, MemoryShift(OutcomeShift(-1.2), 1 / 2.2), tol=1e-9
    ).fit(X, Y)
    assert model.history_["prediction_gap"][1] < 1e-14
    assert model.n_iter_ == 2


def test_residuals_are_of_people_at_rest(least_squares):
    """A slow memory lets the first gap look small: it is l times the residual."""
    model = RepeatedRiskMinimizer(
        least_squares, MemoryShift(OutcomeShift(0.5), 0.01), max_iter=3, tol=0.02
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y)
    assert model.history_["prediction_gap"].max() < 0.02
    f = model.predict(X)
    residual = np.sqrt(np.mean((Y + 0.5 * f - f) ** 2))
    assert residual > 1
    assert model.stability_residual_ == pytest.approx(residual, rel=1e-12)
    gap = stability_gap(model, model.shift, X, Y)
    assert gap == pytest.approx(residual**2, rel=1e-12)  # in units of risk


def test_a_slow_world_with_noise_is_at_no_floor():
    """The gaps are noise, of the few who have looked anew; the rest is to come."""
    noise = np.random.RandomState(0).normal(size=(41, 2))

    def answer(X, y, y_pred, random_state):
        return X, y + 0.5 * y_pred.reshape(len(y)) + noise[random_state.randint(41)]

    shift = FunctionShift(answer)
    one = LinearRegression(fit_intercept=False)
    diagnoses = []
    for decay in (1.0, 0.01):
        model = RepeatedRiskMinimizer(
            one, MemoryShift(shift, decay), max_iter=40, random_state=0
        )
        with pytest.warns(ConvergenceWarning):
            diagnoses.append(model.fit(X, Y).diagnosis_)
    assert diagnoses == ["noise floor", "slow"]


@pytest.mark.parametrize("inside", [False, True])
def test_residual_of_the_first_round(inside, least_squares):
    """Who meets a model for the first time has not got used to it, in a pipeline too.

    A later step of it has no state before it is met.
    """
    shift = MemoryShift(OutcomeShift(0.5), 0.01)
    if inside:
        shift = ShiftPipeline([("nothing", OutcomeShift(0.0)), ("slow", shift)])
    model = run(least_squares, shift, 1)
    assert np.isnan(model.history_["stability_residual"][0])


# Waiting


@pytest.mark.parametrize("n_rounds", [1, 2, 5])
def test_rate_of_late_retraining(n_rounds, least_squares):
    """A retraining after n rounds multiplies errors by 1 - (1 - (1 - l)^n)(1 - k)."""
    model = run(
        least_squares,
        MemoryShift(OutcomeShift(0.5), 0.3),
        6,
        n_rounds_per_deployment=n_rounds,
    )
    rate = 1 - (1 - 0.7**n_rounds) * 0.5
    assert_allclose(ratios(model), rate, rtol=1e-9)
    # more retrainings in as many rounds come nearer
    assert n_rounds == 1 or rate > (1 - 0.3 * 0.5) ** n_rounds
    assert_array_equal(model.history_["n_deployments"], np.arange(1, 7))


def test_waiting_destroys_stability(least_squares):
    shift = MemoryShift(OutcomeShift(-1.2), 0.5)
    often = RepeatedRiskMinimizer(least_squares, shift, max_iter=60, tol=1e-6)
    assert often.fit(X, Y).converged_
    seldom = run(least_squares, shift, 40, n_rounds_per_deployment=4)
    assert_allclose(ratios(seldom), (1 - 0.5**4) * 2.2 - 1, rtol=1e-6)
    assert ratios(seldom).min() > 1.06


@pytest.mark.parametrize("minimizer", [RepeatedRiskMinimizer, AffineRiskMinimizer])
def test_waiting_changes_nothing_without_memory(minimizer, least_squares):
    models = [
        minimizer(
            least_squares, OutcomeShift(0.2), n_rounds_per_deployment=n, tol=0.1
        ).fit(X, Y)
        for n in (1, 3)
    ]
    assert_array_equal(models[0].predict(X), models[1].predict(X))
    assert models[0].n_iter_ == models[1].n_iter_


@pytest.mark.parametrize("minimizer", [RepeatedRiskMinimizer, AffineRiskMinimizer])
def test_waiting_throws_dice_in_each_round(minimizer):
    shift = ResampleIfRejected(0.3, resampling="drawn")
    model = minimizer(
        EXACT, shift, n_rounds_per_deployment=3, max_iter=2, tol=0, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(PEOPLE, LABELS)
    assert model.__getstate__()["state"].round == 6


@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_players_wait_too(order):
    """Each round is thrown; in turns, before each player."""

    players = [(name, RepeatedRiskMinimizer(LinearRegression())) for name in "ab"]
    shift = GameOutcomeShift([[0.1, 0.1], [0.1, 0.1]], noise=0.1)
    game = PerformativeGame(
        players,
        shift,
        order=order,
        n_rounds_per_deployment=3,
        max_iter=2,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning):
        game.fit(PEOPLE, PEOPLE[:, 0])
    thrown = game.players_[0].__getstate__()["state"].round
    assert thrown == {"simultaneous": 6, "alternating": 12}[order]


def test_players_who_move_little_among_people_who_are_behind():
    """A game among people who have hardly met it is at no plateau."""

    class Steps(World):
        is_random = False

        def __init__(self, base):
            self.base = base

        def start(self):
            return np.zeros(1)

        def react(self, state, predictor):
            return [self.base._replace(y=self.base.y + 0.1 * (-1) ** state)], state + 1

        def settle(self, state, predictor):
            return [self.base._replace(y=self.base.y + 5.0)]

    class StepsShift(BaseGameShift):
        def bind(self, X, y, *, sample_weight=None, groups=None, random_state=None):
            return Steps(Sample(X, np.asarray(y, dtype=float), sample_weight, groups))

        def sample(self, X, y, y_pred, **kwargs):
            raise NotImplementedError("The game binds.")

    players = [("one", RepeatedRiskMinimizer(LinearRegression(fit_intercept=False)))]
    game = PerformativeGame(players, StepsShift(), max_iter=4)
    with pytest.warns(ConvergenceWarning):
        game.fit(X, Y)
    assert_allclose(game.history_["prediction_gap"][1:], 0.2, rtol=1e-9)
    assert game.diagnosis_ == game.players_[0].diagnosis_ == "slow"


# Groups that lag


@pytest.mark.parametrize(
    ("estimator", "shift"),
    [
        (LinearRegression(), OutcomeShift(-1.2)),
        (LinearRegression(), OutcomeShift(-0.9, spread=60.0)),
        (EXACT, ResampleIfRejected(0.1)),
        (EXACT, ResampleIfRejected(0.1, strategic_features=[0], resampling="drawn")),
        (EXACT, StrategicResponse(0.3, responds=[1])),
        (EXACT, SelfFulfillingShift(0.7)),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("n_groups", [1, 3])
def test_lagged_groups_are_a_uniform_window(estimator, shift, n_groups):
    y = PEOPLE @ [1.0, 2.0, 3.0] if hasattr(shift, "feedback") else LABELS
    params = {"max_iter": 5, "tol": 0, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        lagged = RepeatedRiskMinimizer(
            estimator, LaggedShift(shift, n_groups), **params
        ).fit(PEOPLE, y)
    with pytest.warns(ConvergenceWarning):
        window = AffineRiskMinimizer(estimator, shift, window=n_groups, **params).fit(
            PEOPLE, y
        )
    for column in ("prediction_gap", "two_back_gap", "n_rows"):
        assert_allclose(
            lagged.history_[column], window.history_[column], rtol=0, atol=1e-12
        )
    assert lagged.history_["prediction_gap"][0] > 1e-3
    assert_allclose(lagged.predict(PEOPLE), window.predict(PEOPLE), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_groups", "stable"), [(2, False), (3, True)])
def test_lagged_groups_damp_oscillation(n_groups, stable, least_squares):
    """Negative feedback is stable down to k = -n_groups, with no margin."""
    model = RepeatedRiskMinimizer(
        least_squares, LaggedShift(OutcomeShift(-2.2), n_groups), max_iter=200, tol=1e-3
    )
    if stable:
        model.fit(X, Y)
        assert_allclose(model.predict(X), Y / 3.2, rtol=0, atol=1e-3)
    else:
        with pytest.warns(ConvergenceWarning):
            model.set_params(max_iter=60).fit(X, Y)
        gaps = model.history_["prediction_gap"]
        # the roots of z^2 + 1.1 z + 1.1 have the modulus sqrt(1.1)
        assert gaps[30:].max() > 1.1**14 * gaps[:5].min()


# Small steps


class Step(RegressorMixin, BaseEstimator):
    """A step down the gradient of half the squared error, from where it stands."""

    def __init__(self, rate):
        self.rate = rate

    def fit(self, X, y, sample_weight=None):
        mean = np.average(y, weights=sample_weight)
        self.level_ = getattr(self, "level_", 1.0)
        self.level_ += self.rate * (mean - self.level_)
        return self

    def predict(self, X):
        return np.full(len(X), self.level_)


@pytest.mark.parametrize(
    ("rate", "decay", "k"), [(0.2, 0.3, 0.5), (0.5, 0.8, -1.5), (1.0, 0.5, -1.2)]
)
def test_radius_of_gradient_steps(rate, decay, k):
    """Model and memory m go by [[1-g, g], [l k (1-g), 1-l + l k g]], for the step g."""
    model = run(Step(rate), MemoryShift(OutcomeShift(k), decay), 60, X=X, y=[1.0, 3.0])
    matrix = np.array(
        [[1 - rate, rate], [decay * k * (1 - rate), 1 - decay + decay * k * rate]]
    )
    stable = 2 / (1 - k)
    first = 1 + rate * (2 - 1)  # the first training, on the base population
    memory = (1 - decay) * 2 + decay * (2 + k * first)
    error, path = np.array([first, memory]) - stable, [first - stable]
    for _ in range(60):
        error = matrix @ error
        path.append(error[0])
    gaps = np.abs(np.diff(path))
    assert_allclose(model.history_["prediction_gap"], gaps, rtol=1e-6, atol=1e-13)


# The long run


M0, SLOPE = 6.0, 1.5  # of the sales of a product by its price


def revenue(model, X, y, sample_weight=None):
    return np.average(model.predict(X) * y, weights=sample_weight)


@pytest.mark.parametrize("decay", [0.2, 0.5, 1.0])
def test_the_myopic_optimum_earns_less(decay):
    """Whoever counts this round's customers only stops at m / ((1 + l) e).

    He earns 4 l / (1 + l)^2 of what the best price for the long run does.
    """
    shift = MemoryShift(OutcomeShift(-SLOPE, spread=20.0), decay)
    product, sales = np.ones((1, 1)), np.array([M0])
    world = shift.bind(product, sales)

    def seen(state, price):
        sample, state = world.react(state, lambda X: np.full(len(X), price))
        return np.average(sample.y, weights=sample.sample_weight), state

    price, state = 1.0, world.start()
    for _ in range(300):
        higher, lower = (
            p * seen(state, p)[0] for p in (price + 1e-3, price - 1e-3)
        )  # exact for a parabola
        price += 0.1 * (higher - lower) / 2e-3
        _, state = seen(state, price)
    assert price == pytest.approx(M0 / ((1 + decay) * SLOPE), rel=1e-6)

    best = PerformativeRiskMinimizer(
        LinearRegression(fit_intercept=False), shift, scoring=revenue
    ).fit(product, sales)
    assert best.predict(product)[0] == pytest.approx(M0 / (2 * SLOPE), rel=1e-4)
    myopic = LinearRegression(fit_intercept=False).fit(product, [price])
    earned = [
        -performative_risk(model, shift, product, sales, scoring=revenue)
        for model in (myopic, best)
    ]
    assert earned[1] == pytest.approx(M0**2 / (4 * SLOPE), rel=1e-6)
    share = 4 * decay / (1 + decay) ** 2
    assert earned[0] / earned[1] == pytest.approx(share, rel=1e-4)


@pytest.mark.parametrize("method", ["gradient", "retrain"])
@pytest.mark.parametrize(
    "remember", [lambda s: MemoryShift(s, 0.2), lambda s: LaggedShift(s, 3)]
)
def test_the_optimum_is_that_of_the_long_run(method, remember):
    """It is what it is without a memory, to the last bit: nobody waits for people."""
    shift = SelfFulfillingShift(0.7)
    best = [
        PerformativeRiskMinimizer(EXACT, s, method=method).fit(PEOPLE, LABELS)
        for s in (shift, remember(shift))
    ]
    assert best[1].performative_risk_ == best[0].performative_risk_
    assert_array_equal(best[1].predict_proba(PEOPLE), best[0].predict_proba(PEOPLE))
    assert best[1].n_iter_ == best[0].n_iter_
    assert best[1].diagnosis_ == "stationary"
    own = performative_risk(best[1], remember(shift), PEOPLE, LABELS)
    assert own == pytest.approx(best[1].performative_risk_, rel=1e-12)


def test_the_optimality_gap_is_that_of_the_long_run():
    shift = SelfFulfillingShift(0.7)
    model = LogisticRegression().fit(PEOPLE, LABELS)
    gaps = [
        optimality_gap(model, s, PEOPLE, LABELS)
        for s in (shift, MemoryShift(shift, 0.2))
    ]
    assert gaps[0] == gaps[1]


def test_the_optimum_waits_for_nobody():
    """It has no rounds between deployments: all it looks at is at rest."""
    assert (
        "n_rounds_per_deployment" not in PerformativeRiskMinimizer(EXACT).get_params()
    )


# Live with it


@pytest.mark.parametrize(
    "shift",
    [
        MemoryShift(ResampleIfRejected(0.1), 0.3),
        MemoryShift(ResampleIfRejected(0.1, resampling="drawn"), 0.3),
        LaggedShift(StrategicResponse(0.3, responds=[1]), 3),
    ],
    ids=lambda shift: repr(shift)[:30],
)
def test_periods_with_memory(shift):
    """Month by month, all of it stored in between, one gets where a fit gets."""
    n_rounds = 4
    model = RepeatedRiskMinimizer(EXACT, random_state=0)
    world = shift.bind(PEOPLE, LABELS, random_state=np.random.RandomState(0))
    stored = pickle.dumps((model.partial_fit(PEOPLE, LABELS), world, world.start()))
    for _ in range(n_rounds):
        model, world, state = pickle.loads(stored)
        deployed = Predictor(model.estimator_)
        seen, state = world.react(state, deployed)
        model.partial_fit(seen.X, seen.y, sample_weight=seen.sample_weight)
        stored = pickle.dumps((model, world, state))
    at_once = run(EXACT, shift, n_rounds, PEOPLE, LABELS, random_state=0)
    assert_allclose(
        model.predict_proba(PEOPLE), at_once.predict_proba(PEOPLE), atol=1e-12
    )
    for column in ("prediction_gap", "risk_before", "risk_after"):
        assert_allclose(
            model.history_[column], at_once.history_[column], rtol=0, atol=1e-12
        )


def test_a_fitted_minimizer_stores_no_people():
    """What people did is the world's; nothing goes on from the end of a fit."""
    rows, labels = np.repeat(PEOPLE, 20, axis=0), np.repeat(LABELS, 20)
    for shift in (ResampleIfRejected(0.1), StrategicResponse(0.1)):
        model = RepeatedRiskMinimizer(EXACT, MemoryShift(shift, 0.3), tol=0.1)
        assert len(pickle.dumps(model.fit(rows, labels))) < 20_000 < rows.nbytes
