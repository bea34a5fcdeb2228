# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The game as an estimator: scikit-learn's contract, the record, errors."""

import pickle

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.games import BaseGameShift, GameOutcomeShift, PerformativeGame
from skperf.inspection import RetrainingDisplay
from skperf.shift import (
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    StrategicResponse,
    World,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
Y = RNG.normal(size=(30, 2))
WEIGHTS = RNG.uniform(0.5, 2, size=30)
FEEDBACK = [[-0.4, 0.2], [0.3, -0.5]]


def make_game(first=None, second=None, **params):
    players = [
        ("lyft", first or RepeatedRiskMinimizer(Ridge())),
        ("uber", second or AffineRiskMinimizer(Ridge(), window=2)),
    ]
    return PerformativeGame(players, GameOutcomeShift(FEEDBACK, spread=50.0), **params)


@pytest.fixture(params=["simultaneous", "alternating"])
def game(request):
    return make_game(order=request.param)


def assert_same(first, second):
    """Compare all that a game has left, except seconds."""
    assert_array_equal(first.predict(X), second.predict(X))
    assert first.diagnosis_ == second.diagnosis_
    assert first.stability_residual_ == second.stability_residual_
    for name in first.history_.keys() - {"fit_time"}:
        first_column, second_column = first.history_[name], second.history_[name]
        assert_array_equal(first_column, second_column, err_msg=name)


class RejectionsWorld(World):
    """A world of one model, in which several are deployed."""

    def __init__(self, world):
        self.world = world
        self.base = world.base
        self.is_random = world.is_random

    def start(self):
        return self.world.start()

    def react(self, state, predictor):
        assert len(predictor) == predictor(self.base.X).shape[1]
        seen, state = self.world.react(state, lambda X: predictor(X).mean(axis=1))
        return [seen for _ in predictor], state


class Rejections(BaseGameShift):
    """People whom a bank rejects change; each sees the mean of both scores."""

    def __init__(self, delta=0.3, resampling="expected"):
        self.delta = delta
        self.resampling = resampling

    def bind(self, X, y, **people):
        shift = ResampleIfRejected(self.delta, resampling=self.resampling)
        return RejectionsWorld(shift.bind(X, y, **people))

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        raise NotImplementedError("The game binds.")


# One player


ALONE = {
    "repeated": RepeatedRiskMinimizer(Ridge()),
    "window": AffineRiskMinimizer(Ridge(), window=2),
    "fraction": AffineRiskMinimizer(Ridge(), window=0.5),
    "all": AffineRiskMinimizer(Ridge()),
    "anderson": AffineRiskMinimizer(Ridge(), coefficients="anderson"),
}


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("spread", [None, 50.0])
@pytest.mark.parametrize(
    "weights", [WEIGHTS, pytest.param(None, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_one_player_is_a_minimizer(name, spread, weights, order):
    params = {"max_iter": 100, "tol": 1e-3}
    alone = clone(ALONE[name]).set_params(shift=OutcomeShift(-0.7, spread=spread))
    alone.set_params(**params).fit(X, Y[:, 0], sample_weight=weights)
    shift = GameOutcomeShift([[-0.7]], spread=spread)
    game = PerformativeGame([("one", ALONE[name])], shift, order=order, **params)
    game.fit(X, Y[:, 0], sample_weight=weights)
    assert_array_equal(game.predict(X)[:, 0], alone.predict(X))
    assert game.converged_
    assert game.n_iter_ == alone.n_iter_
    assert game.stability_residual_ == alone.stability_residual_
    for column in game.history_.keys() - {"fit_time"}:
        assert_array_equal(game.history_[column], alone.history_[column])


def test_one_player_in_a_random_world():
    shift = ResampleIfRejected(0.3, resampling="drawn")
    X, y = make_classification(200, random_state=0)
    alone = RepeatedRiskMinimizer(LogisticRegression(), shift, random_state=3)
    game = PerformativeGame(
        [("one", RepeatedRiskMinimizer(LogisticRegression()))],
        Rejections(0.3, resampling="drawn"),
        random_state=3,
    )
    for model in (alone, game):
        with pytest.warns(ConvergenceWarning, match="noise floor"):
            model.fit(X, y)
    player = game.named_players_.one
    assert_array_equal(player.predict_proba(X), alone.predict_proba(X))
    assert game.diagnosis_ == player.diagnosis_ == alone.diagnosis_ == "noise floor"


# Several players


def test_record(game):
    game.fit(X, Y)
    assert game.converged_
    assert game.diagnosis_ == "converged"
    assert game.stability_residual_ <= game.tol
    history = game.history_
    assert {len(column) for column in history.values()} == {game.n_iter_}
    gaps = [player.history_["prediction_gap"] for player in game.players_]
    assert_array_equal(history["prediction_gap"], np.maximum(*gaps))
    assert_array_equal(history["n_fits"], 2 * np.arange(2, game.n_iter_ + 2))
    assert_array_equal(history["n_rows_seen"], 2 * 60 * np.arange(1, game.n_iter_ + 1))


def test_players(game):
    game.fit(X, Y)
    lyft, uber = game.players_
    assert game.named_players_.lyft is lyft
    assert game.named_players_["uber"] is uber
    assert lyft.converged_
    assert uber.converged_
    assert_array_equal(
        game.predict(X), np.column_stack([lyft.predict(X), uber.predict(X)])
    )
    # the game leaves the players it was made of alone
    assert not hasattr(game.players[0][1], "estimator_")


def test_display_of_a_player(game):
    pytest.importorskip("matplotlib")
    lyft = game.fit(X, Y).named_players_.lyft
    line = RetrainingDisplay.from_estimator(lyft, name="lyft").line_
    assert_array_equal(line.get_ydata(), lyft.history_["stability_residual"])


def test_stable_is_stable(game):
    """Each model is the one that would be trained on what it sees."""
    game.set_params(tol=1e-9, max_iter=200).fit(X, Y)
    y_pred = game.predict(X)
    samples = game.shift.sample(X, Y, y_pred)
    for i, (data, targets, weights, *_) in enumerate(samples):
        again = Ridge().fit(data, targets, weights).predict(X)
        assert_allclose(again, y_pred[:, i], rtol=0, atol=1e-8)


@pytest.mark.parametrize("residuals", ["joint", "own"])
def test_order_of_the_players_does_not_matter_at_once(residuals):
    anderson = AffineRiskMinimizer(Ridge(), coefficients="anderson")
    players = [("a", RepeatedRiskMinimizer(Ridge())), ("b", anderson), ("c", anderson)]
    feedback, targets = RNG.normal(size=(3, 3)) / 4, RNG.normal(size=(30, 3))
    seen = {}
    for order in ([0, 1, 2], [2, 0, 1]):
        shift = GameOutcomeShift(feedback[np.ix_(order, order)], spread=50.0)
        game = PerformativeGame([players[i] for i in order], shift, residuals=residuals)
        game.set_params(max_iter=4, tol=0)
        with pytest.warns(ConvergenceWarning):
            game.fit(X, targets[:, order])
        seen[tuple(order)] = game.predict(X)[:, np.argsort(order)]
    first, second = seen.values()
    assert_allclose(first, second, rtol=0, atol=1e-8)


def test_names_do_not_matter(game):
    renamed = clone(game)
    renamed.set_params(players=[(f"x{i}", p) for i, (_, p) in enumerate(game.players)])
    assert_same(game.fit(X, Y), renamed.fit(X, Y))


def test_anderson_finds_what_patience_finds(game):
    player = AffineRiskMinimizer(Ridge(), coefficients="anderson")
    game.set_params(shift__feedback=[[-0.9, 0.2], [0.3, -0.9]])
    game.set_params(max_iter=200, tol=1e-7).fit(X, Y)
    fast = clone(game).set_params(lyft=player, uber=player).fit(X, Y)
    assert fast.n_iter_ < game.n_iter_ / 2
    assert_allclose(fast.predict(X), game.predict(X), rtol=0, atol=1e-6)


def test_classifiers_react_to_each_other():
    X, y = make_classification(200, random_state=0)
    bank = RepeatedRiskMinimizer(LogisticRegression())
    shift = Rejections()
    game = PerformativeGame([("a", bank), ("b", bank)], shift, tol=1e-3).fit(X, y)
    assert game.converged_
    # equals see the same, so that the game is one bank twice
    alone = RepeatedRiskMinimizer(LogisticRegression(), ResampleIfRejected(0.3))
    alone.set_params(tol=1e-3).fit(X, y)
    assert_array_equal(game.named_players_.a.predict_proba(X), alone.predict_proba(X))


def test_goes_on_with_observed_data(game):
    player = AffineRiskMinimizer(Ridge(), coefficients="anderson")
    game.set_params(lyft=player, uber=player).fit(X, Y)
    lyft = pickle.loads(pickle.dumps(game.named_players_.lyft))
    for _ in range(3):
        lyft.partial_fit(X, Y[:, 0])
    assert lyft.n_iter_ == 3
    assert_allclose(lyft.predict(X), Ridge().fit(X, Y[:, 0]).predict(X), atol=1e-8)


# scikit-learn's contract


def test_params(game):
    params = game.get_params()
    assert params["lyft"] is game.players[0][1]
    assert params["uber__window"] == 2
    assert params["uber__estimator__alpha"] == 1.0
    assert params["shift__spread"] == 50.0
    assert "uber__window" not in game.get_params(deep=False)
    game.set_params(uber__window=3, lyft__estimator__alpha=2.0, order="alternating")
    assert game.players[1][1].window == 3
    assert game.players[0][1].estimator.alpha == 2.0
    game.set_params(lyft=AffineRiskMinimizer(Ridge()))
    assert isinstance(game.players[0][1], AffineRiskMinimizer)
    with pytest.raises(ValueError, match="Invalid parameter 'grab'"):
        game.set_params(grab__window=3)


def test_clone_and_pickle(game):
    game.fit(X, Y)
    copied = clone(game)
    assert not hasattr(copied, "players_")
    assert copied.players[0][1] is not game.players[0][1]
    assert_same(copied.fit(X, Y), game)
    assert_same(pickle.loads(pickle.dumps(game)), game)
    assert "lyft" in repr(game)
    assert "lyft" in game._repr_html_()


def test_not_fitted(game):
    with pytest.raises(NotFittedError):
        game.predict(X)


def test_tables(game, df_module):
    plain = clone(game).fit(X, Y)
    table = df_module.DataFrame({f"x{i}": column for i, column in enumerate(X.T)})
    targets = df_module.DataFrame({"lyft": Y[:, 0], "uber": Y[:, 1]})
    game.fit(table, targets)
    # another memory layout sums in another order: some roundings of values up to 1
    assert_allclose(game.predict(table), plain.predict(X), rtol=0, atol=1e-12)
    assert_array_equal(game.named_players_.uber.feature_names_in_, ["x0", "x1", "x2"])


def test_weights_are_repetitions(game):
    """A row of weight 2 is two rows; gaps count them alike."""
    weights = np.arange(30) % 3
    rows = np.repeat(np.arange(30), weights)
    game.fit(X, Y, sample_weight=weights)
    repeated = clone(game).fit(X[rows], Y[rows])
    assert_allclose(game.predict(X), repeated.predict(X), rtol=0, atol=1e-10)
    gap = "prediction_gap"
    assert_allclose(game.history_[gap], repeated.history_[gap], rtol=1e-6)


def test_metadata_routing(game):
    plain = clone(game).fit(X, Y, sample_weight=WEIGHTS)
    sklearn.set_config(enable_metadata_routing=True)
    for name in ("lyft", "uber"):
        regressor = Ridge().set_fit_request(sample_weight=True)
        game.set_params(**{f"{name}__estimator": regressor})
    game.set_fit_request(sample_weight=True).fit(X, Y, sample_weight=WEIGHTS)
    assert_array_equal(game.predict(X), plain.predict(X))


def test_random_state(game):
    game.set_params(shift__noise=0.3, max_iter=5, random_state=1)
    with pytest.warns(ConvergenceWarning):
        game.fit(X, Y)
    with pytest.warns(ConvergenceWarning):
        assert_same(clone(game).fit(X, Y), game)
    other = clone(game).set_params(random_state=2)
    with pytest.warns(ConvergenceWarning):
        other.fit(X, Y)
    assert abs(other.predict(X) - game.predict(X)).max() > 1e-3


def test_noise_floor(game):
    game.set_params(shift__noise=0.3, max_iter=30, random_state=1)
    with pytest.warns(ConvergenceWarning, match="Diagnosis: noise floor"):
        game.fit(X, Y)


class Recorder:
    """Notes every event, and asks to stop after a round."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "round" and context.task_id == self.stop_at


def test_callbacks(game):
    recorder = Recorder()
    game.set_callbacks(recorder).fit(X, Y)
    rounds = ["round", "lyft", "uber"] * game.n_iter_
    assert recorder.events == [
        *("setup", "fit", "fit", "lyft", "uber"),
        *rounds,
        "teardown",
    ]


def test_stopping_early(game):
    """A stop that was asked for needs no warning."""
    game.set_params(tol=0).set_callbacks(Recorder(stop_at=2)).fit(X, Y)
    assert game.n_iter_ == 2
    assert not game.converged_


def test_progress_bar(game, capsys):
    pytest.importorskip("rich")
    game.set_callbacks(ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    assert "PerformativeGame - fit" in shown
    assert "lyft | RepeatedRiskMinimizer" in shown
    assert "100%" in shown


def test_scoring_monitor(game):
    def distance(estimator, X, y, sample_weight=None):
        return np.abs(estimator.predict(X) - stable).max()

    stable = clone(game).set_params(tol=1e-10, max_iter=99).fit(X, Y).predict(X)
    monitor = ScoringMonitor(scoring={"distance": distance})
    game.set_callbacks(monitor).fit(X, Y)
    scores = [row["distance"] for row in monitor.get_logs().data if "distance" in row]
    assert len(scores) == game.n_iter_ + 2  # the first models and the whole fit
    assert scores[-1] < 1e-3 < scores[1]


# Errors


class Broken(LinearRegression):
    """Fails at its second fit on more rows than the base population has."""

    def fit(self, X, y, sample_weight=None):
        if len(X) > 30 and hasattr(self, "coef_") and abs(y).max() > self.limit:
            raise RuntimeError("out of paper")
        self.limit = abs(y).max() - 1 if len(X) > 30 else np.inf
        return super().fit(X, y, sample_weight)


def test_a_failed_round_is_not_published(game):
    game.set_params(uber=RepeatedRiskMinimizer(Broken()))
    reference = clone(game).set_params(
        uber=RepeatedRiskMinimizer(LinearRegression()), max_iter=1
    )
    with pytest.raises(RuntimeError, match="out of paper") as raised:
        game.fit(X, Y)
    notes = " ".join(raised.value.__notes__)
    assert "Raised by the player 'uber'" in notes
    assert "Raised in round 2 of the game" in notes
    with pytest.warns(ConvergenceWarning):
        reference.fit(X, Y)
    assert game.n_iter_ == 1
    assert game.diagnosis_ == "interrupted"
    assert_array_equal(game.predict(X), reference.predict(X))
    # the first player has not moved either
    assert [player.n_iter_ for player in game.players_] == [1, 1]


class Interval(Ridge):
    """Predicts a value and what lies above it."""

    def predict(self, X):
        return np.column_stack([super().predict(X), super().predict(X) + 1])


def test_several_predictions_a_row(game):
    game.set_params(lyft=RepeatedRiskMinimizer(Interval(), scoring=_nothing))
    with pytest.raises(ValueError, match=r"'lyft' have the shape \(30, 2\)"):
        game.fit(X, Y)
    assert not hasattr(game, "players_")


def _nothing(estimator, X, y):
    return 0.0


def test_own_residuals_get_their_own_advice(game):
    player = AffineRiskMinimizer(Ridge(), coefficients="anderson")
    game.set_params(uber=player, residuals="own", max_iter=2, tol=1e-9)
    with pytest.warns(ConvergenceWarning, match="Use residuals='joint'"):
        game.fit(X, Y)


def test_divergence_is_reported():
    game = make_game(second=RepeatedRiskMinimizer(Ridge()))
    game.set_params(shift__feedback=[[-2.0, 0.5], [0.5, -2.0]], shift__spread=1e9)
    with pytest.warns(ConvergenceWarning, match="Diagnosis: diverging"):
        game.fit(X, Y)
    assert not game.converged_


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"players": []}, ValueError, "needs at least one player"),
        ({"players": "lyft"}, ValueError, "'players' parameter"),
        ({"players": [Ridge()]}, TypeError, r"pairs .* got Ridge\(\)"),
        ({"lyft": Ridge()}, TypeError, "'lyft' is a Ridge; expected a Repeated"),
        ({"order": "random"}, ValueError, "'order' parameter"),
        ({"residuals": "mine"}, ValueError, "'residuals' parameter"),
        ({"max_iter": 0}, ValueError, "'max_iter' parameter"),
        ({"tol": -1.0}, ValueError, "'tol' parameter"),
        ({"shift": None}, ValueError, "'shift' parameter"),
        ({"lyft__shift": OutcomeShift(1.0)}, ValueError, "a shift of its own"),
    ],
)
def test_invalid_parameters(game, params, error, message):
    with pytest.raises(error, match=message):
        game.set_params(**params).fit(X, Y)
    assert not hasattr(game, "players_")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "a"], "not unique"),
        (["a", "order"], "conflict with constructor"),
        (["a", "b__c"], "must not contain __"),
    ],
)
def test_invalid_names(game, names, message):
    player = RepeatedRiskMinimizer(Ridge())
    game.set_params(players=[(name, player) for name in names])
    with pytest.raises(ValueError, match=message):
        game.fit(X, Y)


class Returns(BaseGameShift):
    """A shift of a game that returns what it was told to."""

    def __init__(self, value):
        self.value = value

    def sample(self, X, y, y_pred, **kwargs):
        return self.value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "Returns returned a NoneType; expected a list of 2 Samples"),
        ([Sample(X, Y[:, 0])], "a list of length 1; expected a list of 2 Samples"),
        (Sample(X, Y[:, 0]), "a Sample of length 5; expected a list of 2 Samples"),
        ([X, Y], r"Returns returned ndarray; expected a Sample"),
    ],
)
def test_shift_without_a_sample_for_each(game, value, message):
    with pytest.raises(TypeError, match=message):
        game.set_params(shift=Returns(value)).fit(X, Y)


def test_invalid_data(game):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        game.fit(X, Y[:-1])
    with pytest.raises(ValueError, match="a column for each of the 2 players"):
        game.fit(X, Y[:, :1])
    with pytest.raises(ValueError, match="Negative values"):
        game.fit(X, Y, sample_weight=-WEIGHTS)


def test_the_solver_that_stops_too_early_is_named():
    """Applicants of two banks move against each bank's score, as for one alone."""

    class TwoBanks(BaseGameShift):
        def sample(
            self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
        ):
            move = StrategicResponse(10, strategic_features=[0, 3, 5]).sample
            return [
                move(X, y, own, predictor=bank)
                for own, bank in zip(y_pred.T, predictor, strict=True)
            ]

    X, y = make_classification(2000, 11, n_informative=6, flip_y=0.1, random_state=0)
    exact = LogisticRegression(solver="newton-cholesky")
    for solvers in ([exact, LogisticRegression()], [LogisticRegression(), exact]):
        banks = [(str(i), RepeatedRiskMinimizer(one)) for i, one in enumerate(solvers)]
        game = PerformativeGame(banks, TwoBanks(), max_iter=16)
        with pytest.warns(ConvergenceWarning, match=r"own solver.*tol=0.0001.*newton"):
            game.fit(X, y)
        assert game.diagnosis_ == "plateau"
    banks = [("a", RepeatedRiskMinimizer(exact)), ("b", RepeatedRiskMinimizer(exact))]
    game = PerformativeGame(banks, TwoBanks(), max_iter=16).fit(X, y)
    assert game.diagnosis_ == "converged"


def test_first_models_stay_if_the_first_round_fails(game):
    class Gone(GameOutcomeShift):
        def bind(self, X, y, **params):
            world = super().bind(X, y, **params)
            world.react = None
            return world

    game.set_params(shift=Gone(FEEDBACK))
    with pytest.raises(TypeError):
        game.fit(X, Y)
    assert game.n_iter_ == 0
    assert game.predict(X).shape == (30, 2)
    assert game.diagnosis_ == "interrupted"


def test_defaults():
    game = PerformativeGame([("one", RepeatedRiskMinimizer(Ridge()))], OutcomeShift(0))
    assert (game.tol, game.max_iter, game.order) == (1e-4, 20, "simultaneous")
    assert (game.residuals, game.random_state) == ("joint", None)


def test_the_warning_points_at_the_call_of_fit(game):
    with pytest.warns(ConvergenceWarning) as caught:
        game.set_params(max_iter=1, tol=1e-12).fit(X, Y)
    assert [w.filename for w in caught] == [__file__]


def test_players_are_judged_by_the_tolerance_of_the_game(game):
    game.set_params(tol=0.5).fit(X, Y)
    assert game.converged_
    assert all(player.converged_ for player in game.players_)
    assert all(player.tol == 0.5 for player in game.players_)
