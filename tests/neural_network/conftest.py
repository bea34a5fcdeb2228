# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest
from sklearn.datasets import make_classification


@pytest.fixture(scope="session")
def labeled():
    """Return 200 rows of 4 features with two noisy classes."""
    return make_classification(200, 4, n_redundant=0, flip_y=0.2, random_state=0)


@pytest.fixture(scope="session")
def linear():
    """Return 100 rows of 3 features with a noisy linear target."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    return X, X @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=100)
