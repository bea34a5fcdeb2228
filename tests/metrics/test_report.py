# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What is certified, and what is said not to be known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.metrics import convergence_report, induce
from skperf.shift import (
    FunctionShift,
    MemoryShift,
    OutcomeShift,
    ResampleIfRejected,
    SelfFulfillingShift,
    StrategicResponse,
)

X, Y = make_classification(
    200, 4, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
)
TARGETS = X @ [1.0, 2.0, 0.0, 1.0] + np.random.default_rng(0).normal(size=200)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def report_of(estimator, shift, y=Y, **settings):
    model = RepeatedRiskMinimizer(estimator, shift, random_state=0, **settings)
    model.fit(X, y)
    return model, convergence_report(model, shift, X, y, random_state=0)


def find(report, word):
    return next((c for c in report.certificates if word in c.source), None)


def constants(certificate):
    return {one.name.split(",")[0]: one for one in certificate.assumptions}


@pytest.mark.parametrize("estimator", [LinearRegression(), Ridge(30.0)])
@pytest.mark.parametrize("rate", [0.8, -0.8])
def test_a_proven_rate_is_no_smaller_than_the_true_one(estimator, rate):
    model, report = report_of(estimator, OutcomeShift(rate), TARGETS, tol=1e-8)
    certificate = find(report, "Least squares")
    assert certificate.holds
    assert report.bound == certificate.rate == 0.8
    assert "the one stable model, from every start" in str(certificate)
    gaps = model.history_["prediction_gap"]
    assert np.all(gaps[1:] <= 0.8 * gaps[:-1] * (1 + 1e-6) + 1e-13)
    assert find(report, "derivative").rate <= 0.8 + 1e-6


def test_beyond_one_nothing_is_proven():
    _, report = report_of(LinearRegression(), OutcomeShift(-1.2), TARGETS)
    certificate = find(report, "Least squares")
    assert report.bound is None
    assert "settles from no start" in certificate.consequence
    assert "averages over more than 1.2 samples" in certificate.consequence
    local = find(report, "derivative")
    assert_allclose(local.rate, 1.2, rtol=1e-6)
    assert "leaves it, even from nearby; on averages of 2" in local.consequence
    assert [one.standing for one in local.assumptions] == ["fails"]
    _, report = report_of(Ridge(30.0), OutcomeShift(-1.2), TARGETS)
    assert "nothing, neither" in find(report, "Least squares").consequence


@pytest.mark.parametrize(
    ("estimator", "shift"),
    [
        (LinearRegression(), OutcomeShift(np.full(200, 0.5))),
        (DecisionTreeRegressor(max_depth=2), OutcomeShift(0.5)),
        (make_pipeline(PolynomialFeatures(), LinearRegression()), OutcomeShift(0.5)),
        (LinearRegression(), FunctionShift(lambda X, y, y_pred: (X, y + y_pred / 2))),
    ],
)
def test_only_what_is_known_is_proven(estimator, shift):
    _, report = report_of(estimator, shift, TARGETS)
    assert find(report, "Least squares") is None
    assert report.bound is None


@pytest.mark.parametrize("delta", [0.1, 0.7, 0.95])
def test_no_report_concludes_from_an_estimate(delta):
    """At delta = .95 the measured rate is tiny, and log losses are as steep as ever."""
    _, report = report_of(LogisticRegression(), ResampleIfRejected(delta))
    theorem = find(report, "Mofakhami")
    known = constants(theorem)
    # the constants of theorem 3 in the scale of probabilities, not those of theorem 8
    # of Khorsandi et al., which an example with two people contradicts
    assert known["eps"].estimate == f"{(1 - delta) ** 2 / delta:.3g}"
    assert known["C"].estimate == f"{1 / delta:.3g}"
    standings = [known[name].standing for name in ("eps", "C", "gamma", "M")]
    assert standings == ["holds", "holds", "holds", "cannot be known"]
    assert not theorem.holds
    assert theorem.consequence.startswith("nothing, neither")
    assert report.bound is None
    text = str(report).lower()
    assert "converges" not in text
    assert "prove nothing" in text
    assert "from every start" not in text


def test_the_rate_is_that_of_the_constants():
    """At M = gamma it is (1 - delta) / delta, which is 1 at a half."""
    model, report = report_of(LogisticRegression(), ResampleIfRejected(0.5))
    theorem = find(report, "Mofakhami")
    sample = induce(model, model.shift, X, Y, random_state=0)
    f = model.predict_proba(sample.X)[:, 1]
    assert_allclose(theorem.rate, 1 / np.minimum(f, 1 - f).min(), rtol=1e-9)


def test_independent_columns_cannot_be_known():
    shift = ResampleIfRejected(0.6, strategic_features=[0])
    _, report = report_of(LogisticRegression(), shift)
    assert constants(find(report, "Mofakhami"))["eps"].standing == "cannot be known"


@pytest.mark.parametrize(
    ("shift", "y", "estimator"),
    [
        (StrategicResponse(0.3), Y, LogisticRegression()),
        (OutcomeShift(0.3), TARGETS, Ridge(1.0)),
    ],
)
def test_moves_have_no_chi_square(shift, y, estimator):
    _, report = report_of(estimator, shift, y)
    eps = constants(find(report, "Mofakhami"))["eps"]
    assert (eps.estimate, eps.standing) == ("infinite", "fails")


def test_a_sensitivity_that_was_seen_is_a_lower_bound():
    """Weights 1 - g + mean(g) of a function, and the chi-square by hand."""

    def reject(X, y, y_pred):
        g = 0.3 + 0.7 * y_pred
        return X, y, 1 - g + g.mean()

    model, report = report_of(LogisticRegression(), FunctionShift(reject))
    eps = constants(find(report, "Mofakhami"))["eps"]
    assert eps.standing == "cannot be known"
    first = LogisticRegression().fit(X, Y).predict_proba(X)[:, 1]
    last = model.predict_proba(X)[:, 1]
    p, q = (reject(X, Y, f)[2] / 200 for f in (first, last))
    expected = np.sum((q - p) ** 2 / p) / np.mean((first - last) ** 2)
    assert eps.estimate == f"at least {expected:.3g}"
    assert expected < 0.7**2 / 0.3


def test_parameters():
    """Steps along the gradient: eps is known, gamma without intercept, never beta."""
    estimator = LogisticRegression(C=0.5, fit_intercept=False)
    _, report = report_of(estimator, StrategicResponse(0.3))
    theorem = find(report, "Perdomo")
    known = constants(theorem)
    assert known["eps"].estimate == "0.3"
    assert known["gamma"].estimate == f"{1 / (0.5 * 200):.3g}"
    standings = [known[name].standing for name in ("eps", "gamma", "beta")]
    assert standings == ["holds", "holds", "cannot be known"]
    assert known["beta"].estimate.startswith("at least")
    assert not theorem.holds
    _, report = report_of(LogisticRegression(), StrategicResponse(0.3))
    assert constants(find(report, "Perdomo"))["gamma"].standing == "cannot be known"
    _, report = report_of(Ridge(5.0, fit_intercept=False), OutcomeShift(0.1), TARGETS)
    assert constants(find(report, "Perdomo"))["gamma"].estimate == f"{5 / 200:.3g}"


def test_the_record_is_what_has_happened():
    model, report = report_of(LogisticRegression(), SelfFulfillingShift(0.5))
    record = find(report, "record")
    assert not record.holds
    assert record.consequence.startswith("this is what has happened.")
    gaps = model.history_["prediction_gap"]
    assert_allclose(record.rate, gaps[-1] / gaps[-2], rtol=0.1)
    assert f"The record of {model.n_iter_} rounds" in str(report)


def test_no_theorem_is_about_people_who_remember():
    shift = MemoryShift(OutcomeShift(-0.5), decay=0.5)
    X, y = np.eye(3), np.ones(3)
    model = RepeatedRiskMinimizer(LinearRegression(), shift, max_iter=40).fit(X, y)
    report = convergence_report(model, shift, X, y)
    assert len(report.certificates) == 2  # the derivative and the record
    assert "answer past models too" in str(report).replace("\n    ", " ")
    assert not any(one.is_global for one in report.certificates)


def test_models_without_a_record():
    model = LogisticRegression().fit(X, Y)
    report = convergence_report(model, ResampleIfRejected(0.5), X, Y)
    assert find(report, "record") is None
    local = find(report, "derivative")
    assert [one.standing for one in local.assumptions] == ["cannot be known"]


def test_trees_have_no_derivative_and_their_jumps_no_rate():
    model, report = report_of(
        DecisionTreeClassifier(max_depth=6, random_state=0), ResampleIfRejected(0.1)
    )
    assert find(report, "derivative").consequence.startswith("nothing.")
    record = find(report, "record")
    assert model.diagnosis_ != "converged" or "nothing" in record.consequence


def test_an_optimum_is_not_called_stable():
    shift = SelfFulfillingShift(0.5)
    model = PerformativeRiskMinimizer(LogisticRegression(), shift).fit(X, Y)
    report = convergence_report(model, shift, X, Y)
    (stable,) = find(report, "derivative").assumptions
    assert stable.standing == "cannot be known"
    assert "finite distance" in find(report, "record").consequence


def test_an_unknown_loss_has_no_constants():
    model = LinearSVC().fit(X, Y)
    report = convergence_report(model, StrategicResponse(0.1), X, Y)
    known = constants(find(report, "Mofakhami"))
    for name in ("gamma", "M"):
        assert known[name] == (known[name].name, "", "cannot be known")
