# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Fraudsters adapt
================

Most people fill in a form as things are. Some have a reason to find out how they are
scored, and change what they say. Where only those move, retraining runs in circles that
grow: a column that gives them away is used more, they change it, it is used less or the
other way round, and they change it back. The best model is easy to find all the same.
"""

# %%
# Only some move
# --------------
# The credit data, with columns made normal by their quantiles. Those who were late with
# a payment play the frauds: ``responds=[1]`` says that people with this label move, by
# .3 times the gradient of the score, to look better.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.inspection import RiskLandscapeDisplay
from skperf.metrics import induce, performative_risk
from skperf.shift import StrategicResponse

X, y = fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)
normal = QuantileTransformer(output_distribution="normal", random_state=0)
X = np.clip(normal.fit_transform(X[:, :10]), -3, 3)  # the last column is constant
frauds = StrategicResponse(0.3, responds=[1])

# %%
# Three models
# ------------
# Retraining gets 25 rounds and a warning that it does not settle, which we know. The
# optimum is a linear model, so the search follows the gradient of the risk, through the
# moves that people make because of it.
ordinary = LogisticRegression().fit(X, y)
retrained = RepeatedRiskMinimizer(LogisticRegression(), frauds, max_iter=25)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    retrained.fit(X, y)
best = PerformativeRiskMinimizer(LogisticRegression(), frauds).fit(X, y)

# %%
# Each is judged on the data that it induces. *Caught* is the share of frauds who are
# taken for some, *suspected* the share of the others.
models = {"ordinary": ordinary, "retrained": retrained, "best": best}
print("model      log loss   caught  suspected")
for name, model in models.items():
    risk = performative_risk(model, frauds, X, y)
    seen = induce(model, frauds, X, y)
    taken = model.predict(seen.X) == 1
    caught, suspected = taken[y == 1].mean(), taken[y == 0].mean()
    print(f"{name:<9}  {risk:>8.4f}  {caught:>7.1%}  {suspected:>9.1%}")
print(f"\nthe search for the best: {best.diagnosis_}")

# %%
# A score of one number
# ---------------------
# To see why, let the lender weigh a single column, the score of the ordinary model, by
# a coefficient and an intercept; and let frauds go ten times as far. The arrows show
# where one retraining goes: across the stable point, and further away from it on the
# other side, until the path leaves the picture. People are 4,000 here, to save time.
score = X[:4000] @ ordinary.coef_.T / np.linalg.norm(ordinary.coef_)
one_column = LogisticRegression(C=np.inf).fit(score, y[:4000])

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
left.plot(retrained.history_["risk_before"], ".-", color="tab:red", label="retraining")
left.axhline(best.performative_risk_, color="black", linestyle=":", label="optimum")
left.set(xlabel="Round", ylabel="Performative risk (log loss)", yscale="log")
left.legend(frameon=False)
display = RiskLandscapeDisplay.from_estimator(
    one_column,
    StrategicResponse(3.0, responds=[1]),
    score,
    y[:4000],
    values=[np.linspace(-1.0, 2.0, 25), np.linspace(-5.0, 4.0, 25)],
    ax=right,
)
right.set(xlabel="Weight of the score", ylabel="Intercept")
plt.show()
