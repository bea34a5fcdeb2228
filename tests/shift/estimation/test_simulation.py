# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Strengths of users' shifts and of compositions, by simulated moments."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from skperf.exceptions import UnidentifiedError
from skperf.shift import (
    BaseShift,
    Deployment,
    FunctionShift,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    ShiftPipeline,
    StrategicResponse,
    Strength,
    TransformedPredictionShift,
    estimate_shift,
)
from skperf.shift._predictor import PredictionFunction
from skperf.shift.estimation._comparison import Comparison


class Inflate(BaseShift):
    """Predictions move the target, and the first feature."""

    is_random = False
    strengths = {"rate": Strength(), "step": Strength()}  # noqa: RUF012

    def __init__(self, rate=0.0, step=0.0):
        self.rate = rate
        self.step = step

    def sample(self, X, y, y_pred, *, sample_weight=None, **others):
        moved = X.copy()
        moved[:, 0] += self.step * y_pred
        return Sample(moved, y + self.rate * y_pred, sample_weight)


class Score(PredictionFunction):
    """A logistic model."""

    theta = np.array([1.0, -0.5])

    def __call__(self, X):
        return expit(self.score(X))

    def score(self, X):
        return X @ self.theta

    def gradient(self, X, columns=None):
        return np.broadcast_to(self.theta[columns], (len(X), len(columns)))


def tanh(X):
    return np.tanh(X[:, 0] + 0.5 * X[:, 1])


def people(rng, n):
    X = rng.normal(size=(n, 2))
    return X, X @ [1.0, 0.5] + rng.normal(size=n)


def inflated(rng, n=500, paired=False, told=tanh):
    X, y = people(rng, n)
    others = (X, y + 0.5 * rng.normal(size=n)) if paired else people(rng, n)
    after = Inflate(0.5, -0.4).sample(*others, told(others[0]))
    return Deployment(Sample(X, y), after, predictor=tanh, paired=paired)


def composed(rng, n=500):
    shift = pipeline(0.3, 0.2, resampling="drawn")
    (X, y), (others, other_y) = people(rng, n), people(rng, n)
    after = shift.bind(others, other_y > 0, random_state=0)(Score()(others), Score())
    return Deployment(Sample(X, y > 0), after, predictor=Score())


def pipeline(epsilon, delta, **settings):
    return ShiftPipeline(
        [
            ("game", StrategicResponse(epsilon, strategic_features=[0])),
            ("reject", ResampleIfRejected(delta, **settings)),
        ]
    )


TRUE = {"rate": 0.5, "step": -0.4, "game__epsilon": 0.3, "reject__delta": 0.2}
CASES = [
    pytest.param(Inflate(), inflated, {}, id="inflate"),
    pytest.param(Inflate(), inflated, {"paired": True}, id="inflate pairs"),
    pytest.param(pipeline(0.1, 0.5), composed, {}, id="composition"),
]


@pytest.mark.parametrize(("shift", "make", "settings"), CASES)
def test_one_seed(shift, make, settings):
    """Within four standard errors, and what was fitted is set."""
    estimate = estimate_shift(shift, make(np.random.default_rng(3), **settings))
    assert estimate.method == "simulation"
    assert list(estimate.params) == list(shift.strengths)
    for name, value in estimate.params.items():
        assert abs(value - TRUE[name]) < 4 * estimate.standard_errors[name]
        assert estimate.shift.get_params()[name] == value
    assert estimate.form.p_value > 1e-4
    assert np.linalg.eigvalsh(estimate.covariance).min() > 0


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "make", "settings"), CASES[:2])
def test_intervals(shift, make, settings):
    """Three standard errors of 40 seeds below .95."""
    held = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        estimate = estimate_shift(shift, make(rng, **settings))
        intervals = estimate.confidence_interval().items()
        held.append([low < TRUE[name] < high for name, (low, high) in intervals])
    assert np.all(np.mean(held, axis=0) >= 0.85)


def test_data_without_noise():
    """The very people, moved by the shift: the estimate is exact."""
    X, y = people(np.random.default_rng(0), 300)
    after = Inflate(0.5, -0.4).sample(X, y, tanh(X))
    deployment = Deployment(Sample(X, y), after, predictor=tanh, paired=True)
    estimate = estimate_shift(Inflate(), deployment)
    assert_allclose(list(estimate.params.values()), [0.5, -0.4], rtol=1e-6)
    assert max(estimate.standard_errors.values()) < 1e-6


def test_it_agrees_with_equations():
    """Of a composition with one step: the same moments, so nearly the same answer."""
    rng = np.random.default_rng(0)
    X, others = rng.normal(size=(2, 500, 2))
    y = np.zeros(500)
    after = Sample(others - 0.3 * Score.theta, y)
    deployment = Deployment(Sample(X, y), after, predictor=Score())
    own = estimate_shift(StrategicResponse(0.0), deployment)
    alone = ShiftPipeline([("game", StrategicResponse(0.0))])
    found = estimate_shift(alone, deployment)
    assert found.method == "simulation"
    error = own.standard_errors["epsilon"]
    assert abs(found.params["game__epsilon"] - own.params["epsilon"]) < error
    assert_allclose(found.standard_errors["game__epsilon"], error, rtol=0.3)


def test_some_parameters_of_a_composition():
    shift = pipeline(0.3, 0.9)
    deployment = composed(np.random.default_rng(0))
    estimate = estimate_shift(shift, deployment, params=["reject__delta"])
    assert list(estimate.params) == ["reject__delta"]
    assert estimate.shift.get_params()["game__epsilon"] == 0.3
    assert abs(estimate.params["reject__delta"] - 0.2) < 1


def test_names_of_compositions():
    inner = TransformedPredictionShift(ResampleIfRejected(0.5), np.abs)
    shift = ShiftPipeline([("seen", inner), ("told", OutcomeShift(0.1))])
    assert shift.strengths == {
        "seen__shift__delta": Strength(1.0, 0.0, 1.0),
        "told__feedback": Strength(),
    }


def test_transformed_predictions():
    """Labels that are names, and a shift inside of another."""
    rng = np.random.default_rng(1)
    shift = TransformedPredictionShift(SelfFulfillingShift(0.6), np.square)
    X, others = rng.normal(size=(2, 1500, 2))
    y, other_y = (np.where(rng.uniform(size=1500) < 0.3, 1, 0) for _ in range(2))
    told = Score()(others) ** 2
    turned = (other_y == 1) | (rng.uniform(size=1500) < 0.6 * told)
    after = Sample(others, turned.astype(int))
    deployment = Deployment(Sample(X, y), after, predictor=Score())
    estimate = estimate_shift(shift.set_params(shift__strength=0.1), deployment)
    error = estimate.standard_errors["shift__strength"]
    assert abs(estimate.params["shift__strength"] - 0.6) < 4 * error < 0.8


def told_otherwise(rng, told, n=500):
    """Labels that come true by a function of what the model says."""
    X, others = rng.normal(size=(2, n, 2))
    y, other_y = (rng.uniform(size=(2, n)) < 0.3).astype(int)
    turned = (other_y == 1) | (rng.uniform(size=n) < 0.6 * told(Score()(others)))
    after = Sample(others, turned.astype(int))
    return Deployment(Sample(X, y), after, predictor=Score())


@pytest.mark.slow
def test_form_of_a_composition_that_is_right():
    """.05 of 20 seeds; more than four have a chance of .003."""
    shift = TransformedPredictionShift(SelfFulfillingShift(0.3), np.square)
    seen = (told_otherwise(np.random.default_rng(s), np.square) for s in range(20))
    values = [estimate_shift(shift, one).form.p_value for one in seen]
    assert np.sum(np.array(values) < 0.05) <= 4


@pytest.mark.parametrize("seed", range(3))
def test_form_of_a_composition_that_is_wrong(seed):
    """People answer to one minus the prediction, and not to it."""
    shift = TransformedPredictionShift(SelfFulfillingShift(0.3), np.abs)
    rng = np.random.default_rng(seed)
    seen = told_otherwise(rng, lambda told: 1 - told, n=1500)
    assert estimate_shift(shift, seen).form.p_value < 1e-3


@pytest.mark.slow
def test_form_of_pairs_that_is_right():
    """.05 of 20 seeds; more than four have a chance of .003, a mean below .3 of .001.

    Means that pairs tell without noise are no equations, which would always hold.
    """
    seen = (inflated(np.random.default_rng(s), paired=True) for s in range(20))
    checks = [estimate_shift(Inflate(), one).form for one in seen]
    values = np.array([check.p_value for check in checks])
    assert {check.n_equations for check in checks} == {1}
    assert np.sum(values < 0.05) <= 4
    assert 0.3 < values.mean() < 0.7


@pytest.mark.parametrize("seed", range(3))
def test_form_of_pairs_that_is_wrong(seed):
    """People answer to the square of the prediction."""
    rng = np.random.default_rng(seed)
    seen = inflated(rng, paired=True, told=lambda X: tanh(X) ** 2)
    assert estimate_shift(Inflate(), seen).form.p_value < 1e-3


@pytest.mark.parametrize(("strength", "start"), [(0.0, 5e-4), (0.3, 0.3), (1.0, 0.999)])
def test_the_search_starts_inside(strength, start):
    """Not at an end, from which there is one way only."""
    shift = SelfFulfillingShift(strength)
    seen = told_otherwise(np.random.default_rng(0), np.square)
    found = Comparison.of(shift, ["strength"], [seen]).start
    assert_allclose(found, [start], rtol=1e-12)


def test_several_deployments_of_one_population():
    """Two strengths that one model cannot tell apart, and two can."""

    class Both(Inflate):
        def sample(self, X, y, y_pred, *, sample_weight=None, **others):
            return Sample(X, y + self.rate * y_pred + self.step, sample_weight)

    rng = np.random.default_rng(0)
    X, y = people(rng, 400)

    def see(level):
        others, other_y = people(rng, 400)
        after = Sample(others, other_y + 0.5 * level - 0.4)
        return Deployment(Sample(X, y), after, y_pred=np.full(400, level))

    one, two = see(1.0), see(3.0)
    message = "rate and step in some mixture leave no trace.*More rows"
    with pytest.raises(UnidentifiedError, match=message):
        estimate_shift(Both(), one)
    estimate = estimate_shift(Both(), [one, two])
    errors = np.array(list(estimate.standard_errors.values()))
    found = np.array(list(estimate.params.values()))
    assert np.all(np.abs(found - [0.5, -0.4]) < 4 * errors)
    # by the difference of the arms, free of what features explain: a variance of 1
    assert_allclose(errors[0], np.sqrt(2 / 400) / 2, rtol=0.3)


def test_a_parameter_without_effect():
    X, y = people(np.random.default_rng(0), 100)
    deployment = Deployment(Sample(X, y), Sample(X, y), predictor=lambda X: 0 * X[:, 0])
    with pytest.raises(UnidentifiedError, match="rate and step in some"):
        estimate_shift(Inflate(), deployment)


def test_nobody_says_what_is_a_strength():
    X, y = people(np.random.default_rng(0), 100)
    deployment = Deployment(Sample(X, y), Sample(X, y), predictor=tanh)
    with pytest.raises(ValueError, match="does not say which of its parameters"):
        estimate_shift(FunctionShift(lambda X, y, y_pred: (X, y)), deployment)


def test_caution_needs_to_know_what_is_no_reaction():
    class Bare(Inflate):
        strengths = {}  # noqa: RUF012

    deployment = inflated(np.random.default_rng(0), 100)
    estimate = estimate_shift(Bare(), deployment, params=["rate"])
    with pytest.raises(ValueError, match=r"at which value of \['rate'\] nobody"):
        estimate.cautious_shift()


def test_people_with_several_rows():
    """Every row four times, with the person's name: as precise as once."""
    once = inflated(np.random.default_rng(0), 300)
    rows = np.repeat(np.arange(300), 4)

    def four_times(sample):
        return Sample(sample.X[rows], sample.y[rows], groups=rows)

    several = Deployment(
        four_times(once.before), four_times(once.after), predictor=tanh
    )
    found = estimate_shift(Inflate(), several)
    expected = estimate_shift(Inflate(), once)
    for name, value in expected.standard_errors.items():
        # replicates are others; their sd has a relative error of 7 %
        assert_allclose(found.standard_errors[name], value, rtol=0.35)


def test_a_perturbation_must_be_in_the_record():
    X, y = people(np.random.default_rng(0), 100)
    deployment = Deployment(
        Sample(X, y), Sample(X, y), predictor=tanh, perturbation=np.ones(100)
    )
    with pytest.raises(ValueError, match="record it as y_pred"):
        estimate_shift(Inflate(), deployment)


def score(X):
    return expit(X[:, 0])


class Twice(ResampleIfRejected):
    """Reacts twice as often, and so has lost its parent's equations."""

    def bind(self, X, y, **kwargs):
        twice = ResampleIfRejected(min(2 * self.delta, 1), resampling="expected")
        return twice.bind(X, y, **kwargs)


def test_a_subclass_that_reacts_otherwise_has_no_equations_of_its_parent():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 1)), np.zeros(300)
    after = ResampleIfRejected(0.4, resampling="drawn").bind(X, y, random_state=0)
    seen = Deployment(Sample(X, y), after(score(X)), predictor=score)
    assert estimate_shift(ResampleIfRejected(0.5), seen).method == "equations"
    assert estimate_shift(Twice(0.3), seen).method == "simulation"
