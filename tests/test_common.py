# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What all minimizers and all shifts must keep: scikit-learn's contract and ours."""

from inspect import isabstract

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

import skperf.shift
from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import (
    BaseShift,
    BudgetedResponse,
    FunctionShift,
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    QuantilePolicy,
    ResampleIfRejected,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    ThresholdPolicy,
    TransformedPredictionShift,
)
from skperf.testing import check_shift

FACES = ["expected", "common", "drawn"]


class Squash:
    """Turn values into probabilities; several outputs into their mean first.

    An object, as the address in a function's repr would be part of the tests' names.
    """

    def __call__(self, y_pred):
        return expit(y_pred.reshape(len(y_pred), -1).mean(axis=1))

    def __repr__(self):
        return "Squash()"


def make_minimizers(of_labels, of_values, faces):
    """Yield a minimizer of each of two classes for each face."""
    # A seed: of a few rows, some draws have one class only.
    params = {"max_iter": 2, "random_state": 0}
    for resampling in faces:
        shift = ResampleIfRejected(0.5, resampling=resampling)
        squashed = TransformedPredictionShift(shift, Squash())
        yield of_labels(LogisticRegression(max_iter=1000), shift, **params)
        yield of_values(Ridge(), squashed, **params)


def expected_failed_checks(minimizer):
    params = minimizer.shift.get_params()
    if "expected" in (params.get("resampling"), params.get("shift__resampling")):
        return {}
    reason = (
        "rows are drawn one by one: k equal rows get k independent outcomes, a row of "
        "weight k gets one. The law of the sample is the same, the sample is not"
    )
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason
        for kind in ("dense", "sparse")
    }


def all_checks(minimizers):
    return parametrize_with_checks(
        list(minimizers),
        expected_failed_checks=expected_failed_checks,
        xfail_strict=True,
    )


# The checks ask for one fit, not for a stable model, and the drawn face has none.
unstable = pytest.mark.filterwarnings(
    "ignore:Retraining is not stable:sklearn.exceptions.ConvergenceWarning"
)
# They know no pos_label, and try labels that do not tell which class is meant.
ambiguous = pytest.mark.filterwarnings("ignore::skperf.exceptions.PositiveClassWarning")


@unstable
@ambiguous
@all_checks(
    make_minimizers(RepeatedRiskMinimizer, AffineRiskMinimizer, ["expected", "drawn"])
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@unstable
@ambiguous
@all_checks(
    [
        *make_minimizers(AffineRiskMinimizer, RepeatedRiskMinimizer, FACES),
        *make_minimizers(RepeatedRiskMinimizer, AffineRiskMinimizer, ["common"]),
    ]
)
def test_scikit_learn_checks_of_the_others(estimator, check):
    check(estimator)


def inflate(X, y, y_pred, rate=0.5):
    return X, y + rate * y_pred


def redraw_some(X, y, y_pred, sample_weight, random_state):
    """A function that asks for weights and random numbers."""
    shift = ResampleIfRejected(0.1, resampling="drawn")
    return shift.sample(
        X, y, y_pred, sample_weight=sample_weight, random_state=random_state
    )


def discourage(X, y, y_pred):
    """A function that weighs rows and does not know that they had weights."""
    return X, y, 1 - y_pred / 2


def above(X, y):
    return X[:, 0] > 0.1


def odds(y_pred):
    return y_pred**2


SHIFTS = [
    *[ResampleIfRejected(0.3, resampling=face) for face in FACES],
    *[
        ResampleIfRejected(0.3, strategic_features=[0, 2], resampling=face)
        for face in FACES
    ],
    ResampleIfRejected(0.3, strategic_features=1, n_donors=1),
    ResampleIfRejected(0.3, strategic_features=[0], n_donors=9),
    ResampleIfRejected(0),
    ResampleIfRejected(1, strategic_features=[0]),
    StrategicResponse(0.5),
    StrategicResponse(-0.5, strategic_features=[1]),
    StrategicResponse(0.5, responds=[1]),
    StrategicResponse(0.5, responds=above),
    BudgetedResponse(0.5),
    ThresholdPolicy(ResampleIfRejected(0.3), 0.6),
    QuantilePolicy(BudgetedResponse(0.5, strategic_features=[0]), 0.2),
    SelfFulfillingShift(0.5),
    SelfFulfillingShift(0.9, direction="defeating"),
    OutcomeShift(0.5),
    OutcomeShift(-0.5, spread=2.0),
    FunctionShift(inflate, kw_args={"rate": 2.0}),
    FunctionShift(redraw_some),
    FunctionShift(discourage),
    TransformedPredictionShift(ResampleIfRejected(0.3, resampling="common"), odds),
    TransformedPredictionShift(StrategicResponse(0.5), odds),
    ShiftPipeline(
        [
            ("game", StrategicResponse(0.5, strategic_features=[0])),
            ("reject", ResampleIfRejected(0.3, strategic_features=[1])),
            ("outcome", OutcomeShift(0.2)),
        ]
    ),
    ShiftPipeline([("reject", ResampleIfRejected(0.3)), ("move", OutcomeShift(0.2))]),
    ShiftPipeline([("told", SelfFulfillingShift(0.4)), ("move", StrategicResponse(1))]),
    MemoryShift(ResampleIfRejected(0.3), 0.4),
    MemoryShift(StrategicResponse(0.5), 0.4),
    LaggedShift(ResampleIfRejected(0.3, strategic_features=[0]), 2),
    LaggedShift(SelfFulfillingShift(0.5), 3),
]
all_shifts = pytest.mark.parametrize("shift", SHIFTS, ids=lambda s: type(s).__name__)


def test_every_public_shift_is_here():
    public = [getattr(skperf.shift, name) for name in skperf.shift.__all__]
    classes = {
        named
        for named in public
        if isinstance(named, type)
        and issubclass(named, BaseShift)
        and not isabstract(named)
    }
    assert classes == {type(shift) for shift in SHIFTS}


@all_shifts
def test_shift_contract(shift):
    check_shift(shift, n_draws=10)


@all_shifts
def test_shift_parameters(shift):
    """All parameters, nested ones too, can be set and read, and a clone has them."""
    changed = clone(shift)
    for name in shift.get_params():
        value = object()
        assert changed.set_params(**{name: value}).get_params()[name] is value
        changed = clone(shift)
    assert repr(changed) == repr(shift)


@all_shifts
def test_shift_repr(shift):
    """The text names the class and all parameters that differ from their defaults."""
    text = repr(shift)
    assert text.startswith(type(shift).__name__)
    for name, value in shift.get_params(deep=False).items():
        default = type(shift).__init__.__kwdefaults__ or {}
        shown = name not in default or default[name] != value
        assert (f"{name}=" in text) == shown


def test_repr_can_be_evaluated():
    shift = ShiftPipeline([("a", ResampleIfRejected(0.3)), ("b", OutcomeShift(0.2))])
    assert repr(eval(repr(shift))) == repr(shift)


@pytest.mark.parametrize("shift", SHIFTS[:6], ids=repr)
def test_shift_of_several_targets(shift):
    """Only OutcomeShift does arithmetic on targets; rows move whole."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    check_shift(shift, X=X, y=y, n_draws=30)
