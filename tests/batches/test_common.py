# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""scikit-learn's own checks of the estimators that learn in batches."""

import pytest
from sklearn.linear_model import SGDRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from skperf.batches import IncrementalEstimator, LightGBMEstimator, XGBoostEstimator

lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

STOCHASTIC = {
    f"check_sample_weight_equivalence_on_{kind}_data": "a row twice is two steps"
    for kind in ("dense", "sparse")
}


ONE_LABEL = {
    "check_classifiers_one_label_sample_weights": "knows labels that weigh nothing"
}
ENGINE = {
    "check_n_features_in_after_fitting": "XGBoost has words of its own",
    "check_classifiers_regression_target": "XGBoost has words of its own",
}


def unmet(estimator):
    """Return the checks that an estimator does not pass, and why."""
    if isinstance(estimator, XGBoostEstimator):
        return ENGINE
    if isinstance(estimator, LightGBMEstimator):
        return {}
    return STOCHASTIC if isinstance(estimator.estimator, SGDRegressor) else ONE_LABEL


@parametrize_with_checks(
    [IncrementalEstimator(GaussianNB())], expected_failed_checks=unmet
)
def test_counting(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [IncrementalEstimator(SGDRegressor(random_state=0), n_epochs=50)],
    expected_failed_checks=unmet,
)
def test_stochastic(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # engines warn of what the checks give them
@parametrize_with_checks(
    [
        LightGBMEstimator(lightgbm.LGBMClassifier(verbose=-1, n_jobs=1)),
        LightGBMEstimator(lightgbm.LGBMRegressor(verbose=-1, n_jobs=1)),
        XGBoostEstimator(xgboost.XGBClassifier(n_jobs=1)),
        XGBoostEstimator(xgboost.XGBRegressor(n_jobs=1)),
    ],
    expected_failed_checks=unmet,
)
def test_boosted(estimator, check):
    """Whatever passes for the estimator inside passes around it."""
    try:
        check(estimator.estimator)
    except Exception as error:
        pytest.skip(f"the estimator inside fails: {type(error).__name__}")
    check(estimator)
