# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""check_shift finds a wrong pull-back, however little of it is wrong.

The broken shifts are a sound one, `Settle`, with one fault each.
"""

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from skperf.shift import (
    BaseShift,
    OutcomeShift,
    Predictor,
    PullBack,
    Sample,
    ShiftPipeline,
    StrategicResponse,
)
from skperf.testing import check_shift

X = np.random.default_rng(0).normal(size=(50, 2))
Y = np.random.default_rng(1).normal(size=50)


def predictor(X):
    return np.tanh(X @ [1.0, 0.5] + X[:, 0] * X[:, 1])


class Settle(BaseShift):
    """Everything moves: weights and targets with predictions, features with slopes."""

    is_random = False

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        base = np.ones(len(y_pred)) if sample_weight is None else sample_weight
        slope = X + 0.3 * predictor.gradient(X)
        return Sample(slope, y * (1 + y_pred), base * np.exp(y_pred))

    def pull_back(self, cotangent, X, y, y_pred, *, predictor=None, sample_weight=None):
        base = np.ones(len(y_pred)) if sample_weight is None else sample_weight
        by_weight = cotangent.weight * np.exp(y_pred)
        v = base * by_weight + cotangent.y * y
        back = cotangent._replace(weight=by_weight, y=cotangent.y * (1 + y_pred))
        return self.fail(back, PullBack(X, v, U=0.3 * cotangent.X))

    def fail(self, cotangent, asked):
        return cotangent, [asked]


class Model:
    """A function with a gradient."""

    def __call__(self, X):
        return predictor(X)

    def gradient(self, X, columns=None):
        slope = (1 - predictor(X) ** 2)[:, None]
        gradient = slope * ([1.0, 0.5] + X[:, ::-1])
        return gradient if columns is None else gradient[:, columns]


def check(shift):
    check_shift(shift, X=X, y=Y, predictor=Model(), n_draws=2)


def test_a_sound_pull_back():
    check(Settle())
    check(ShiftPipeline([("one", Settle()), ("two", OutcomeShift(0.3))]))


ONE = np.eye(1, 50, 7)[0]  # a fault on one of 50 rows
FAULTS = {
    "v": ("predictions", lambda c, a: (c, [a._replace(v=a.v * (1 + 1e-3 * ONE))])),
    "zero v": ("predictions", lambda c, a: (c, [a._replace(v=0 * a.v)])),
    "U": ("predictions", lambda c, a: (c, [a._replace(U=a.U + 1e-3 * ONE[:, None])])),
    "no U": ("predictions", lambda c, a: (c, [a._replace(U=None)])),
    "nothing": ("predictions", lambda c, a: (c, [])),
    "twice": ("predictions", lambda c, a: (c, [a, a])),
    "weight": ("weights", lambda c, a: (c._replace(weight=c.weight + 1e-3 * ONE), [a])),
    "y": ("targets", lambda c, a: (c._replace(y=c.y + 1e-3 * ONE), [a])),
    "X": ("features", lambda c, a: (c._replace(X=c.X + 1e-3 * ONE[:, None]), [a])),
    "elsewhere": ("features", lambda c, a: (c, [a._replace(of_base=False)])),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name):
    what, fault = FAULTS[name]

    class Faulty(Settle):
        def fail(self, cotangent, asked):
            return fault(cotangent, asked)

    message = rf"fails check_pull_back: by {what} .* differences"
    with pytest.raises(AssertionError, match=message):
        check(Faulty())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda a: a._replace(U=a.U[1:]), r"parts of the lengths .*'U': 49"),
        (lambda a: a._replace(groups=np.arange(3)), "parts of the lengths"),
    ],
)
def test_parts_of_other_lengths(fault, message):
    class Short(Settle):
        def fail(self, cotangent, asked):
            return cotangent, [fault(asked)]

    with pytest.raises(AssertionError, match=message):
        check(Short())


class Hidden(OutcomeShift):
    """Its worlds have a pull-back, and it says that they have none."""

    is_differentiable = False


def test_shift_and_world_must_agree():
    with pytest.raises(AssertionError, match="is_differentiable is False"):
        check(Hidden(0.5))


def test_a_model_whose_score_is_flat():
    """Nobody moves under trees, and nothing is found to be wrong with that."""
    tree = DecisionTreeRegressor(max_depth=3).fit(X, Y)
    shift = StrategicResponse(0.5)
    check_shift(shift, X=X, y=Y, predictor=Predictor(tree), n_draws=2)
