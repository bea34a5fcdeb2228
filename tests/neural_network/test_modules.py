# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

torch = pytest.importorskip("torch")

from skperf.neural_network import ScaledSigmoid, TorchClassifier, TorchRegressor

DELTA = 0.4


def with_head(module, scale):
    return torch.nn.Sequential(module, ScaledSigmoid(scale))


def test_scaled_sigmoid():
    values = np.linspace(-40, 40, 9)
    scaled = ScaledSigmoid(0.3)(torch.from_numpy(values)).numpy()
    assert_allclose(scaled, 0.3 * expit(values))
    assert repr(ScaledSigmoid(0.3)) == "ScaledSigmoid(scale=0.3)"


def test_three_forms_of_the_papers_model_agree(labeled):
    X, y = labeled
    start = torch.nn.Linear(4, 1)
    # the tolerance is on a loss that the scale makes smaller
    papers = TorchRegressor(with_head(start, 1 - DELTA), tol=1e-13 * (1 - DELTA) ** 2)
    unit = TorchRegressor(with_head(start, 1.0), tol=1e-13)
    clf = TorchClassifier(start, loss="squared_error", tol=1e-13)
    f = papers.fit(X, (1 - DELTA) * y).predict(X)
    y_pred = unit.fit(X, y).predict(X)
    assert_allclose(f / (1 - DELTA), y_pred, atol=1e-5)
    assert_allclose(clf.fit(X, y).predict_proba(X)[:, 1], y_pred, atol=1e-8)
    ratio = papers.loss_curve_[-1] / unit.loss_curve_[-1]
    assert ratio == pytest.approx((1 - DELTA) ** 2, rel=1e-6)
    assert_array_equal(f <= 1 - DELTA, True)
