# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Choose a model on the data that it would induce
===============================================

Cross-validation chooses the model that is best while nobody reacts. Once the model is
deployed people do react, and another one may be best. ``make_performative_scorer``
makes a scorer out of any scikit-learn score and a shift: it lets the population of
each validation fold react to the candidate before it scores.
"""

# %%
# One search, two scores
# ----------------------
# Credit scoring again: rejected applicants come back with other card balances and
# loans. We search the regularization of a logistic regression, ``C``, and let
# ``GridSearchCV`` compute both scores for each candidate. With ``resampling="common"``
# each row is one person, which is what the ranks in the pipeline and the folds of the
# search take it to be.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.metrics import make_performative_scorer

credit = fetch_give_me_some_credit(preprocessing="paper")
shift = ResampleIfRejected(
    delta=0.6, strategic_features=credit.strategic_features, resampling="common"
)
model = make_pipeline(
    QuantileTransformer(random_state=0), LogisticRegression(solver="newton-cholesky")
)
C = np.logspace(-4, 0, 5)
search = GridSearchCV(
    model,
    {"logisticregression__C": C},
    scoring={
        "ordinary": "neg_log_loss",
        "performative": make_performative_scorer("neg_log_loss", shift),
    },
    refit=False,
    cv=3,
).fit(credit.data, credit.target)

ordinary = -search.cv_results_["mean_test_ordinary"]
performative = -search.cv_results_["mean_test_performative"]
chosen, best = ordinary.argmin(), performative.argmin()
print(f"ordinary score chooses     C = {C[chosen]:g}")
print(f"performative score chooses C = {C[best]:g}")
loss = performative[chosen] - performative[best]
print(f"after deployment the ordinary choice loses {loss:.4f} nats a person")

# %%
# The ordinary score wants as little regularization as possible. But a model that leans
# on features which people can change is hurt by their reaction, and regularization
# limits how much it leans on any.

# %%
# The same for a model that will be retrained
# -------------------------------------------
# A model that is retrained until stable has learned how much the changed features are
# still worth. To choose among such models, search the parameters of the minimizer;
# those of the model inside start with ``estimator__``, those of the shift with
# ``shift__``.
retrained_search = GridSearchCV(
    RepeatedRiskMinimizer(model, shift, tol=1e-3, random_state=0),
    {"estimator__logisticregression__C": C},
    scoring=make_performative_scorer("neg_log_loss", shift),
    refit=False,
    cv=3,
).fit(credit.data, credit.target)
retrained = -retrained_search.cv_results_["mean_test_score"]
stable = retrained.argmin()
print(f"for a stable model it chooses C = {C[stable]:g}: {retrained[stable]:.4f} nats")

# %%
# The picture
# -----------
# Rings mark the choices, the arrow what the ordinary choice loses. Retraining wins more
# than any choice of ``C`` for a model that is trained once, and it needs no strong
# regularization.
fig, ax = plt.subplots(figsize=(6.5, 4.2), layout="constrained")
curves = {
    "trained once, nobody reacts": ordinary,
    "trained once, people react": performative,
    "retrained until stable, people react": retrained,
}
for (name, risk), style in zip(curves.items(), ("--", "-", "-"), strict=True):
    (line,) = ax.semilogx(C, risk, style, marker=".", label=name)
    ring = {"markersize": 12, "fillstyle": "none", "color": line.get_color()}
    ax.plot(C[risk.argmin()], risk.min(), "o", **ring)
arrow = {"arrowstyle": "<->", "color": "0.3", "shrinkA": 0, "shrinkB": 0}
x = 1.6 * C[chosen]
ax.annotate("", (x, performative[chosen]), (x, performative[best]), arrowprops=arrow)
ax.text(1.2 * x, performative[[chosen, best]].mean(), f"{loss:.4f}", va="center")
ax.set(xlabel="C (weaker regularization to the right)", ylabel="Log loss (nats)")
ax.set_xlim(right=6 * C[chosen])
ax.axhline(performative[best], color="0.8", linewidth=0.8, zorder=0)
ax.legend(frameon=False)
plt.show()
