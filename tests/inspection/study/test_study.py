# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A study's numbers, beside the same computed by hand."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold

from skperf import (
    AffineRiskMinimizer,
    PerformativeRiskMinimizer,
    RepeatedRiskMinimizer,
)
from skperf.datasets import make_location_scale
from skperf.exceptions import PositiveClassWarning
from skperf.inspection import RetrainingStudy, gaming_importance
from skperf.metrics import performative_risk
from skperf.shift import (
    Deployment,
    FunctionShift,
    OutcomeShift,
    QuantilePolicy,
    ResampleIfRejected,
    Sample,
    StrategicResponse,
    estimate_shift,
)

X, Y = make_classification(
    240, 4, n_redundant=0, n_informative=3, flip_y=0.1, random_state=0
)
TRAIN, TEST = np.arange(140), np.arange(140, 240)
MODEL = LogisticRegression(solver="newton-cholesky", tol=1e-9)
MINIMIZERS = {
    "retrained": RepeatedRiskMinimizer,
    "averaged": AffineRiskMinimizer,
    "optimal": PerformativeRiskMinimizer,
}
TWO = ("ordinary", "retrained")
SHIFTS = {"rejected": ResampleIfRejected(0.1), "follow": StrategicResponse(0.3)}


def study(estimators=MODEL, shifts=SHIFTS["follow"], **params):
    params = {"cv": [(TRAIN, TEST)], "n_bootstrap": 30, "random_state": 0} | params
    return RetrainingStudy(estimators, shifts, **params)


def quietly(one, *data, **fit_params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return one.fit(*data, **fit_params)


def draws(random_state, n_persons, n_bootstrap):
    """Return how often each person is drawn, first once."""
    rng = np.random.RandomState(random_state)
    _, seed = (rng.randint(2**31 - 1) for _ in range(2))  # the split's comes first
    rng = np.random.RandomState(seed)
    drawn = (rng.randint(n_persons, size=n_persons) for _ in range(n_bootstrap))
    return np.array([np.bincount(each, minlength=n_persons) for each in drawn])


def by_hand(way, shift):
    """Fit a way on the training rows; return the model and losses of those held out."""
    if way == "ordinary":
        model = clone(MODEL).fit(X[TRAIN], Y[TRAIN])
    else:
        minimizer = MINIMIZERS[way](MODEL, shift, max_iter=10)
        model = quietly(minimizer, X[TRAIN], Y[TRAIN])
    x, y = X[TEST], Y[TEST]
    weights = np.ones(len(y))
    if isinstance(shift, StrategicResponse):
        x = x - 0.3 * getattr(model, "estimator_", model).coef_
    else:
        g = 0.1 + 0.9 * model.predict_proba(x)[:, 1]
        weights = 1 - g + g.mean()
    losses = -np.log(model.predict_proba(x)[np.arange(len(y)), y])
    return model, losses, weights, x


@pytest.mark.parametrize("name", SHIFTS)
def test_risks_and_paired_intervals_are_those_by_hand(name):
    fitted = quietly(study(shifts=SHIFTS[name]), X, Y)
    table = fitted.results_.set_index("way")
    counts, ratios = draws(0, 100, 30), {}
    for way, row in table.iterrows():
        model, losses, weights, _ = by_hand(way, SHIFTS[name])
        risk = performative_risk(model, SHIFTS[name], X[TEST], Y[TEST])
        assert_allclose(row["risk"], risk, rtol=1e-7)
        assert_allclose(row["risk"], np.average(losses, weights=weights), rtol=1e-7)
        rest = log_loss(Y[TEST], model.predict_proba(X[TEST]))
        assert_allclose(row["risk_nobody_reacts"], rest, rtol=1e-7)
        ratios[way] = counts @ (weights * losses) / (counts @ weights)
        ends = np.quantile(ratios[way], [0.025, 0.975])
        assert_allclose(row[["risk_low", "risk_high"]].astype(float), ends, rtol=1e-7)
    assert table.loc["ordinary", ["difference", "difference_low"]].isna().all()
    for way in MINIMIZERS:
        row = table.loc[way]
        first = table.loc["ordinary", "risk"]
        assert_allclose(row["difference"], row["risk"] - first, atol=1e-12)
        ends = np.quantile(ratios[way] - ratios["ordinary"], [0.025, 0.975])
        found = row[["difference_low", "difference_high"]].astype(float)
        assert_allclose(found, ends, atol=1e-8)


def test_endings_and_histories_are_those_of_the_minimizers():
    fitted = quietly(study(max_iter=6), X, Y)
    for way, kind in MINIMIZERS.items():
        model = kind(MODEL, SHIFTS["follow"], max_iter=6)
        quietly(model, X[TRAIN], Y[TRAIN])
        row = fitted.results_.set_index("way").loc[way]
        assert (row["diagnosis"], row["rounds"]) == (model.diagnosis_, model.n_iter_)
        assert row["settled"] == model.converged_
        assert_allclose(row["residual"], model.stability_residual_, atol=1e-9)
        history = fitted.history_.query("way == @way")
        assert_array_equal(history["round"], np.arange(1, model.n_iter_ + 1))
        risks = model.history_["risk_before"]
        assert_allclose(history["risk_before"], risks, rtol=1e-6)
    first = fitted.results_.iloc[0]
    assert (first["diagnosis"], first["settled"]) == ("not retrained", None)


def test_a_location_scale_family_has_its_closed_form():
    """Held-out people are twins of those who train, so the risks are exact."""
    data = make_location_scale(50, noise=0.3, noise_slope=0.4, random_state=0)

    def react(X, y, y_pred):
        z = (y - 1) / 0.3
        return X, y + (0.6 + 0.4 * z) * y_pred

    fitted = study(
        LinearRegression(fit_intercept=False),
        FunctionShift(react),
        ways=("ordinary", "retrained", "optimal"),
        max_iter=30,
        cv=[(np.arange(50), np.arange(50, 100))],
    )
    twins = np.tile(data.target, 2)
    quietly(fitted, np.tile(data.data, (2, 1)), twins)
    found = fitted.results_.set_index("way")["risk"]
    ordinary = (1 + (0.6 - 1) * 1) ** 2 + (0.3 + 0.4 * 1) ** 2  # it predicts 1
    expected = [ordinary, data.stable_risk, data.optimal_risk]
    assert_allclose(found[["ordinary", "retrained", "optimal"]], expected, rtol=1e-4)
    assert fitted.results_.loc[0, "risk_nobody_reacts"] == pytest.approx(0.09)
    (decision,) = fitted.decision_.to_dict("records")
    assert decision["way"] == "optimal"
    assert decision["not_told_apart"] == ["LinearRegression, ordinary"]
    assert decision["worse"] == ["LinearRegression, retrained"]
    told = fitted.recommend()
    assert "with 50 people held out no difference can be told between it and: " in told
    assert told.endswith("The least work of these: LinearRegression, ordinary.")


def bring_friends(X, y, y_pred):
    """Return all rows, the last first, and more of those with high predictions."""
    rows = np.arange(len(y))[::-1]
    return Sample(X[rows], y[rows], 1 + 9 * y_pred[rows], groups=rows)


def test_splits_count_by_the_weight_of_those_held_out():
    """Not by the weight that a shift gives to all of its rows."""
    weights = np.linspace(0.2, 3, 240)
    cv, shift = KFold(3), FunctionShift(react_weighted)
    fitted = study(shifts=shift, ways="ordinary", cv=cv, scoring="neg_log_loss")
    quietly(fitted, X, Y, sample_weight=weights)
    risks, totals = [], []
    for train, test in cv.split(X):
        model = clone(MODEL).fit(X[train], Y[train], weights[train])
        given = {"sample_weight": weights[test]}
        risks.append(performative_risk(model, shift, X[test], Y[test], **given))
        totals.append(weights[test].sum())
    expected = np.average(risks, weights=totals)
    row = fitted.results_.iloc[0]
    assert_allclose([row["risk"], -row["neg_log_loss"]], expected, rtol=1e-8)
    assert (fitted.n_splits_, fitted.n_people_) == (3, 240)


def react_weighted(X, y, y_pred, sample_weight):
    return Sample(X, y, sample_weight * (1 + 9 * y_pred), groups=np.arange(len(y)))


def test_rows_that_changed_places_keep_their_groups():
    by = {"tall": X[:, 1] > 0.5}
    fitted = study(shifts=FunctionShift(bring_friends), ways="ordinary")
    row = quietly(fitted, X, Y, by=by).by_group_.iloc[0]
    tall, y = by["tall"][TEST], Y[TEST]
    f = clone(MODEL).fit(X[TRAIN], Y[TRAIN]).predict_proba(X[TEST])[:, 1]
    losses = -np.log(np.where(y == 1, f, 1 - f))
    weights = 1 + 9 * f
    assert_allclose(row["risk"], np.average(losses[tall], weights=weights[tall]))
    assert_allclose(row["risk_nobody_reacts"], losses[tall].mean())


@pytest.mark.parametrize("name", SHIFTS)
def test_groups_weigh_up_to_all(name):
    by = np.where(X[:, 1] > 0.5, "old", "young")
    fitted = quietly(study(shifts=SHIFTS[name], ways=TWO, cv=3), X, Y, by=by)
    for way, groups in fitted.by_group_.groupby("way"):
        row = fitted.results_.set_index("way").loc[way]
        assert_allclose(groups["share"].sum(), 1)
        assert_allclose(
            np.average(groups["risk"], weights=groups["share"]), row["risk"]
        )
        if name == "follow":  # weights stay, so that the same shares hold before
            before = np.average(groups["risk_nobody_reacts"], weights=groups["share"])
            assert_allclose(before, row["risk_nobody_reacts"])
        assert groups["n_people"].tolist() == [(by == g).sum() for g in groups["group"]]
        change = groups["risk"] - groups["risk_nobody_reacts"]
        assert_allclose(groups["risk_change"], change)


def test_a_group_by_hand():
    by = {"all": np.ones(240, bool), "tall": X[:, 1] > 0.5}
    fitted = quietly(study(shifts=SHIFTS["rejected"], ways="ordinary"), X, Y, by=by)
    table = fitted.by_group_.set_index("group")
    model, losses, weights, _ = by_hand("ordinary", SHIFTS["rejected"])
    tall = by["tall"][TEST]
    f = model.predict_proba(X[TEST])[:, 1]
    row = table.loc["tall"]
    assert_allclose(row["risk"], np.average(losses[tall], weights=weights[tall]))
    assert_allclose(row["share"], weights[tall].sum() / weights.sum())
    assert_allclose(row["prediction"], np.average(f[tall], weights=weights[tall]))
    assert_allclose(row["prediction_nobody_reacts"], f[tall].mean())
    assert_allclose(row["rejection_rate"], 0.1 + 0.9 * f[tall].mean())
    assert row["n_people"] == tall.sum()
    assert_allclose(table.loc["all", "risk"], fitted.results_.loc[0, "risk"])


def test_scores_are_of_the_induced_data_and_paired():
    def profit(estimator, X, y, sample_weight=None):
        lent = estimator.predict_proba(X)[:, 1] < 0.3
        return np.average(np.where(lent, 1 - 5 * y, 0) + X[:, 0], weights=sample_weight)

    scoring = {"profit": profit, "AUC": "roc_auc"}
    fitted = quietly(study(ways=TWO, scoring=scoring), X, Y)
    table = fitted.results_.set_index("way")
    counts, drawn = draws(0, 100, 30), {}
    for way in fitted.ways:
        model, _, _, x = by_hand(way, SHIFTS["follow"])
        gain = np.where(model.predict_proba(x)[:, 1] < 0.3, 1 - 5 * Y[TEST], 0)
        gain = gain + x[:, 0]
        assert_allclose(table.loc[way, "profit"], gain.mean())
        drawn[way] = counts @ gain / 100
        area = roc_auc_score(Y[TEST], model.predict_proba(x)[:, 1])
        assert_allclose(table.loc[way, "AUC"], area)
        proba = model.predict_proba(x)[:, 1]
        areas = [roc_auc_score(Y[TEST], proba, sample_weight=c) for c in counts]
        assert_allclose(table.loc[way, "AUC_low"], np.quantile(areas, 0.025))
    ends = np.quantile(drawn["retrained"] - drawn["ordinary"], [0.025, 0.975])
    row = table.loc["retrained"]
    found = row[["profit_difference_low", "profit_difference_high"]].astype(float)
    assert_allclose(found, ends, atol=1e-7)
    assert fitted.decision_["figure"].tolist() == ["risk", "profit", "AUC"]
    best = table["profit"].idxmax()
    assert fitted.decision_.set_index("figure").loc["profit", "way"] == best


def test_gamed_columns_are_those_of_the_model_alone():
    fitted = quietly(study(ways=TWO, shifts=SHIFTS["follow"], cv=KFold(2)), X, Y)
    shares, costs = [], []
    for train, test in KFold(2).split(X):
        model = clone(MODEL).fit(X[train], Y[train])
        alone = gaming_importance(model, SHIFTS["follow"], X[test], Y[test])
        costs.append(alone.set_index("feature")["cost"].sort_index())
        shares.append(alone["moved"])
    found = fitted.gaming_.query("way == 'ordinary'")
    assert found["cost"].is_monotonic_decreasing
    assert_allclose(found.set_index("feature")["cost"].sort_index(), sum(costs) / 2)
    assert_allclose(found["moved"], sum(shares) / 2)


def test_a_score_that_few_draws_define_has_no_interval():
    rare = np.zeros(240, int)
    rare[[0, 1, 2, 150]] = 1
    fitted = quietly(study(ways="ordinary", scoring="roc_auc", n_bootstrap=40), X, rare)
    counts = draws(0, 100, 40)
    row = fitted.results_.iloc[0]
    assert (counts[:, 10] > 0).mean() > 0.5  # the one of the class is drawn often
    assert 0 <= row["roc_auc_low"] <= row["roc_auc"] <= row["roc_auc_high"] <= 1
    rare[150] = 0

    def undefined(estimator, X, y, sample_weight=None):
        everybody = sample_weight is None or np.ptp(sample_weight) == 0
        return 1.0 if everybody else np.nan

    fitted = quietly(study(ways="ordinary", scoring={"odd": undefined}), X, Y)
    row = fitted.results_.iloc[0]
    assert row["odd"] == 1
    assert np.isnan([row["odd_low"], row["odd_high"]]).all()


def assert_same(one, other):
    for name in ("results_", "by_group_", "gaming_", "history_", "decision_"):
        table, same = (
            getattr(each, name).drop(columns="fit_time", errors="ignore")
            for each in (one, other)
        )
        assert len(table)
        assert_frame_equal(same, table, rtol=1e-9)
    assert one.recommend() == other.recommend()


def test_copies_say_the_same():
    one = study(ways=TWO)
    other = quietly(clone(one), X, Y, by=X[:, 0] > 0)
    assert not hasattr(clone(other), "results_")
    assert_same(other, quietly(one, X, Y, by=X[:, 0] > 0))
    assert_same(other, pickle.loads(pickle.dumps(one)))


@pytest.mark.slow
def test_several_workers_say_the_same(capsys):
    pytest.importorskip("rich")
    one = study(ways=TWO, shifts=SHIFTS, cv=2)
    several = clone(one).set_params(n_jobs=2).set_callbacks(ProgressBar())
    quietly(several, X, Y, by=X[:, 0] > 0)
    assert "RetrainingStudy - fit" in capsys.readouterr().out
    assert_same(quietly(one, X, Y, by=X[:, 0] > 0), several)


def make_messy(n=400):
    """Return people with several rows, missing values, categories, dates and IDs."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "id": rng.permutation(np.repeat([f"C{i:03d}" for i in range(n // 2)], 2)),
            "age": rng.integers(18, 80, n),
            "balance": np.where(rng.uniform(size=n) < 0.1, np.nan, rng.normal(size=n)),
            "region": pd.Categorical(rng.choice(["north", "south"], n)),
            "since": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(rng.integers(0, 9, n), "D"),
        }
    )
    bad = X["balance"].fillna(0) + rng.logistic(size=n) > 3.2
    return X, pd.Series(np.where(bad, "bad", "good"))


def prepare(frame):
    """Return numbers: days for dates, codes for categories."""
    parts = [
        np.asarray(frame["age"], float),
        np.asarray(frame["balance"], float),
        (np.asarray(frame["region"]).astype(str) == "north").astype(float),
        (np.asarray(frame["since"], "datetime64[D]")).astype(float),
    ]
    return np.column_stack(parts)


class Boosting(HistGradientBoostingClassifier):
    """Trees on what `prepare` makes of a frame, which must not have an ID."""

    def fit(self, X, y, sample_weight=None):
        assert list(X.columns) == ["age", "balance", "region", "since"]
        return super().fit(prepare(X), y, sample_weight)

    def predict(self, X):
        return super().predict(prepare(X))

    def predict_proba(self, X):
        return super().predict_proba(prepare(X))


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_messy_frame(kind):
    X, y = make_messy()
    ages = pd.cut(X["age"], [0, 40, 80])
    assert 0.02 < (y == "bad").mean() < 0.06
    if kind == "polars":
        X = pl.from_pandas(X)
    boosting = Boosting(max_iter=4, max_depth=2, early_stopping=False)
    shift = ResampleIfRejected(0.3, strategic_features=["balance"], n_donors=1)
    fitted = study(boosting, shift, pos_label="bad", cv=None, max_iter=3)
    fitted.set_params(ways=TWO)
    quietly(fitted, X, y, groups="id", by=ages)
    table = fitted.results_
    assert np.isfinite(table["risk"]).all()
    assert fitted.n_people_ == pytest.approx(50, abs=6)
    assert fitted.by_group_["group"].tolist() == ["(0, 40]", "(40, 80]"] * 2
    assert (fitted.by_group_["rejection_rate"] < 0.5).all()  # not the good ones
    assert set(fitted.gaming_["feature"]) == {"balance"}
    messy_risks.setdefault(kind, table["risk"].to_numpy())
    assert_allclose(table["risk"], next(iter(messy_risks.values())), rtol=1e-9)


messy_risks = {}


def test_text_labels_are_told_of_once():
    names = np.array(["good", "bad"])[Y]
    with pytest.warns(PositiveClassWarning, match=r"\[4 of 4 fits") as caught:
        study(ways=TWO, shifts=SHIFTS).fit(X, names)
    kinds = [each.category for each in caught]
    assert kinds.count(PositiveClassWarning) == 1
    assert "stacklevel" not in caught[0].filename
    assert caught[0].filename == __file__


def test_warnings_that_differ_in_numbers_are_one():
    fitted = study(ways="averaged", shifts=SHIFTS["rejected"], cv=3, max_iter=2)
    with pytest.warns(ConvergenceWarning) as caught:
        fitted.fit(X, Y)
    assert len(caught) == len(fitted.warnings_) == 1
    assert fitted.warnings_.loc[0, "n_fits"] == 3
    assert fitted.results_.loc[0, "diagnosis"] == "slow"
    assert not fitted.results_.loc[0, "settled"]


def test_where_there_is_no_optimum_the_row_says_why():
    boosting = HistGradientBoostingClassifier(max_iter=2, max_depth=2)
    drawn = ResampleIfRejected(0.3, strategic_features=[0], resampling="common")
    fitted = study(boosting, drawn, ways=("ordinary", "optimal"))
    quietly(fitted, X, Y)
    first, missing = fitted.results_.to_dict("records")
    assert pd.isna(first["missing"])
    assert np.isnan(missing["risk"])
    assert "cannot be minimized" in missing["missing"]
    assert "there is no such model" in " ".join(fitted.answers_["What do I lose?"])
    with pytest.raises(ValueError, match=r"no model to judge.*cannot be minimized"):
        study(boosting, drawn, ways="optimal").fit(X, Y)


def test_other_errors_of_the_best_model_are_errors():
    with pytest.raises(ValueError, match="NaN") as error:
        study(ways="optimal").fit(np.where(X > 2, np.nan, X), Y)
    assert "way='optimal', split=0" in " ".join(error.value.__notes__)


def test_rows_of_unknown_people_have_no_intervals():
    def half(X, y, y_pred):
        return X[::2] + 0.1, y[::2]

    fitted = study(shifts=FunctionShift(half), ways="ordinary", scoring="roc_auc")
    quietly(fitted, X, Y, by=X[:, 0] > 0)
    row = fitted.results_.iloc[0]
    model = clone(MODEL).fit(X[TRAIN], Y[TRAIN])
    risk = log_loss(Y[TEST][::2], model.predict_proba(X[TEST][::2] + 0.1))
    assert_allclose(row["risk"], risk)
    assert np.isnan([row["risk_low"], row["roc_auc_low"], row["risk_change_low"]]).all()
    assert len(fitted.by_group_) == len(fitted.gaming_) == 0
    assert "no other model" in fitted.recommend() or "by chance" in fitted.recommend()


def test_rows_that_may_have_changed_places_have_no_intervals():
    """As many rows, another X and another y: nobody says whose they are."""

    def turn(X, y, y_pred):
        return X[::-1] + 0.1, y[::-1]

    fitted = study(shifts=FunctionShift(turn), ways="ordinary")
    quietly(fitted, X, Y, by=X[:, 0] > 0)
    assert np.isnan(fitted.results_.loc[0, "risk_low"])
    assert len(fitted.by_group_) == 0


def test_persons_are_handed_to_a_search_that_splits_by_them():
    search = GridSearchCV(MODEL, {"C": [1.0]}, cv=GroupKFold(2))
    fitted = study(search, SHIFTS["rejected"], ways=TWO, cv=2)
    quietly(fitted, X, Y, groups=np.arange(240) // 2)
    assert np.isfinite(fitted.results_["risk"]).all()
    assert fitted.n_people_ == 120


def test_an_estimate_stands_for_itself_and_both_ends():
    rng = np.random.default_rng(0)
    told, lot = rng.normal(size=500), rng.choice([-0.3, 0.3], 500)
    seen = Sample(told[:, None], 0.4 * (told + lot) + rng.normal(size=500))
    estimate = estimate_shift(
        OutcomeShift(0.0), Deployment(None, seen, y_pred=told + lot, perturbation=lot)
    )
    fitted = study(LinearRegression(), {"feedback": estimate}, ways="ordinary")
    quietly(fitted, X, X[:, 0] + Y)
    kinds = ["as estimated", "cautious", "strongest"]
    assert list(fitted.results_["shift"]) == [f"feedback, {kind}" for kind in kinds]
    model = LinearRegression().fit(X[TRAIN], (X[:, 0] + Y)[TRAIN])
    for shift, risk in zip(
        (estimate.shift, estimate.cautious_shift(), estimate.strongest_shift()),
        fitted.results_["risk"],
        strict=True,
    ):
        target = (X[:, 0] + Y)[TEST]
        assert_allclose(risk, performative_risk(model, shift, X[TEST], target))


class Recorder:
    """Notes tasks."""

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.task_name, context.task_id))


def test_callbacks_hear_of_every_model():
    recorder = Recorder()
    fitted = study(ways=TWO).set_callbacks(recorder)
    quietly(fitted, X, Y)
    whole = ("fit", 0)
    assert recorder.events == [
        "setup",
        ("begin", *whole),
        ("begin", "ordinary", 0),
        ("end", "ordinary", 0),
        ("begin", "retrained", 1),
        ("end", "retrained", 1),
        ("end", *whole),
        "teardown",
    ]


@pytest.mark.parametrize(
    ("params", "fit_params", "error", "message"),
    [
        ({"estimators": [MODEL]}, {}, TypeError, "estimators is a list"),
        ({"estimators": {}}, {}, ValueError, "estimators is empty"),
        ({"estimators": LogisticRegression}, {}, TypeError, "is the class"),
        ({"estimators": {"a": 3}}, {}, TypeError, "with fit and predict"),
        (
            {"estimators": {"a": MODEL, "b": LinearRegression()}},
            {},
            ValueError,
            "classifiers and others",
        ),
        ({"shifts": (SHIFTS["follow"],)}, {}, TypeError, "shifts is a tuple"),
        ({"shifts": None}, {}, TypeError, "expected an instance of a shift"),
        ({"ways": ("best",)}, {}, ValueError, "ways is .'best'.; expected some"),
        ({"ways": ("ordinary", "ordinary")}, {}, ValueError, "each once"),
        ({"scoring": ["roc_auc"]}, {}, TypeError, "a dict of scorers"),
        ({"scoring": {"risk": "roc_auc"}}, {}, ValueError, "named .'risk'."),
        ({"scoring": "no_such"}, {}, ValueError, "no_such"),
        ({"max_iter": 0}, {}, ValueError, "max_iter"),
        ({}, {"by": np.arange(240)}, ValueError, "240 different values.*pandas.cut"),
        ({}, {"by": {"a": np.ones(3, bool)}}, ValueError, "expected a mask"),
        ({}, {"by": np.ones(3)}, ValueError, "inconsistent numbers"),
        ({}, {"groups": [None] * 240}, ValueError, "240 rows have none"),
        ({}, {"groups": "id"}, ValueError, "which has no names"),
        ({}, {"groups": np.arange(240) % 120}, ValueError, "both sides of a split"),
    ],
)
def test_errors(params, fit_params, error, message):
    params = {"estimators": MODEL, "shifts": SHIFTS["follow"]} | params
    with pytest.raises(error, match=message):
        study(**params).fit(X, Y, **fit_params)


def test_not_fitted():
    with pytest.raises(ValueError, match="not fitted"):
        study().recommend()


def test_the_worst_share_is_turned_down():
    """Of the people held out, by their weights, whatever the model."""
    rng = np.random.default_rng(0)
    X, y = make_classification(400, 3, n_redundant=0, random_state=0)
    study = RetrainingStudy(
        LogisticRegression(),
        QuantilePolicy(ResampleIfRejected(0.1), 0.2),
        ways=("ordinary", "retrained"),
        max_iter=3,
        n_bootstrap=0,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        study.fit(X, y, sample_weight=rng.uniform(0.5, 2, 400), by={"all": y >= 0})
    assert_allclose(study.by_group_["rejection_rate"], 0.2)
