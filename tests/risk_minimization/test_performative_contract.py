# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The performative risk minimizer keeps the contract of its siblings."""

import pytest
from scipy.special import expit
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from skperf import PerformativeRiskMinimizer
from skperf.shift import (
    ResampleIfRejected,
    TransformedPredictionShift,
)

X, Y = make_classification(120, 4, random_state=0)
REJECT = ResampleIfRejected(0.5)


class Squash:
    """Turn values into probabilities; several outputs into their mean first.

    An object, as the address in a function's repr would be part of the tests' names.
    """

    def __call__(self, y_pred):
        return expit(y_pred.reshape(len(y_pred), -1).mean(axis=1))

    def __repr__(self):
        return "Squash()"


def make_minimizers():
    yield PerformativeRiskMinimizer(
        LogisticRegression(max_iter=1000),
        REJECT,
        method="retrain",
        max_iter=2,
        random_state=0,
    )
    squashed = TransformedPredictionShift(REJECT, Squash())
    yield PerformativeRiskMinimizer(Ridge(), squashed, method="gradient", max_iter=1)


# the checks ask for one fit, not for an optimum, and try labels of any kind
@pytest.mark.filterwarnings(
    "ignore:The last model is not stationary:sklearn.exceptions.ConvergenceWarning"
)
@pytest.mark.filterwarnings("ignore::skperf.exceptions.PositiveClassWarning")
@parametrize_with_checks(list(make_minimizers()))
def test_scikit_learn_checks(estimator, check):
    check(estimator)
