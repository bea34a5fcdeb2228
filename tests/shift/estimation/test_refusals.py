# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Questions that data cannot answer, and deployments that lack something."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skperf.exceptions import UnidentifiedError
from skperf.shift import (
    Deployment,
    OutcomeShift,
    ResampleIfRejected,
    Sample,
    SelfFulfillingShift,
    StrategicResponse,
    estimate_shift,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
F = 1 / (1 + np.exp(-X[:, 0]))
LABELS = (RNG.uniform(size=60) < 0.5).astype(int)
NUMBERS = RNG.normal(size=60)
SEEN = Sample(X, NUMBERS)
LABELLED = Sample(X, LABELS)
ODD = np.arange(60) % 2 == 1


def constant(X):
    return np.full(len(X), 0.4)


def one(X):
    return np.ones(len(X))


def probability(X):
    return 1 / (1 + np.exp(-X[:, 0]))


def unidentified(shift, deployments, message):
    with pytest.raises(UnidentifiedError, match=message):
        estimate_shift(shift, deployments)


@pytest.mark.parametrize(
    ("shift", "seen", "rows"),
    [(OutcomeShift(0.0), SEEN, 6147), (SelfFulfillingShift(0.0), LABELLED, 38416)],
)
def test_one_model_moves_outcomes(shift, seen, rows):
    """(1.96 * 4 / 0.1)^2 rows at a quarter of an sd; (1.96 / 0.01)^2 of half ones."""
    message = rf"from one model.*perturbation: about {rows} rows.*\(1 - a\)\^2 times"
    unidentified(shift, Deployment(None, seen, y_pred=F), message)


def test_two_models_that_say_the_same():
    """On average, which is all that lots decide."""
    arms = [
        Deployment(None, Sample(X[r], NUMBERS[r]), y_pred=F[r]) for r in (ODD, ~ODD)
    ]
    unidentified(OutcomeShift(0.0), arms, "nearly the same in all. Add a random number")


def test_a_lot_that_decides_nothing():
    deployment = Deployment(None, SEEN, y_pred=F, perturbation=np.ones(60))
    unidentified(OutcomeShift(0.0), deployment, "the same for all people")


def test_predictions_that_do_not_vary():
    """Pairs: 1.96^2 / (.01 * mean information) at the prediction .4, delta .5."""
    deployment = Deployment(SEEN, SEEN, predictor=constant)
    n_pairs = np.ceil(1.96**2 / 0.01 * 0.5 * 0.7 / 0.6)
    message = f"the same prediction.*paired=True.: {n_pairs:.0f} tell delta"
    unidentified(ResampleIfRejected(0.5), deployment, message)


def test_strategic_columns_that_do_not_matter():
    shift = ResampleIfRejected(0.5, strategic_features=[1])
    deployment = Deployment(SEEN, SEEN, predictor=probability)
    unidentified(shift, deployment, "do not change the predictions.*paired=True")


def test_everybody_is_rejected():
    deployment = Deployment(SEEN, SEEN, predictor=one)
    unidentified(ResampleIfRejected(0.5), deployment, "rejected for certain")


@pytest.mark.parametrize(("step", "share"), [(0, "0%"), (1, "100%")])
def test_pairs_without_variation(step, share):
    pairs = Deployment(SEEN, Sample(X + step, NUMBERS), y_pred=F, paired=True)
    message = f"{share} of 60 people have changed.*a chance of up to 0.05"
    unidentified(ResampleIfRejected(0.5), pairs, message)


def test_pairs_in_which_nobody_could_turn():
    ones = Sample(X, np.r_[0, np.ones(59)])
    shift = SelfFulfillingShift(0.5, direction="defeating")
    pairs = Deployment(ones, ones, y_pred=F, paired=True)
    unidentified(shift, pairs, "0% of 59 people")


def test_pairs_of_zero_predictions():
    pairs = Deployment(SEEN, SEEN, y_pred=0 * F, paired=True)
    unidentified(OutcomeShift(0.5), pairs, "told 0")


def test_scores_without_a_gradient():
    for paired in (True, False):
        deployment = Deployment(SEEN, SEEN, predictor=constant, paired=paired)
        unidentified(StrategicResponse(0.1), deployment, "gradient of zero")


def test_turned_against_the_direction():
    pairs = Deployment(LABELLED, Sample(X, 1 - LABELS), y_pred=F, paired=True)
    with pytest.raises(ValueError, match="turned against the direction 'fulfilling'"):
        estimate_shift(SelfFulfillingShift(0.5), pairs)


@pytest.mark.parametrize(
    ("shift", "deployment", "message"),
    [
        (ResampleIfRejected(0.5), Deployment(None, SEEN, y_pred=F), "before=None"),
        (StrategicResponse(0.5), Deployment(None, SEEN, y_pred=F), "before=None"),
        (ResampleIfRejected(0.5), Deployment(SEEN, SEEN, y_pred=F), "must ask the"),
        (StrategicResponse(0.5), Deployment(SEEN, SEEN, y_pred=F), "must ask the"),
        (OutcomeShift(0.5), Deployment(SEEN, SEEN, y_pred=F), "must ask the"),
        (OutcomeShift(0.5), Deployment(None, SEEN), "Nobody knows what people were"),
        (
            OutcomeShift(0.5),
            Deployment(None, SEEN, y_pred=F[:9], perturbation=F),
            r"y_pred has the shape \(9,\); expected \(60,\)",
        ),
        (
            OutcomeShift(0.5),
            Deployment(None, SEEN, y_pred=F, perturbation=F[:9]),
            r"perturbation has the shape \(9,\)",
        ),
        (
            OutcomeShift(0.5),
            Deployment(None, SEEN, y_pred=np.full(60, np.inf), perturbation=F),
            "y_pred holds values that are not finite",
        ),
        (
            OutcomeShift(0.5),
            Deployment(None, Sample(X, np.repeat(["a", "b"], 30)), y_pred=F),
            "moves numbers, and y of a sample holds others",
        ),
        (
            ResampleIfRejected(0.5),
            Deployment(SEEN, Sample(X[:9], NUMBERS[:9]), y_pred=F, paired=True),
            "got 60 and 9 rows",
        ),
        (
            ResampleIfRejected(0.5),
            Deployment(SEEN, SEEN, y_pred=2 * F, paired=True),
            r"needs predictions in \[0, 1\]",
        ),
        (
            ResampleIfRejected(0.5),
            Deployment(SEEN, Sample(X[:1], NUMBERS[:1]), y_pred=F),
            "fewer than 2 rows",
        ),
    ],
)
def test_deployments_that_lack_something(shift, deployment, message):
    with pytest.raises(ValueError, match=message):
        estimate_shift(shift, deployment)


def test_moves_of_missing_values():
    holes = X.copy()
    holes[3, 1] = np.nan
    pairs = Deployment(
        SEEN, Sample(holes, NUMBERS), predictor=lambda X: X[:, 0], paired=True
    )
    with pytest.raises(ValueError, match="not finite numbers, so how far"):
        estimate_shift(StrategicResponse(0.1), pairs)


def test_an_estimator_is_no_function():
    model = LogisticRegression().fit(X, LABELS)
    deployment = Deployment(LABELLED, LABELLED, predictor=model)
    with pytest.raises(TypeError, match=r"Pass skperf.shift.Predictor\(estimator\)"):
        estimate_shift(ResampleIfRejected(0.5), deployment)


def test_models_of_different_classes():
    from skperf.shift import Predictor

    model = LogisticRegression().fit(X, LABELS)
    arms = [
        Deployment(None, LABELLED, predictor=Predictor(model, pos_label=label))
        for label in (0, 1)
    ]
    with pytest.raises(ValueError, match="tell of different classes"):
        estimate_shift(SelfFulfillingShift(0.5), arms)


@pytest.mark.parametrize(
    ("deployments", "error", "message"),
    [
        ([], ValueError, "deployments is empty"),
        ([SEEN], TypeError, "holds a Sample; expected skperf.shift.Deployment"),
        (Deployment(None, X[0], y_pred=F), TypeError, "Deployment returned|Sample"),
    ],
)
def test_no_deployments(deployments, error, message):
    with pytest.raises(error, match=message):
        estimate_shift(OutcomeShift(0.5), deployments)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"params": ["strength"]}, r"\['strength'\] are not.*\['feedback', 'spread'\]"),
        ({"params": ["spread"]}, r"\['spread'\] are not"),
        ({"params": ["feedback", "feedback"]}, "must be different names"),
        ({"confidence": 95}, "level of an interval is 95"),
    ],
)
def test_arguments(settings, message):
    pairs = Deployment(SEEN, SEEN, y_pred=F, paired=True)
    with pytest.raises(ValueError, match=message):
        estimate_shift(OutcomeShift(0.5), pairs, **settings)


def test_a_strength_for_each_row_is_not_estimated():
    pairs = Deployment(SEEN, SEEN, y_pred=F, paired=True)
    with pytest.raises(ValueError, match=r"numbers; .*'feedback'.* are not"):
        estimate_shift(OutcomeShift(F), pairs)


def test_not_a_shift():
    with pytest.raises(TypeError, match="is the class OutcomeShift"):
        estimate_shift(OutcomeShift, Deployment(None, SEEN, y_pred=F))


def test_every_deployment_is_looked_at_first():
    """Though what is wrong would not be needed for the answer."""
    pairs = {"y_pred": F, "paired": True}
    model = LogisticRegression().fit(X, LABELS)
    with pytest.raises(TypeError, match="predictor"):
        estimate_shift(
            ResampleIfRejected(0.5), Deployment(SEEN, SEEN, predictor=model, **pairs)
        )
    single = Sample(X[:1], NUMBERS[:1])
    with pytest.raises(ValueError, match="fewer than 2 rows"):
        estimate_shift(OutcomeShift(0.0), Deployment(single, SEEN, y_pred=F))
