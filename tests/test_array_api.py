# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Arrays of other libraries give what those of NumPy give, and stay what they are."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import (
    LaggedShift,
    MemoryShift,
    OutcomeShift,
    Predictor,
    ResampleIfRejected,
    SelfFulfillingShift,
    StrategicResponse,
)
from skperf.utils._arrays import to_numpy
from skperf.utils._frames import sample_to_frame
from skperf.utils._rows import number_rows
from skperf.utils._tables import (
    add_to_columns,
    column_values,
    concatenate,
    equal_tables,
    replace_columns,
    take_rows,
)

FACES = ["expected", "common", "drawn"]
SHIFTS = {
    **{f"whole rows, {f}": ResampleIfRejected(0.5, resampling=f) for f in FACES},
    **{
        f"columns, {f}": ResampleIfRejected(
            0.5, strategic_features=[3, 1], resampling=f
        )
        for f in FACES
    },
    "strategic": StrategicResponse(0.1, strategic_features=[1]),
    "strategic, some": StrategicResponse(0.1, responds=[1]),
    "memory": MemoryShift(ResampleIfRejected(0.5), decay=0.5),
    "lagged": LaggedShift(ResampleIfRejected(0.5), n_groups=2),
    "self-fulfilling": SelfFulfillingShift(0.3),
    "outcome": OutcomeShift(0.3),
}
LIBRARIES = {"array_api_strict": "asarray", "torch": "tensor"}

pytestmark = [
    pytest.mark.exact,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(params=LIBRARIES)
def convert(request):
    library = pytest.importorskip(request.param)
    pytest.importorskip("scipy", "1.14")  # older ones know no other arrays
    with sklearn.config_context(array_api_dispatch=True):
        yield getattr(library, LIBRARIES[request.param])


def fitted(kind, shift, X, y):
    moves_targets = isinstance(shift, OutcomeShift)
    solver = (
        Ridge(solver="svd")
        if moves_targets
        else LogisticRegression(tol=1e-10, max_iter=1000)
    )
    return kind(solver, shift, max_iter=4, random_state=0).fit(X, y)


@pytest.mark.parametrize(
    "kind",
    [
        RepeatedRiskMinimizer,
        pytest.param(AffineRiskMinimizer, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("shift", SHIFTS)
def test_every_face(convert, kind, shift):
    X, y = make_classification(80, 5, random_state=0)
    y = y.astype(float)
    plain = fitted(kind, SHIFTS[shift], X, y)
    other = fitted(kind, SHIFTS[shift], convert(X), convert(y))
    assert type(other.estimator_.coef_) is type(convert(X))
    assert_allclose(to_numpy(other.estimator_.coef_), plain.estimator_.coef_, atol=1e-6)
    for name, column in plain.history_.items():
        if name != "fit_time":
            assert_allclose(other.history_[name], column, atol=1e-6)


def test_observed_periods(convert):
    X, y = make_classification(200, 5, random_state=0)
    model = RepeatedRiskMinimizer(LogisticRegression())
    for _ in range(2):
        model.partial_fit(convert(X), convert(y))
    assert model.n_iter_ == 1
    assert model.stability_residual_ < 1e-6


def test_predictions_come_to_numpy(convert):
    X, y = make_classification(200, 5, random_state=0)
    predictor = Predictor(LogisticRegression().fit(convert(X), convert(y)))
    assert type(predictor(convert(X))) is np.ndarray
    assert type(predictor.score(convert(X))) is np.ndarray
    assert type(predictor.gradient(convert(X), [1])) is np.ndarray
    assert type(predictor.classes_) is np.ndarray


def test_tables_stay_in_their_library(convert):
    X = np.arange(12.0).reshape(4, 3)
    rows, donors, columns = np.array([0, 2]), np.array([3, 1]), np.array([2, 0])
    amounts = np.array([[1.0, 2.0], [3.0, 4.0]])
    for made in (
        lambda X: take_rows(X, rows),
        lambda X: replace_columns(X, columns, rows, donors),
        lambda X: add_to_columns(take_rows(X, rows), columns, amounts),
        lambda X: concatenate([X, take_rows(X, rows)]),
    ):
        assert type(made(convert(X))) is type(convert(X))
        assert_array_equal(to_numpy(made(convert(X))), made(X))
    assert_array_equal(column_values(convert(X), 1), X[:, 1])
    assert equal_tables(convert(X), convert(X))
    assert not equal_tables(convert(X), convert(X + 1))


def test_moves_keep_the_precision_of_floats(convert):
    X = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    moved = add_to_columns(convert(X), np.array([1]), np.full((2, 1), 0.5))
    assert moved.dtype == convert(X).dtype
    whole = add_to_columns(convert(X.astype(int)), np.array([1]), np.full((2, 1), 0.5))
    assert_array_equal(to_numpy(whole), to_numpy(moved))


def test_rows_are_numbered_and_shown(convert):
    X = convert(np.array([[1.0, 2.0], [0.0, 2.0], [1.0, 2.0]]))
    assert number_rows(X)[0].tolist() == [0, 1, 0]
    sample = ResampleIfRejected(0.5).sample(X, convert(np.zeros(3)), np.full(3, 0.5))
    assert sample_to_frame(sample)["x0"].tolist() == [1.0, 0.0, 1.0]
