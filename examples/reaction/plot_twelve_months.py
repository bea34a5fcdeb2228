# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Twelve months on a dashboard
============================

A bank retrains its credit score on the first of each month. Applicants answer to the
score that is out, and for some of them it takes another month until the bank knows
whether they pay. All rows, labels and models are kept on disk by a
:class:`~skperf.retraining.SnapshotStore`, and each month is a job that could run in a
process of its own.
"""

# %%
# The world outside
# -----------------
# Each month brings 1,200 new applicants of the credit data. Those who will be late with
# a payment lower the three columns that can be changed within weeks, by .1 times the
# gradient of the score that is deployed.
import warnings
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer

from skperf import AffineRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.exceptions import MissingLabelsWarning
from skperf.retraining import SnapshotStore
from skperf.shift import Predictor, StrategicResponse

N_MONTHS, N_PEOPLE = 12, 1200
MONTHS = [f"2026-{number:02}" for number in range(1, N_MONTHS + 1)]
credit = fetch_give_me_some_credit(preprocessing="paper", as_frame=True)
scale = QuantileTransformer(n_quantiles=200, random_state=0).set_output(
    transform="pandas"
)
everyone = scale.fit_transform(credit.data) - 0.5
order = np.random.default_rng(0).permutation(len(everyone))
answer = StrategicResponse(
    0.1, strategic_features=credit.strategic_features, responds=[1]
)


def applicants(number, model=None):
    """Return who applies in a month, what they show, and whether they will be late."""
    people = order[N_PEOPLE * number : N_PEOPLE * (number + 1)]
    X, y = everyone.iloc[people], credit.target.to_numpy()[people]
    if model is None:
        return people, X, y
    seen = answer.bind(X, y)(model.predict_proba(X)[:, 1], Predictor(model.estimator_))
    return people, seen.X, y


# %%
# The job of a month
# ------------------
# The first model is trained on applicants of the year before, who had not met it. From
# then on the rows of a month are logged with their predictions. At its end seven in ten
# labels are known, the others a month later, whoever it is. The job trains on the month
# first. Its people have met the newest model, so this training tells how far that model
# is from rest. Then it trains on the rest of the month before.
# The window is the last six samples, which is about three months.
folder = mkdtemp()  # a bank has a folder that stays


def come_in_time(number):
    """Return whose label is known when a month ends."""
    return np.random.default_rng(number).random(N_PEOPLE) < 0.7


def train_on_labelled(model, store, month):
    """Retrain on the rows of a month that have a label and were not trained on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingLabelsWarning)  # see the dashboard
        rows = store.labelled(month)
    return model.partial_fit(**rows)


def job(number):
    """Take up the newest model and train it; return what the dashboard shows."""
    store = SnapshotStore(folder)
    model = store.resume()
    people, X, y = applicants(number + 1, model)
    scores, in_time = model.predict_proba(X)[:, 1], come_in_time(number)
    store.log(X, scores, people, MONTHS[number])
    store.label(people[in_time], y[in_time])
    train_on_labelled(model, store, MONTHS[number])
    month = {
        "verdict": model.diagnosis_,
        "log loss": model.history_["risk_before"][-1],
        "after retraining": model.history_["risk_after"][-1],
        "from rest": model.history_["stability_residual_estimate"][-1],
        "predicted": scores.mean(),
        "late": y.mean(),
    }
    if number:
        people, _, y = applicants(number)
        rest = ~come_in_time(number - 1)
        store.label(people[rest], y[rest])
        train_on_labelled(model, store, MONTHS[number - 1])
    return month


first = AffineRiskMinimizer(
    LogisticRegression(), window=6, coefficients="size", store=SnapshotStore(folder)
)
people, X, y = applicants(0)
first.partial_fit(X, y, groups=people, period="2025")
dashboard = pd.DataFrame([job(number) for number in range(N_MONTHS)], index=MONTHS)
print(dashboard[["verdict", "log loss", "from rest"]].round(3).to_string())


# %%
# What is in the store
# --------------------
# A month is there twice: what was labelled in time, and the rest. The last rest is
# still to come. Each row was trained on once, and any model can be loaded again.
store = SnapshotStore(folder)
print(store.periods()[-4:])
n_rows = {period: len(store.read(period).y) for period in store.periods()}
march = store.load("2026-03")
print(march.n_iter_, "trainings by March,", sum(n_rows.values()), "rows in all")

# %%
# The dashboard
# -------------
# In January people answer to a score for the first time, and in February to one that
# was trained on those answers alone: it overshoots, and its log loss is the worst of
# the year. From spring on it is trained on a mixture of what several models have
# brought about, and stays. Models then differ by what samples of a month differ anyway,
# and the verdict says so: "noise floor".
figure, axes = plt.subplots(2, 2, figsize=(10, 6.5), layout="constrained", sharex=True)
(loss, rest), (labels, share) = axes
calendar = np.arange(1, N_MONTHS + 1)

loss.plot(calendar, dashboard["log loss"], "o-", label="deployed model")
loss.plot(calendar, dashboard["after retraining"], "o:", label="retrained on the month")
loss.set(title="Log loss of the month", ylabel="Log loss")
loss.legend(frameon=False)

rest.plot(calendar, dashboard["from rest"], color="0.7", zorder=0)
for verdict, months in dashboard["from rest"].groupby(dashboard["verdict"]):
    places = [MONTHS.index(month) + 1 for month in months.index]
    rest.scatter(places, months, s=60, label=verdict)
rest.set(title="How far the model is from rest, and the verdict", yscale="log")
rest.set_ylabel("Root mean square of predictions")
rest.legend(frameon=False)

in_time = np.array([n_rows[month] for month in MONTHS])
late = np.array([n_rows.get(f"{month} (2)", 0) for month in MONTHS])
labels.bar(calendar, in_time, label="in time")
labels.bar(calendar, late, bottom=in_time, label="a month late")
missing = N_PEOPLE - in_time - late
style = {"color": "white", "edgecolor": "0.5", "hatch": "//"}
labels.bar(calendar, missing, bottom=in_time + late, label="missing", **style)
labels.set(title="Labels", xlabel="Month of 2026", ylabel="Applicants", ylim=(0, 1450))
labels.legend(frameon=False, loc="upper center", ncols=3)

share.plot(calendar, dashboard["late"], "s-", color="0.3", label="were late")
share.plot(calendar, dashboard["predicted"], "o-", label="predicted")
share.set(title="Applicants late with a payment", xlabel="Month of 2026")
share.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
share.legend(frameon=False)
share.set_xticks(calendar)
plt.show()
