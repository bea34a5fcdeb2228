# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Twelve months with memory
=========================

People do not all look at their score at once. Some change what they say this month,
others still go by what they heard of a model of last autumn. Such a memory decides
whether retraining settles, whether it pays to wait, and whether a loop that hardly
moves is at rest or has only just begun.
"""

# %%
# Applicants who know of the score
# --------------------------------
# A third of the credit data, with columns spread evenly between -.5 and .5. Applicants
# who will be late with a payment change the three columns that can be changed within
# weeks, by .1 times the gradient of the score. In the first world all of them answer
# the model of the month. In the second four in ten look at it anew each month, and what
# is seen is a mixture of the answers to all models so far.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import QuantileTransformer

from skperf import RepeatedRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.shift import MemoryShift, Predictor, StrategicResponse

credit = fetch_give_me_some_credit(preprocessing="paper")
X, _, y, _ = train_test_split(
    credit.data,
    credit.target,
    train_size=1 / 3,
    stratify=credit.target,
    random_state=0,
)
X = QuantileTransformer(n_quantiles=200, random_state=0).fit_transform(X) - 0.5
at_once = StrategicResponse(
    0.1, strategic_features=credit.strategic_features, responds=[1]
)
slowly = MemoryShift(at_once, decay=0.4)
model = LogisticRegression(solver="newton-cholesky", tol=1e-10)

# %%
# Does retraining settle?
# -----------------------
# Where all answer at once, each model overshoots, and the next one more. A memory damps
# that. With ``n_rounds_per_deployment=4`` people have four months to get used to a
# model, so that they have nearly forgotten the one before, and much of the overshoot is
# back. Each line is about 12 retrainings.
plans = {
    "at once, every month": (at_once, 1),
    "slowly, every month": (slowly, 1),
    "slowly, every fourth month": (slowly, 4),
}
print("people answer, retrained     converged  residual  log loss")
for name, (shift, wait) in plans.items():
    loop = RepeatedRiskMinimizer(
        model, shift, max_iter=12, n_rounds_per_deployment=wait, tol=1e-3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table tells
        loop.fit(X, y)
    residual, loss = loop.stability_residual_, loop.history_["risk_before"][-1]
    print(f"{name:<27}  {loop.converged_!s:<9}  {residual:>8.1g}  {loss:>8.2f}")

# %%
# Month by month
# --------------
# A bound shift is a world, which can be lived in month by month. What people remember
# is the state, which each month takes and returns; ``settle`` tells what they would do
# in the long run if the model stayed.


def live(shift, wait=1, n_months=12):
    """Return the log loss of each month, moves of the model, and moves to come."""
    world = shift.bind(X, y)
    state, deployed = world.start(), clone(model).fit(X, y)
    months = []
    for month in range(1, n_months + 1):
        seen, state = world.react(state, Predictor(deployed))
        loss = log_loss(
            seen.y, deployed.predict_proba(seen.X), sample_weight=seen.sample_weight
        )
        rest = world.settle(state, Predictor(deployed))
        months.append((loss, move(deployed, seen), move(deployed, rest)))
        if month % wait == 0:
            deployed = retrain(seen)
    return np.array(months).T


def retrain(seen):
    """Return a model that is trained on what was seen."""
    return clone(model).fit(seen.X, seen.y, seen.sample_weight)


def move(deployed, seen):
    """Return how far a retraining moves the predictions on the base population."""
    before, after = (m.predict_proba(X)[:, 1] for m in (deployed, retrain(seen)))
    return np.sqrt(np.mean((after - before) ** 2))


# %%
# On the left, the log loss in each month. Where all answer at once it leaves the
# picture in the third. Where a model stays for four months, each of them brings more
# people who have found their way around it.
#
# On the right, a world in which one in twenty looks at the score in a month. What a
# retraining moves is small from the start, since hardly anybody has met the model yet:
# the gap looks like that of a loop that is nearly done. How far the model is from rest,
# the *stability residual*, is another matter, and it is what the minimizers judge.
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
calendar = np.arange(1, 13)
for name, (shift, wait) in plans.items():
    loss, _, _ = live(shift, wait)
    left.plot(calendar, loss, ".-", label=name)
left.set(xlabel="Month", ylabel="Log loss of the deployed model", ylim=(0.48, 1.12))
left.legend(frameon=False, title="People answer, model retrained", loc="upper right")

_, gap, residual = live(MemoryShift(at_once, decay=0.05))
right.plot(calendar, residual, ".-", label="if people got used to the model")
right.plot(calendar, gap, ".-", label="now: what a dashboard shows")
right.set(
    xlabel="Month",
    ylabel="A retraining moves predictions by",
    yscale="log",
)
right.legend(frameon=False)
for axes in (left, right):
    axes.set_xticks(calendar)
plt.show()
