# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skperf.datasets import make_ride_share

RANGES = {10: (-1.516, -0.370), 15: (-0.805, -0.182)}
SEEDS = range(5)


def joint_jacobian(data):
    """Return d z / d x of both companies in all locations, as one matrix."""
    n_locations = len(data.target)
    jacobian = np.zeros((2, n_locations, 2, n_locations))
    for i, j in np.ndindex(2, 2):
        jacobian[i, :, j] = np.diag(data.feedback[i, j])
    return jacobian.reshape(2 * n_locations, -1)


@pytest.mark.parametrize("price", RANGES)
@pytest.mark.parametrize("seed", SEEDS)
def test_eigenvalues_of_best_responses(price, seed):
    data = make_ride_share(price, random_state=seed)
    eigenvalues = np.linalg.eigvals(joint_jacobian(data) / 70)
    assert abs(eigenvalues.imag).max() < 1e-9
    assert_allclose(np.sort(eigenvalues.real), data.eigenvalues, atol=1e-9)
    assert_allclose([data.eigenvalues.min(), data.eigenvalues.max()], RANGES[price])


@pytest.mark.parametrize("seed", SEEDS)
def test_ranges_of_the_ten_dollar_bin(seed):
    data = make_ride_share(random_state=seed)
    own, cross = data.feedback[[0, 1], [0, 1]], data.feedback[[0, 1], [1, 0]]
    assert_allclose([own.min(), own.max()], [-77.2, -43.8])
    assert_allclose([cross.min(), cross.max()], [23.9, 33.6])
    # 77.2 and 43.8 are rounded, hence the mean demands to a unit
    assert_allclose([data.target.min(), data.target.max()], [292, 515], atol=0.5)


@pytest.mark.parametrize("price", RANGES)
def test_own_elasticity_comes_from_the_demand_of_the_other(price):
    data = make_ride_share(price, random_state=0)
    assert_allclose(data.feedback[0, 0], -1.5 * data.target[:, 1] / price)
    assert_allclose(data.feedback[1, 1], -1.5 * data.target[:, 0] / price)


@pytest.mark.parametrize("price", RANGES)
def test_equilibrium(price):
    data = make_ride_share(price, random_state=0)
    demand = data.target.T.ravel()
    prices = np.linalg.solve(70 * np.eye(22) - joint_jacobian(data), demand)
    assert_allclose(data.stable_prediction.T.ravel(), prices)
    assert data.stable_prediction.min() > 0
    assert data.stable_prediction.max() < data.price_bound


def test_spread_leaves_room_for_every_price():
    data = make_ride_share(random_state=0)
    signs = np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]])
    prices = data.price_bound * signs
    moves = np.einsum("ijn,kj->kin", data.feedback, prices)
    assert data.spread == pytest.approx(2 * abs(moves).max())


def test_locations():
    data = make_ride_share(n_locations=4, random_state=0)
    assert data.data.shape == (4, 4)
    assert data.target.shape == data.stable_prediction.shape == (4, 2)
    assert data.feedback.shape == (2, 2, 4)
    # an average of two between the strongest and the weakest location
    assert len(np.unique(data.feedback[0, 1])) == 4


def test_reproducible():
    first, second = (make_ride_share(random_state=1) for _ in range(2))
    assert_allclose(first.feedback, second.feedback, rtol=0)
    other = make_ride_share(random_state=2)
    assert abs(first.feedback - other.feedback).max() > 1


def test_errors():
    with pytest.raises(ValueError, match="price must be 10 or 15, got 12"):
        make_ride_share(12)
    with pytest.raises(ValueError, match="n_locations == 1, must be >= 2"):
        make_ride_share(n_locations=1)
