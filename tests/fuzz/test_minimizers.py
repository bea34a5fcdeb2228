# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What nobody thought of: minimizers used in any order, on any table.

Whatever is called, an error is a ValueError or TypeError that this package or
scikit-learn has raised on purpose, what was handed in stays as it was, and a model
predicts one answer a row. ``make fuzz`` tries ten thousand examples.
"""

import pickle
import warnings
from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import FunctionShift
from skperf.testing.strategies import shifts
from skperf.utils._tables import equal_tables

ON_PURPOSE = (ValueError, TypeError)
# Python raises these two types itself where code is wrong.
BY_ACCIDENT = (
    "unsupported operand",
    "object is not",
    "has no len()",
    "unexpected keyword",
    "positional argument",
    "operands could not be broadcast",
    "not enough values to unpack",
    "too many values to unpack",
    "truth value of an array",
    "inhomogeneous",
)

encode = make_column_transformer(
    (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        make_column_selector(dtype_exclude=np.number),
    ),
    remainder="passthrough",
)
ESTIMATORS = [
    LogisticRegression(max_iter=20),
    GaussianNB(),
    DecisionTreeClassifier(max_depth=2, random_state=0),
    KNeighborsClassifier(2),
    Ridge(),
    LinearRegression(),
    make_pipeline(encode, DecisionTreeClassifier(max_depth=2, random_state=0)),
]
LABELS = [
    lambda y: y,
    lambda y: y.astype(float),
    lambda y: y.astype(bool),
    lambda y: 2 * y - 1,
    lambda y: np.array(["bad", "good", "fair"])[y],
    lambda y: np.array(["bad", "good", "fair"], object)[y],
    lambda y: y.tolist(),
    lambda y: y[:, None],
    lambda y: np.zeros_like(y),
    lambda y: y + 0.25,
]


def to_frame(X, y):
    names = [f"x{j}" for j in range(X.shape[1])]
    return pd.DataFrame(X, columns=names)


def to_odd_frame(X, y):
    """Return a frame with text, dates, missing values, flags and nullable integers."""
    frame = to_frame(X, y).iloc[:, :1].copy()
    frame["text"] = np.where(X[:, 0] > 0, "high", "low")
    frame["category"] = pd.Categorical(np.where(y > 0, "a", "b"))
    frame["flag"] = X[:, -1] > 0
    frame["count"] = pd.array(np.round(X[:, 0]).astype(int), dtype="Int64")
    frame["when"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(y, unit="D")
    frame.loc[frame.index[::3], "x0"] = np.nan
    frame.index = frame.index[::-1]
    return frame


TABLES = [
    lambda X, y: X,
    lambda X, y: X.astype(np.float32),
    lambda X, y: np.round(X).astype(int),
    lambda X, y: np.asfortranarray(X),
    lambda X, y: X.tolist(),
    lambda X, y: sparse.csr_array(X),
    to_frame,
    to_odd_frame,
    lambda X, y: to_frame(X, y).iloc[:, ::-1],
    lambda X, y: pl.DataFrame(dict(zip("abc", X.T, strict=False))),
    lambda X, y: X[:, :2],
    lambda X, y: np.where(X > 2, np.nan, X),
]
CHANGES = [
    {"tol": 1e-2},
    {"max_iter": 1},
    {"random_state": 1},
    {"response_method": "predict"},
    {"response_method": "decision_function"},
    {"pos_label": "bad"},
    {"pos_label": None},
    {"scoring": "accuracy"},
    {"scoring": None},
    {"estimator": Ridge()},
    {"estimator": DecisionTreeClassifier(max_depth=1, random_state=0)},
    {"shift": None},
]


@st.composite
def samples(draw):
    """Draw a table, its labels, weights and persons, of any kinds."""
    n = draw(st.integers(4, 12))
    rng = np.random.default_rng(draw(st.integers(0, 50)))
    numbers, codes = rng.normal(size=(n, 3)), rng.integers(0, 3, n)
    codes[:3] = 0, 1, draw(st.integers(0, 2))
    X = draw(st.sampled_from(TABLES))(numbers, codes)
    y = draw(st.sampled_from(LABELS))(codes)
    weight = draw(st.sampled_from([None, np.ones(n), rng.uniform(0, 2, n), np.ones(3)]))
    groups = draw(
        st.sampled_from([None, np.arange(n) // 2, [str(i) for i in range(n)]])
    )
    return X, y, weight, groups


@st.composite
def minimizers(draw):
    """Draw a minimizer with few rounds."""
    estimator = clone(draw(st.sampled_from(ESTIMATORS)))
    some = shifts(n_features=2) | st.just(FunctionShift(lambda X, y, y_pred: (X, y)))
    params = {
        "max_iter": draw(st.integers(1, 3)),
        "random_state": draw(st.sampled_from([None, 0])),
    }
    if draw(st.booleans()):
        return RepeatedRiskMinimizer(estimator, draw(some), **params)
    params["window"] = draw(st.sampled_from([None, 1, 2, 0.5]))
    params["coefficients"] = draw(st.sampled_from(["uniform", "size", "anderson"]))
    return AffineRiskMinimizer(estimator, draw(some), **params)


def n_rows(table):
    return table.shape[0] if hasattr(table, "shape") else len(table)


def same(first, second):
    return first is None or equal_tables(first, second)


class Minimizing(RuleBasedStateMachine):
    """One minimizer in the hands of somebody who tries everything."""

    @initialize(minimizer=minimizers())
    def begin(self, minimizer):
        self.model = minimizer
        self.seen = None

    def attempt(self, call, *given, **named):
        """Call it, and look at what became of what was handed in."""
        everything = (*given, *named.values())
        before = deepcopy(everything)
        fitted_before = self.record()
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                result = call(*given, **named)
        except NotFittedError:
            result = None
        except ON_PURPOSE as error:
            told = str(error)
            assert told
            assert not any(words in told for words in BY_ACCIDENT), told
            result = None
            if call.__name__ == "partial_fit":
                assert self.record() == fitted_before
        for now, then in zip(everything, before, strict=True):
            assert same(then, now)
        return result

    def record(self):
        """Return what a call that fails must leave as it was."""
        model = self.model
        if not hasattr(model, "estimator_"):
            return None
        return model.n_iter_, model.diagnosis_, id(model.estimator_)

    def remember(self, X, done):
        """Keep a table that the model has seen, if it may be asked about it.

        Periods may have their columns in any order; predictions are scikit-learn's.
        """
        names = list(getattr(self.model, "feature_names_in_", ()))
        ordered = not names or list(getattr(X, "columns", names)) == names
        if done is not None and ordered:
            self.seen = X

    @rule(sample=samples())
    def fit(self, sample):
        X, y, weight, groups = sample
        self.seen = None  # a fit that fails in a later round keeps those before
        done = self.attempt(self.model.fit, X, y, weight, groups=groups)
        self.remember(X, done)

    @rule(sample=samples())
    def partial_fit(self, sample):
        X, y, weight, groups = sample
        done = self.attempt(
            self.model.partial_fit, X, y, sample_weight=weight, groups=groups
        )
        self.remember(X, done)

    @rule(sample=samples())
    def partial_fit_with_a_period(self, sample):
        X, y, *_ = sample
        done = self.attempt(self.model.partial_fit, X, y, period="2026-11")
        self.remember(X, done)

    @rule(change=st.sampled_from(CHANGES))
    def set_params(self, change):
        self.model.set_params(**change)

    @rule()
    def pickle(self):
        if isinstance(self.model.shift, FunctionShift):
            return  # its function has no name
        self.model = pickle.loads(pickle.dumps(self.model))

    @rule()
    def copy(self):
        self.model = deepcopy(self.model)

    @rule()
    def clone(self):
        assert not hasattr(clone(self.model), "estimator_")

    @rule(sample=samples())
    def predict(self, sample):
        X, *_ = sample
        predicted = self.attempt(self.model.predict, X)
        if predicted is not None:
            assert len(predicted) == n_rows(X)

    @invariant()
    def a_record_has_a_row_a_round(self):
        model = getattr(self, "model", None)
        if model is None or not hasattr(model, "estimator_"):
            return
        assert {len(column) for column in model.history_.values()} == {model.n_iter_}
        assert model.converged_ == (model.diagnosis_ == "converged")

    @invariant()
    def what_was_fitted_predicts_on_what_it_has_seen(self):
        if getattr(self, "seen", None) is None:
            return
        check_is_fitted(self.model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a list has no names
            assert len(self.model.predict(self.seen)) == n_rows(self.seen)
            if is_classifier(self.model) and hasattr(self.model, "predict_proba"):
                proba = self.model.predict_proba(self.seen)
                assert np.all(np.isfinite(proba))
                assert np.allclose(proba.sum(axis=1), 1)


TestMinimizing = Minimizing.TestCase
TestMinimizing.settings = settings(stateful_step_count=10)
