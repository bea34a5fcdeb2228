# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Linear games, against computations with numpy alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import make_linear_game
from skperf.games import GameOutcomeShift, PerformativeGame
from skperf.shift import OutcomeShift

ORDERS = ["simultaneous", "alternating"]


def as_matrix(feedback):
    n_players, _, n_locations, _ = feedback.shape
    return feedback.transpose(0, 2, 1, 3).reshape(n_players * n_locations, -1)


def equilibrium(feedback, y):
    return np.linalg.solve(np.eye(y.size) - as_matrix(feedback), y.ravel())


def round_matrix(feedback, order):
    """Return what a round of repeated minimizers multiplies the error by.

    In alternating play x_new = L x_new + U x + y, where L is the part of the feedback
    that comes from players who have moved before: block Gauss-Seidel.
    """
    matrix = as_matrix(feedback)
    if order == "simultaneous":
        return matrix
    n_players, _, n_locations, _ = feedback.shape
    earlier = np.tri(n_players, k=-1).repeat(n_locations, 0).repeat(n_locations, 1)
    lower = matrix * earlier
    return np.linalg.solve(np.eye(len(matrix)) - lower, matrix - lower)


def affine_minimum(residuals):
    """Minimize |sum a_k r_k| over sum(a) = 1 by its optimality conditions."""
    gram = residuals @ residuals.T
    size = len(gram)
    border = np.ones((size, 1))
    system = np.block([[gram / gram.max(), border], [border.T, np.zeros((1, 1))]])
    return np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=None)[0][:size]


def reference(feedback, y, order, weigh, n_rounds):
    """Play a game with plain arrays.

    ``weigh(i, residuals)`` gives the coefficients of player i from the residuals of all
    models so far, of shape (n_models - 1, n_players, n_locations).
    """
    x, path = y.copy(), [y.copy()]
    data = [[] for _ in y]
    residuals = []
    for _ in range(n_rounds):
        new, moved = x.copy(), np.empty_like(x)
        for i in range(len(y)):
            now = new if order == "alternating" else x
            seen = y[i] + np.einsum("jnm,jm->n", feedback[i], now)
            data[i].append(seen)
            coefficients = weigh(i, np.array(residuals))
            size = len(coefficients)
            new[i] = coefficients @ np.array(data[i][-size:])
            own = np.array([model[i] for model in path[-size:]])
            moved[i] = new[i] - coefficients @ own
        residuals.append(moved)
        x = new
        path.append(x)
    return np.array(path)


def newest(i, residuals):
    return np.ones(1)


def last_two(i, residuals):
    return np.ones(1) if not len(residuals) else np.full(2, 0.5)


def everything(i, residuals):
    return np.full(len(residuals) + 1, 1 / (len(residuals) + 1))


def anderson_joint(i, residuals):
    if not len(residuals):
        return np.ones(1)
    return affine_minimum(residuals.reshape(len(residuals), -1))


def anderson_own(i, residuals):
    return np.ones(1) if not len(residuals) else affine_minimum(residuals[:, i])


WAYS = {
    "repeated": (RepeatedRiskMinimizer, {}, newest),
    "last two": (AffineRiskMinimizer, {"window": 2}, last_two),
    "all": (AffineRiskMinimizer, {}, everything),
    "anderson": (AffineRiskMinimizer, {"coefficients": "anderson"}, anderson_joint),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n_players", [1, 2, 3])
def test_path(order, way, n_players, random_game, play_rounds, least_squares):
    feedback, y = random_game(n_players, 3, radius=1.3, seed=n_players)
    make, params, weigh = WAYS[way]
    players = [make(least_squares, **params) for _ in range(n_players)]
    path = play_rounds(players, feedback, y, 4, order=order)
    expected = reference(feedback, y, order, weigh, 4)
    # targets of 1e9 and -1e9 represent numbers of about 1: 7 digits are left
    assert_allclose(path, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_players_at_once_are_one_joint_learner(way, play_rounds, least_squares):
    data = make_linear_game(random_state=0)
    make, params, _ = WAYS[way]
    shift = OutcomeShift(data.feedback, spread=1e9)
    joint = make(least_squares, shift, max_iter=6, tol=0, **params)
    with pytest.warns(ConvergenceWarning):
        joint.fit(data.data, data.target)
    blocks = data.feedback.reshape(2, 11, 2, 11).swapaxes(1, 2)
    players = [make(least_squares, **params)] * 2
    path = play_rounds(players, blocks, data.target.reshape(2, 11), 6)
    assert_allclose(path[-1].ravel(), joint.predict(data.data), rtol=0, atol=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_own_residuals(order, random_game, play_rounds, least_squares):
    feedback, y = random_game(2, 4, radius=1.3, seed=0)
    player = AffineRiskMinimizer(least_squares, coefficients="anderson")
    path = play_rounds([player] * 2, feedback, y, 5, order=order, residuals="own")
    expected = reference(feedback, y, order, anderson_own, 5)
    assert_allclose(path, expected, rtol=0, atol=1e-5)
    together = reference(feedback, y, order, anderson_joint, 5)
    assert abs(path - together).max() > 0.01


@pytest.mark.parametrize("order", ORDERS)
def test_players_of_different_kinds(order, random_game, play_rounds, least_squares):
    feedback, y = random_game(3, 2, radius=0.8, seed=1)
    kinds = ["repeated", "last two", "anderson"]
    players = [WAYS[kind][0](least_squares, **WAYS[kind][1]) for kind in kinds]
    path = play_rounds(players, feedback, y, 4, order=order)

    def weigh(i, residuals):
        return WAYS[kinds[i]][2](i, residuals)

    expected = reference(feedback, y, order, weigh, 4)
    assert_allclose(path, expected, rtol=0, atol=1e-5)


def test_simultaneous_play_is_anderson_acceleration_of_the_game(
    random_game, play_rounds, least_squares
):
    """Against the iteration of Walker and Ni: m_t+1 = sum a_k g(m_k)."""
    feedback, y = random_game(2, 3, radius=1.5, seed=5)
    matrix = as_matrix(feedback)
    player = AffineRiskMinimizer(least_squares, coefficients="anderson")
    path = play_rounds([player] * 2, feedback, y, 5)
    mixtures, images = [y.ravel()], []
    for models in path[1:]:
        images.append(y.ravel() + matrix @ mixtures[-1])
        assert_allclose(models.ravel(), images[-1], rtol=0, atol=1e-5)
        moves = np.array(images) - np.array(mixtures)
        mixtures.append(affine_minimum(moves) @ np.array(images))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("radius", [0.7, 1.4])
def test_error_is_multiplied_by_the_round_matrix(
    order, radius, random_game, play_rounds, least_squares
):
    feedback, y = random_game(2, 3, radius, seed=2)
    path = play_rounds(
        [RepeatedRiskMinimizer(least_squares)] * 2, feedback, y, 6, order=order
    )
    errors = path.reshape(7, -1) - equilibrium(feedback, y)
    matrix = round_matrix(feedback, order)
    assert_allclose(errors[1:], errors[:-1] @ matrix.T, rtol=0, atol=1e-5)


@pytest.mark.parametrize("order", ORDERS)
def test_measured_contraction_is_the_spectral_radius(order, least_squares):
    feedback = np.array([[-0.5, 0.3], [0.2, -0.6]])
    players = [(name, RepeatedRiskMinimizer(least_squares)) for name in "ab"]
    shift = GameOutcomeShift(feedback)
    game = PerformativeGame(players, shift, order=order, max_iter=200, tol=1e-9)
    game.fit(np.ones((1, 1)), np.array([[1.0, 2.0]]))
    assert game.converged_
    gaps = game.history_["prediction_gap"]
    matrix = round_matrix(feedback[:, :, None, None], order)
    radius = abs(np.linalg.eigvals(matrix)).max()
    # complex eigenvalues turn the errors, so over ten rounds
    measured = (gaps[-1] / gaps[-11]) ** 0.1
    assert measured == pytest.approx(radius, rel=0.15)
    stable = np.linalg.solve(np.eye(2) - feedback, [1.0, 2.0])
    assert_allclose(game.predict([[1.0]])[0], stable, atol=1e-8)


@pytest.mark.parametrize("order", ORDERS)
def test_alternating_and_simultaneous_play_share_equilibria(
    order, random_game, play_rounds, least_squares
):
    feedback, y = random_game(3, 2, radius=0.3, seed=3)
    path = play_rounds(
        [RepeatedRiskMinimizer(least_squares)] * 3, feedback, y, 12, order=order
    )
    assert_allclose(path[-1].ravel(), equilibrium(feedback, y), rtol=0, atol=1e-5)


def test_anderson_ends_after_as_many_rounds_as_there_are_predictions(
    random_game, play_rounds, least_squares
):
    """Seven residuals in six dimensions can vanish; the first comes with round 1."""
    feedback, y = random_game(3, 2, radius=2.0, seed=4)
    player = AffineRiskMinimizer(least_squares, coefficients="anderson")
    path = play_rounds([player] * 3, feedback, y, 8)
    errors = abs(path.reshape(9, -1) - equilibrium(feedback, y)).max(axis=1)
    assert errors[7] > 1e-3
    assert errors[8] < 1e-5
