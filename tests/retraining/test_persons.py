# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Several rows of one person: who is told, and who is warned of."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    SGDClassifier,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import check_random_state

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.exceptions import RepeatedPersonsWarning
from skperf.retraining._persons import _counts
from skperf.shift import ResampleIfRejected, Sample, TransformedPredictionShift

COPIES = ResampleIfRejected(0.1, strategic_features=[4, 5])
DRAWN = ResampleIfRejected(0.1, resampling="drawn")  # whole rows: donors come again

unstable = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # stopped early on purpose
)


def people(n_samples, seed):
    """Return people whose last four features are useless."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_samples, 6))
    noise = 1.5 * rng.normal(size=n_samples)
    return X, (X[:, 0] + X[:, 1] + noise > 0).astype(int)


X, Y = people(600, 0)


def warned(minimizer, **fit_params):
    """Return what was said of persons in a fit."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        minimizer.fit(X, Y, **fit_params)
    return [str(w.message) for w in caught if w.category is RepeatedPersonsWarning]


def counting(*, shift=COPIES, max_iter=2):
    def fit(estimator, **fit_params):
        minimizer = RepeatedRiskMinimizer(
            estimator, shift, max_iter=max_iter, random_state=0
        )
        return warned(minimizer, **fit_params)

    return fit


SOUND = [
    LogisticRegression(),
    GaussianNB(),
    DecisionTreeClassifier(max_depth=3),
    GradientBoostingClassifier(n_estimators=5),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
COUNTING = {
    "leaf": (DecisionTreeClassifier(min_samples_leaf=40), "counts rows"),
    "boosting": (
        HistGradientBoostingClassifier(max_bins=15, max_iter=5),
        "counts rows",
    ),
    "forest": (RandomForestClassifier(5), "counts rows"),
    "sgd": (SGDClassifier(loss="log_loss"), "counts rows"),
    "pipeline": (
        make_pipeline(StandardScaler(), DecisionTreeClassifier(min_samples_leaf=40)),
        "counts rows",
    ),
    "early": (
        HistGradientBoostingClassifier(max_bins=15, max_iter=5, early_stopping=True),
        "splits rows by early_stopping=True",
    ),
    "no change": (
        GradientBoostingClassifier(n_estimators=5, n_iter_no_change=2),
        "splits rows by n_iter_no_change=2",
    ),
    "bag": (
        RandomForestClassifier(5, oob_score=True),
        "splits rows by oob_score=True",
    ),
    "cv": (LogisticRegressionCV(Cs=2, cv=2), "splits rows by cv=2"),
    "calibrated": (CalibratedClassifierCV(GaussianNB(), cv=2), "splits rows by cv=2"),
}


@pytest.mark.parametrize("estimator", SOUND, ids=str)
def test_estimators_that_add_up_weights_are_left_alone(estimator):
    assert counting()(estimator) == []


def test_epochs_without_progress_hold_nobody_out():
    """The parameter has this name where the training loss is meant, too."""

    class Epochs(GaussianNB):
        def __init__(self, priors=None, var_smoothing=1e-9, n_iter_no_change=10):
            super().__init__(priors=priors, var_smoothing=var_smoothing)
            self.n_iter_no_change = n_iter_no_change

    assert counting()(Epochs()) == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COUNTING)
def test_estimators_that_count_or_split_are_named(name):
    """Once a fit, whatever the number of rounds."""
    estimator, reason = COUNTING[name]
    (message,) = counting(max_iter=3)(estimator)
    assert reason in message
    assert "GroupKFold" in message


@pytest.mark.parametrize("name", ["leaf", "early", "cv"])
def test_no_warning_where_a_row_is_a_person(name):
    estimator, _ = COUNTING[name]
    for shift in (
        ResampleIfRejected(0.1),
        ResampleIfRejected(0.1, strategic_features=[4], resampling="drawn"),
    ):
        assert counting(shift=shift)(estimator) == []


class Moving(RegressorMixin, BaseEstimator):
    """Predicts 1, and a little more for twice the rows or for nudged weights."""

    def __init__(self, by_rows=0.0, by_weights=0.0, dtype="float64"):
        self.by_rows = by_rows
        self.by_weights = by_weights
        self.dtype = dtype

    def fit(self, X, y, sample_weight=None):
        self.moved_ = 0.0
        if len(X) > len(np.unique(X, axis=0)):
            self.moved_ = self.by_rows
        elif np.ptp(sample_weight) > 0:
            self.moved_ = self.by_weights
        return self

    def predict(self, X):
        return np.full(len(X), 1 + self.moved_, self.dtype)


@pytest.mark.parametrize(
    ("by_rows", "by_weights", "dtype", "expected"),
    [
        (0.0, 0.0, "float64", False),
        (0.9e-6, 0.0, "float64", False),  # what a solver's last digits do
        (1.1e-6, 0.0, "float64", True),
        (1.0e-4, 0.0, "float32", False),  # a thousand times 1.2e-7
        (1.4e-4, 0.0, "float32", True),
        (0.049, 1e-3, "float64", False),  # less than a hundred times the noise
        (0.049, 4.88e-4, "float64", True),
        (0.051, 1e-3, "float64", True),  # no last digits do that
    ],
)
def test_what_a_probe_takes_for_counting(by_rows, by_weights, dtype, expected):
    estimator = Moving(by_rows, by_weights, dtype)
    assert _counts(estimator, Sample(X, Y)) is expected


def test_a_probe_warns_of_nothing():
    class Talks(Moving):
        def fit(self, X, y, sample_weight=None):
            warnings.warn("I talk", UserWarning, stacklevel=2)
            return super().fit(X, y, sample_weight)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _counts(Talks(0.01), Sample(X, Y))


def test_a_probe_tells_no_callback():
    class Counter:
        fits = 0

        def setup(self, estimator, context):
            self.fits += 1

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context):
            pass

    counter = Counter()
    estimator = LogisticRegression().set_callbacks(counter)
    _counts(estimator, Sample(X, Y))
    assert counter.fits == 0


def test_a_probe_looks_at_four_hundred_rows():
    seen = []

    class Watched(Moving):
        def fit(self, X, y, sample_weight=None):
            seen.append((len(X), sample_weight.sum()))
            return super().fit(X, y, sample_weight)

    assert _counts(Watched(0.01), Sample(X, Y))
    assert seen == [(400, 400.0), (800, 400.0), (400, pytest.approx(400.0))]


@pytest.mark.parametrize("scale", [1, 1000])
def test_sums_in_single_precision_are_no_counting(scale):
    """A sum over twice the rows is another one in float32; its last bits are not."""
    base = ResampleIfRejected(0.5, resampling="drawn")
    shift = TransformedPredictionShift(base, lambda y_pred: 0.5 + 0 * y_pred)
    model = RepeatedRiskMinimizer(Ridge(), shift, max_iter=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("error", RepeatedPersonsWarning)
        model.fit(X.astype(np.float32), (scale * X[:, 0]).astype(np.float32))


def test_donors_who_come_again():
    assert counting(shift=DRAWN)(DecisionTreeClassifier(min_samples_leaf=40))
    assert counting(shift=DRAWN)(KNeighborsClassifier())
    assert counting(shift=DRAWN)(GaussianNB()) == []


@unstable
def test_persons_who_are_in_several_periods():
    """One row a person in each sample, and several in their mixture."""
    shift = ResampleIfRejected(0.3, strategic_features=[4], resampling="drawn")
    tree = DecisionTreeClassifier(min_samples_leaf=40, random_state=0)
    params = {"max_iter": 3, "tol": 0, "random_state": 0}
    alone = AffineRiskMinimizer(tree, shift, window=1, **params)
    assert warned(alone) == []
    (message,) = warned(alone.set_params(window=3))
    assert "counts rows" in message


def test_persons_who_were_named():
    """Two rows of one person in the base population come through every shift."""
    tree = DecisionTreeClassifier(min_samples_leaf=40)
    shift = ResampleIfRejected(0.1)
    assert counting(shift=shift)(tree, groups=np.arange(600)) == []
    assert counting(shift=shift)(tree, groups=np.arange(600) // 2)


def test_a_probe_is_nobody_s_business():
    """It neither draws from the global generator nor fits the user's estimator."""
    tree = DecisionTreeClassifier(min_samples_leaf=40)
    generator = check_random_state(None)  # the global one
    before = generator.get_state()[1].copy()
    with pytest.warns(RepeatedPersonsWarning):
        RepeatedRiskMinimizer(
            tree.set_params(random_state=0), COPIES, max_iter=1, tol=1, random_state=0
        ).fit(X, Y)
    np.testing.assert_array_equal(generator.get_state()[1], before)
    assert not hasattr(tree, "tree_")


# Splitters that know the persons


def search(cv, **params):
    grid = {"max_depth": [1, 2, 3, 5, 8, None]}
    tree = DecisionTreeClassifier(random_state=0)
    return GridSearchCV(tree, grid, scoring="neg_log_loss", cv=cv, **params)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "resampling",
    [
        "expected",
        *(pytest.param(f, marks=pytest.mark.slow) for f in ("common", "drawn")),
    ],
)
@pytest.mark.parametrize(
    "cv",
    [
        GroupKFold(3),
        pytest.param(StratifiedGroupKFold(5), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_group_splitter_finds_what_is_best_for_new_people(cv, resampling):
    shift = ResampleIfRejected(0.1, strategic_features=[4, 5], resampling=resampling)
    model = RepeatedRiskMinimizer(search(cv), shift, max_iter=3, random_state=0)
    assert warned(model, groups=np.arange(600)) == []
    X_new, y_new = people(5000, 9)
    assert log_loss(y_new, model.predict_proba(X_new)) < 0.6


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_splitter_that_ignores_persons_is_warned_of():
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    model = RepeatedRiskMinimizer(search(cv), COPIES, max_iter=3, random_state=0)
    (message,) = warned(model, groups=np.arange(600))
    assert "splits rows by cv=StratifiedKFold" in message
    X_new, y_new = people(5000, 9)
    assert log_loss(y_new, model.predict_proba(X_new)) > 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), search(GroupKFold(3))),
        RandomizedSearchCV(
            DecisionTreeClassifier(random_state=0),
            {"max_depth": [1, 2, 3]},
            n_iter=2,
            cv=GroupKFold(3),
            random_state=0,
        ),
    ],
)
def test_groups_reach_the_last_step_and_other_searches(estimator):
    model = RepeatedRiskMinimizer(estimator, COPIES, max_iter=1, random_state=0)
    assert warned(model, groups=np.arange(600)) == []


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.exact
def test_groups_by_metadata_routing():
    class Asks(ClassifierMixin, BaseEstimator):
        def fit(self, X, y, sample_weight=None, groups=None):
            seen.append(groups)
            self.tree_ = DecisionTreeClassifier(max_depth=2).fit(X, y, sample_weight)
            self.classes_ = self.tree_.classes_
            return self

        def predict(self, X):
            return self.tree_.predict(X)

    seen = []
    sklearn.set_config(enable_metadata_routing=True)
    asks = Asks().set_fit_request(groups=True, sample_weight=True)
    model = RepeatedRiskMinimizer(asks, COPIES, max_iter=1, random_state=0)
    model.fit(X, Y, groups=np.arange(600))
    np.testing.assert_array_equal(seen[0], np.arange(600))
    assert len(seen[-1]) == 3000


def test_groups_are_not_handed_to_others():
    model = RepeatedRiskMinimizer(LogisticRegression(), ResampleIfRejected(0.9))
    model.fit(X, Y, groups=np.arange(600)).partial_fit(X, Y, groups=np.arange(600))
    assert model.n_iter_ == 1


def test_partial_fit_warns_once():
    model = AffineRiskMinimizer(DecisionTreeClassifier(min_samples_leaf=40))
    groups = np.arange(600) // 2
    model.partial_fit(X, Y, groups=groups)
    with pytest.warns(RepeatedPersonsWarning):
        model.partial_fit(X, Y, groups=groups)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RepeatedPersonsWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.partial_fit(X, Y, groups=groups)
