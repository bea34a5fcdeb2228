# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What moves of columns cost, beside closed forms."""

import importlib

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.linear_model import LinearRegression, LogisticRegression

from skperf import RepeatedRiskMinimizer
from skperf.inspection import GamingDisplay, gaming_importance
from skperf.metrics import performative_risk
from skperf.shift import (
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    StrategicResponse,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=200)
HALF, ONE = np.array([0.5, 0, 0]), np.array([0, 1.0, 0])
MODEL = LinearRegression().fit(X, Y)


def test_moves_of_a_linear_model_have_a_closed_form():
    """A move of -e c_j lowers the prediction by e c_j^2: residuals r grow by sums."""
    step, c = 0.1, MODEL.coef_
    found = gaming_importance(MODEL, StrategicResponse(step), X, Y)
    residual = Y - MODEL.predict(X) + step * (c @ c)
    rest = residual[:, None] - step * c**2
    expected = np.mean(residual[:, None] ** 2 - rest**2, axis=0)
    order = np.argsort(-expected)
    assert found["feature"].tolist() == [str(j) for j in order]
    assert_allclose(found["cost"], expected[order])
    assert_allclose(found["moved"], 1)


def test_intervals_are_paired_over_persons():
    persons = np.repeat(np.arange(100), 2)
    moved = FunctionShift(lambda X, y, f: (X + HALF, y))
    found = gaming_importance(
        MODEL, moved, X, Y, groups=persons, n_bootstrap=60, confidence_level=0.8
    )
    before, after = ((MODEL.predict(x) - Y) ** 2 for x in (X, X + HALF))
    gain = (after - before).reshape(100, 2).sum(axis=1)
    rng = np.random.RandomState(0)
    _, seed = (rng.randint(2**31 - 1) for _ in range(2))
    rng = np.random.RandomState(seed)
    drawn = [gain[rng.randint(100, size=100)].sum() / 200 for _ in range(60)]
    (row,) = found.to_dict("records")
    assert row["feature"] == "0"
    assert_allclose(row["cost"], gain.sum() / 200)
    assert_allclose([row["cost_low"], row["cost_high"]], np.quantile(drawn, [0.1, 0.9]))


def test_copies_with_donors_are_put_back():
    """With one column to change, what is put back is what nobody has changed."""
    y = (X[:, 0] > 0).astype(int)
    model = LogisticRegression().fit(X, y)
    shift = ResampleIfRejected(0.2, strategic_features=[0], n_donors=2)
    (row,) = gaming_importance(model, shift, X, y).to_dict("records")
    weights = shift.sample(X, y, model.predict_proba(X)[:, 1]).sample_weight
    assert 0.3 < row["moved"] < 0.8
    assert_allclose(row["moved"], weights[200:].sum() / weights.sum(), atol=0.01)
    sample = shift.bind(X, y, random_state=0)(model.predict_proba(X)[:, 1])
    assert len(sample.X) == 600
    before = -np.log(model.predict_proba(X)[np.arange(200), y]).mean()
    # weights of a person sum up to what they were, so the rest is the risk before
    retrained = RepeatedRiskMinimizer(model, shift).fit(X, y)
    (other,) = gaming_importance(retrained, shift, X, y).to_dict("records")
    assert row["cost"] > other["cost"] > 0
    risk = performative_risk(
        model,
        shift,
        X,
        y,
        random_state=np.random.RandomState(np.random.RandomState(0).randint(2**31 - 1)),
    )
    assert_allclose(row["cost"], risk - before)


@pytest.mark.parametrize(
    "make",
    [
        lambda X: pd.DataFrame(X, columns=["a", "b", "c"]),
        lambda X: pl.DataFrame(X, schema=["a", "b", "c"]),
        sparse.csr_array,
    ],
)
def test_tables(make):
    table = make(X)
    model = LinearRegression(fit_intercept=False).fit(table, Y)
    plain = LinearRegression(fit_intercept=False).fit(X, Y)
    found = gaming_importance(model, StrategicResponse(0.1), table, Y)
    expected = gaming_importance(plain, StrategicResponse(0.1), X, Y)
    assert_allclose(found["cost"], expected["cost"], rtol=1e-6)
    names = getattr(table, "columns", ["0", "1", "2"])
    assert sorted(found["feature"]) == list(names)


def test_missing_values_have_not_moved():
    y = (X[:, 0] > 0).astype(int)
    holes = pd.DataFrame(np.where(X > 1.5, np.nan, X), columns=["a", "b", "c"])
    model = LogisticRegression().fit(X, y)

    class Filled(LogisticRegression):
        def predict_proba(self, X):
            return super().predict_proba(np.nan_to_num(np.asarray(X)))

    model.__class__ = Filled
    shift = FunctionShift(lambda X, y, f: (X.assign(b=X["b"] + 1), y))
    (row,) = gaming_importance(model, shift, holes, y).to_dict("records")
    share = holes["b"].notna().mean()
    assert (row["feature"], row["moved"]) == ("b", pytest.approx(share))


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (OutcomeShift(0.5), "no column moves.*weights or targets"),
        (FunctionShift(lambda X, y, f: (X[:9], y[:9])), "does not say whose rows"),
    ],
)
def test_nothing_to_put_back(shift, message):
    with pytest.raises(ValueError, match=message):
        gaming_importance(MODEL, shift, X, Y)


def test_rows_that_changed_places_are_told():
    """What a shift says of its rows is believed, wherever these stand."""

    def turned(X, y, y_pred):
        rows = np.arange(len(y))[::-1]
        return Sample(X[rows] + ONE, y[rows], groups=rows)

    (row,) = gaming_importance(MODEL, FunctionShift(turned), X, Y).to_dict("records")
    risk = np.mean((MODEL.predict(X + ONE) - Y) ** 2)
    rest = np.mean((MODEL.predict(X) - Y) ** 2)
    assert row["feature"] == "1"
    assert_allclose(row["cost"], risk - rest)


def test_display():
    frame = gaming_importance(MODEL, StrategicResponse(0.1), X, Y)
    display = GamingDisplay.from_importance(frame, n_features=2)
    widths = [bar.get_width() for bar in display.bars_]
    assert_allclose(widths, frame["cost"][:2])
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == frame["feature"][:2].tolist()
    low, high = display.ax_.get_ylim()
    assert low > high  # the costliest on top
    (whiskers,) = (c for c in display.ax_.collections if len(c.get_segments()) == 2)
    ends = np.array([segment[:, 0] for segment in whiskers.get_segments()])
    assert_allclose(ends, frame[["cost_low", "cost_high"]][:2])
    again = GamingDisplay.from_importance(frame, ax=display.ax_, color="C3")
    assert again.ax_ is display.ax_


def test_display_errors(monkeypatch):
    frame = gaming_importance(MODEL, StrategicResponse(0.1), X, Y)
    with pytest.raises(ValueError, match="several models"):
        GamingDisplay.from_importance(pd.concat([frame, frame]))
    with pytest.raises(ValueError, match="no column has moved"):
        GamingDisplay.from_importance(frame[:0])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    module = importlib.import_module("skperf.inspection._matplotlib")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install skperf"):
        GamingDisplay.from_importance(frame)
