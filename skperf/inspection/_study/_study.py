# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""One call for what a model will do: which to deploy, at what cost, for whom."""

from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar

from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skperf.inspection._study._answers import DEPLOY, answer
from skperf.inspection._study._decision import decide
from skperf.inspection._study._plan import make_plan
from skperf.inspection._study._play import play
from skperf.inspection._study._pooled import pool
from skperf.inspection._study._report import make_report, make_summary
from skperf.inspection._study._tables import Tables
from skperf.inspection._study._told import COLUMNS, collect, tell
from skperf.inspection._study._watching import FitTask
from skperf.inspection._study._ways import WAYS
from skperf.utils._sklearn import (
    Interval,
    StrOptions,
    _fit_context,
    check_pandas_support,
)


class RetrainingStudy(CallbackSupportMixin, BaseEstimator):
    """Compare models, reactions and ways of retraining on people who are held out.

    Each model is trained on some people in each way, under each shift. The others then
    react to it, and every figure is of them: no model is judged on data that it, or a
    model before it, was trained on.

    Parameters
    ----------
    estimators : estimator or dict of str to estimator
        Classifiers or regressors, by the names that tables show.

    shifts : BaseShift, ShiftEstimate, or dict of str to these
        How people react, by name. An estimate of
        :func:`~skperf.shift.estimate_shift` stands for three: the shift as estimated,
        the cautious one, at the end of the interval that is nearer to no reaction, and
        the strongest, at the other.

    ways : tuple of str, default=("ordinary", "retrained", "averaged", "optimal")
        How models come about; the first is what the others are compared with.

        - "ordinary": trained once, where nobody reacts
        - "retrained": :class:`~skperf.RepeatedRiskMinimizer`
        - "averaged": :class:`~skperf.AffineRiskMinimizer`, over all rounds
        - "optimal": :class:`~skperf.PerformativeRiskMinimizer`; where estimator or
          shift have none, the row says why

    cv : int, splitter or iterable, default=None
        Who is held out. None holds a quarter of the people out, once; an int makes so
        many folds of people. Persons are never split, and classes are stratified.

    scoring : str or dict of str to (str or callable), default=None
        Further scores of each model on the data that it induces, such as a cost in
        money by ``scorer(estimator, X, y, sample_weight=None)``. Higher is better.

    max_iter : int, default=10
        Most retrainings of each model.

    response_method : str, default="auto"
        Which predictions people react to, as in :class:`RepeatedRiskMinimizer`.

    pos_label : int, float, bool or str, default=None
        The class whose probability people react to, as in
        :class:`RepeatedRiskMinimizer`.

    n_bootstrap : int, default=500
        Draws of persons for the intervals. A score is asked for on each of them.

    confidence_level : float, default=0.95
        Of the intervals, and of the decision.

    n_jobs : int, default=None
        Models that are trained at once, by joblib.

    random_state : int, RandomState instance or None, default=None
        Splits people, draws them, and makes the random numbers of the shifts, which
        are the same for all models.

    Attributes
    ----------
    results_ : DataFrame
        A row for each estimator, shift and way.

        - risk: performative risk of the people held out, with "risk_low" and
          "risk_high"
        - risk_nobody_reacts: of the same model on the same people before they react
        - risk_change: the difference of the two, with ends
        - difference: risk less that of the first way, with ends
        - the scores, with ends, and their "..._difference" to the first way
        - settled, diagnosis, rounds, residual: how retraining ended, as in
          `diagnosis_`, `n_iter_` and `stability_residual_` of minimizers
        - settled_round, settled_risk: where it settled in risk only
        - fit_time: seconds, the mean over splits
        - missing: why there is no such model, NaN where there is one

    by_group_ : DataFrame
        A row for each model and group of `by`: "n_people" held out, their "share" of
        the induced data, "risk", "risk_nobody_reacts", "risk_change" and "difference"
        as above; the mean "prediction" once people react and before, and the
        "rejection_rate", where the shift says who is rejected.

    gaming_ : DataFrame
        A row for each model and column that moves, as :func:`gaming_importance` has
        them.

    history_ : DataFrame
        A row for each round of each model: `history_` of the minimizers.

    decision_ : DataFrame
        A row for each shift and figure: the best model, and which ones cannot be told
        apart from it.

    answers_ : dict of str to list of str
        The five questions, in words.

    warnings_ : DataFrame
        What the fits have warned of, with the number of fits.

    n_people_ : int
        Persons who are held out at least once.

    n_splits_ : int
        Splits into those who train and those who are held out.

    See Also
    --------
    gaming_importance : Which features are gamed, for one fitted model.
    skperf.metrics.performative_risk : The risk of one fitted model.

    Notes
    -----
    Intervals are percentiles of a bootstrap over the persons held out, with the same
    draws for all figures, so that differences are paired. They take models as they
    are: how much these would differ had others trained is not in them. The people who
    give a rejected one their features stay the same in all draws.

    A model counts as worse than the best if the difference is larger than chance makes
    any difference between two models of the study in 95 of 100 draws.

    Where a shift does not say whose rows it returns, there are no intervals and no
    groups. Return ``Sample(X, y, groups=rows)``, the row numbers of the given X.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skperf.inspection import RetrainingStudy
    >>> from skperf.shift import StrategicResponse
    >>> X, y = make_classification(1000, random_state=0)
    >>> study = RetrainingStudy(
    ...     LogisticRegression(),
    ...     StrategicResponse(0.3),
    ...     ways=("ordinary", "retrained"),
    ...     random_state=0,
    ... ).fit(X, y)
    >>> study.results_[["way", "risk", "diagnosis"]].round(3)
             way   risk      diagnosis
    0   ordinary  0.314  not retrained
    1  retrained  0.131      converged
    >>> print(study.recommend())
    If people react as in “StrategicResponse”: deploy LogisticRegression, retrained. Its
    risk is 0.13..., and the other one is worse beyond chance.
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimators": "no_validation",
        "shifts": "no_validation",
        "ways": "no_validation",
        "cv": ["cv_object"],
        "scoring": "no_validation",
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "response_method": [
            StrOptions({"auto", "predict_proba", "decision_function", "predict"})
        ],
        "pos_label": [Real, str, "boolean", None],
        "n_bootstrap": [Interval(Integral, 0, None, closed="left")],
        "confidence_level": [Interval(Real, 0, 1, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimators,
        shifts,
        *,
        ways=tuple(WAYS),
        cv=None,
        scoring=None,
        max_iter=10,
        response_method="auto",
        pos_label=None,
        n_bootstrap=500,
        confidence_level=0.95,
        n_jobs=None,
        random_state=None,
    ):
        self.estimators = estimators
        self.shifts = shifts
        self.ways = ways
        self.cv = cv
        self.scoring = scoring
        self.max_iter = max_iter
        self.response_method = response_method
        self.pos_label = pos_label
        self.n_bootstrap = n_bootstrap
        self.confidence_level = confidence_level
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, *, sample_weight=None, groups=None, by=None):
        """Train all models, let those who are held out react, and compare.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of the people, where nobody reacts yet.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        groups : str or array-like of shape (n_samples,), default=None
            The person of each row, where a person has several. A str names a column of
            X, such as an ID, which is no feature then: positions in shifts count the
            columns without it.

        by : str, array-like of shape (n_samples,) or dict of str to mask, default=None
            The groups of people that `by_group_` tells of: a column of X, which stays a
            feature, labels, or masks that may overlap.

        Returns
        -------
        self : object
            The study.

        Raises
        ------
        ValueError
            If `cv` puts somebody on both sides, if `by` has more than 30 values, or if
            no model could be made.
        """
        check_pandas_support("RetrainingStudy")
        plan = make_plan(self, X, y, sample_weight, groups, by)
        outcomes = self._play_all(plan, X, y, sample_weight)
        _require_some(outcomes)
        rows = pool(outcomes, plan.judging)
        told = collect(outcomes)
        self._publish(plan, rows, told)
        tell(told, len(outcomes))
        return self

    def recommend(self):
        """Say in plain words which model to deploy, and how sure that is.

        Returns
        -------
        text : str
            A sentence for each shift and figure.
        """
        check_is_fitted(self)
        return "\n".join(self.answers_[DEPLOY])

    def report(self, path, *, min_group_size=20):
        """Write a report that can be forwarded: one HTML file without a script.

        The decision comes first, in plain words; then tables and pictures, what was
        assumed and what was not measured. There are no rows and no IDs in it. Names of
        models, shifts, groups and columns are.

        Parameters
        ----------
        path : str or path-like
            Where it is written.

        min_group_size : int, default=20
            Groups of fewer people held out are left out.
        """
        check_is_fitted(self)
        html = make_report(self, min_group_size)
        Path(path).write_text(html, encoding="utf-8")

    def _html_repr(self):
        """Return what a notebook shows: the decision, once there is one."""
        if not hasattr(self, "results_"):
            return super()._html_repr()
        return make_summary(self)

    def _play_all(self, plan, X, y, sample_weight):
        """Return what came of each task."""
        tasks = plan.tasks
        root = self._init_callback_context(
            max_subtasks=len(tasks), sequential_subtasks=False
        )
        about = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        root.call_on_fit_task_begin(estimator=self, **about)
        contexts = [
            root.subcontext(task_name=task.way, task_id=number)
            for number, task in enumerate(tasks)
        ]  # ahead of the workers, to which they are pickled
        outcomes = Parallel(n_jobs=self.n_jobs)(
            delayed(play)(
                task,
                plan.estimators[task.estimator],
                plan.shifts[task.shift],
                plan.splits[task.split],
                plan.judging,
                FitTask(context, self, plan.splits[task.split].training),
            )
            for task, context in zip(tasks, contexts, strict=True)
        )
        root.call_on_fit_task_end(estimator=self, **about)
        return outcomes

    def _publish(self, plan, rows, told):
        """Become fitted, all at once."""
        frame = check_pandas_support("RetrainingStudy").DataFrame
        decisions = [
            decision
            for figure in ("risk", *plan.judging.scorers)
            for decision in decide(rows, figure, self.confidence_level)
        ]
        made = Tables(plan, rows, self.confidence_level)
        tables = {
            "results": made.results(),
            "by_group": made.by_group(),
            "gaming": made.gaming(),
            "history": made.history(),
            "decision": frame([each.to_row() for each in decisions]),
        }
        vars(self).update(
            {f"{name}_": table for name, table in tables.items()},
            answers_=answer(decisions, tables, plan.n_people, plan.ways[0]),
            warnings_=frame([each.to_row() for each in told], columns=COLUMNS),
            n_people_=plan.n_people,
            n_splits_=len(plan.splits),
        )


def _require_some(outcomes):
    """Raise a ValueError where there is no model at all."""
    reasons = [outcome.missing for outcome in outcomes]
    if all(reasons):
        raise ValueError(f"There is no model to judge. {reasons[0]}")
