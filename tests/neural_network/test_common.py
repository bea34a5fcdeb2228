# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause


import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

pytest.importorskip("torch")

from skperf.neural_network import TorchClassifier, TorchRegressor


@parametrize_with_checks(
    [
        TorchClassifier(l2_penalty=0.1, tol=1e-14),
        TorchRegressor(l2_penalty=0.1, tol=1e-14),
    ]
)
def test_sklearn_contract(estimator, check):
    check(estimator)
