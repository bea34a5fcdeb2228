# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
A bank asks five questions
==========================

Does our monthly retraining settle? What do we lose? Which model do we deploy? Which
features are gamed? Whom does it hurt? :class:`~skperf.inspection.RetrainingStudy`
answers them in one call, on a table as banks have them: missing values, categories,
dates, customers with several applications, few bad ones, and labels that are words.
"""

# %%
# The table
# ---------
# Applications from the Give Me Some Credit data, thinned out so that 3 % are bad.
# Numbers and missing values are real. Region, date and customer are invented, since the
# data have none: they are noise here, and only have to be dealt with.
import warnings
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    QuantileTransformer,
)

from skperf import ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.inspection import GamingDisplay, RetrainingStudy

rng = np.random.default_rng(0)
frame = fetch_give_me_some_credit(as_frame=True).frame
by_label = frame.groupby("SeriousDlqin2yrs")
bad, good = (by_label.get_group(label) for label in (1, 0))
people = pd.concat([bad.sample(300, random_state=0), good.sample(9700, random_state=0)])
people = people.sample(frac=1, random_state=0, ignore_index=True)
y = people.pop("SeriousDlqin2yrs").map({0: "good", 1: "bad"})
X = people.assign(
    region=pd.Categorical(rng.choice(["north", "south", "west"], 10_000)),
    opened=pd.Timestamp("2026-01-01")
    - pd.to_timedelta(rng.integers(0, 3650, 10_000), "D"),
    customer=rng.integers(0, 9000, 10_000),
)
print(X.dtypes, X.isna().sum().sum(), y.value_counts(), sep="\n\n")

# %%
# The study
# ---------
# A logistic regression and boosted trees, as a bank would write them. People who are
# rejected come back with other card balances and numbers of loans; how often, ``delta``
# says, and :func:`~skperf.shift.estimate_shift` finds it from data. Money is a scorer:
# a loan goes to whom the model gives less than 10 %, brings 300 where it is paid back,
# and loses 3,000 where not.
BALANCE = "RevolvingUtilizationOfUnsecuredLines"
LOANS = "NumberOfOpenCreditLinesAndLoans"


def years(dates):
    """Return the years until 2026."""
    return (pd.Timestamp("2026-01-01") - dates) / pd.Timedelta("365D")


def profit(model, X, y, sample_weight=None):
    """Return the profit an application."""
    lent = model.predict_proba(X)[:, list(model.classes_).index("bad")] < 0.1
    gain = np.where(y == "bad", -3000, 300)
    return np.average(lent * gain, weights=sample_weight)


others = [(OneHotEncoder(), ["region"]), (FunctionTransformer(years), ["opened"])]
numbers = make_column_selector(dtype_include=np.number)
scaled = make_pipeline(SimpleImputer(), QuantileTransformer())
estimators = {
    "logistic": make_pipeline(
        make_column_transformer((scaled, numbers), *others),
        LogisticRegression(solver="newton-cholesky"),
    ),
    "boosting": make_pipeline(
        make_column_transformer(*others, ("passthrough", numbers), sparse_threshold=0),
        HistGradientBoostingClassifier(max_iter=50, max_bins=63, early_stopping=False),
    ),
}
shift = ResampleIfRejected(
    0.2, strategic_features=[BALANCE, LOANS], resampling="common"
)
study = RetrainingStudy(
    estimators,
    shift,
    ways=("ordinary", "retrained"),
    scoring={"profit": profit},
    max_iter=6,
    pos_label="bad",
    random_state=0,
)
ages = pd.cut(X["age"], [0, 30, 45, 60, 120], labels=["-30", "31-45", "46-60", "61-"])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # they are told below
    study.fit(X, y, groups="customer", by=ages)

# %%
# The answers
# -----------
for question, answers in study.answers_.items():
    print(f"\n{question}")
    for answer in answers:
        print(fill(answer, 84, initial_indent="- ", subsequent_indent="  "))

# %%
# What the fits have warned of, each thing once, with the number of fits:
study.warnings_[["category", "n_fits"]]

# %%
# Customers have several applications, and trees and quantiles count rows, so that they
# take applications for customers. Boosted trees never come to rest in their
# predictions; the risk has.

# %%
# In a notebook the study shows the decision and the results.
study  # noqa: B018

# %%
# Tables and pictures
# -------------------
# All figures are of customers who are held out, and each has an interval by drawing
# these anew. A difference of two models is surer than either of their risks, because
# both are judged on the same people.
study.results_[["estimator", "way", "risk", "risk_low", "risk_high", "difference"]]

# %%
# By age, with the share that is rejected:
columns = ["group", "n_people", "risk_nobody_reacts", "risk", "rejection_rate"]
study.by_group_.query("estimator == 'logistic' and way == 'ordinary'")[columns]

# %%
# What people gain by changing a column, the model loses. Each column is put back to
# what it was, one at a time:
fig, axes = plt.subplots(2, 1, figsize=(8, 3.4), layout="constrained", sharex=True)
for ax, name in zip(axes, estimators, strict=True):
    rows = study.gaming_.query("estimator == @name and way == 'ordinary'")
    GamingDisplay.from_importance(rows, ax=ax)
    ax.set(title=f"{name}, trained once", xlabel=None)
axes[-1].set_xlabel("Risk that the move costs")
plt.show()

# %%
# The report
# ----------
# One file for whoever decides: no script, no network, no rows of the table.
# ``study.report("bank.html")`` writes it.
