# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
An A/B test that finds a strength and a better model
====================================================

A lender fears that high rates make people default: whoever is told a high risk pays
more, and some of those fail for it. It does not know how many. Four thousand people
tell, half of whom are told nothing, and a better model follows.
"""

# %%
# What is known before
# --------------------
# 10,000 borrowers of the time before any model, of the Give Me Some Credit data. The
# model that is trained on them is right about people whom nobody has told anything.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import QuantileTransformer

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit
from skperf.metrics import induce, performative_risk
from skperf.shift import Deployment, Sample, SelfFulfillingShift, estimate_shift

X, y = fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)
normal = QuantileTransformer(output_distribution="normal", random_state=0)
X = np.clip(normal.fit_transform(X[:, :10]), -3, 3)
rng = np.random.default_rng(0)
past, asked, later = np.split(rng.permutation(len(y)), [10_000, 14_000])
logistic = LogisticRegression(C=1e6, solver="newton-cholesky")
ordinary = logistic.fit(X[past], y[past])

# %%
# The experiment
# --------------
# A coin decides who of 4,000 new borrowers gets a rate by the model. The others get the
# old one, as if their risk were 0. What each of them would have done otherwise is never
# seen. Only this example knows that people who would have paid default with half of
# the probability that they are told.
true = SelfFulfillingShift(strength=0.5)
told = ordinary.predict_proba(X[asked])[:, 1]
got_rate = rng.integers(0, 2, len(asked)) == 1
told = np.where(got_rate, told, 0.0)
fails = rng.uniform(size=len(asked)) < true.strength * told
defaults = np.where((y[asked] == 1) | fails, 1, 0)

arms = [
    Deployment(None, Sample(X[asked][arm], defaults[arm]), y_pred=told[arm])
    for arm in (got_rate, ~got_rate)
]
estimate = estimate_shift(SelfFulfillingShift(strength=0), arms)
low, high = estimate.confidence_interval()["strength"]
print(estimate)

# %%
# The better model
# ----------------
# With the estimated shift,
# :class:`~skperf.risk_minimization.PerformativeRiskMinimizer` finds the model that is
# best on the data that it induces. Nobody knows the strength exactly, so what a model
# risks is told at both ends of the interval, too. The cautious shift is the end that is
# nearer to no reaction.
models = {
    "ordinary": ordinary,
    "26 retrainings": RepeatedRiskMinimizer(logistic, true, max_iter=26),
    "at the estimate": PerformativeRiskMinimizer(logistic, estimate.shift),
    "at the cautious end": PerformativeRiskMinimizer(
        logistic, estimate.cautious_shift()
    ),
    "optimum": PerformativeRiskMinimizer(logistic, true),
}
for name in [*models][1:]:
    models[name].fit(X[past], y[past])


def risk(model, strength):
    """Return the log loss on later borrowers who react so strongly to the model."""
    return performative_risk(model, SelfFulfillingShift(strength), X[later], y[later])


print(f"risk if the strength is  {low:.2f}   {high:.2f}   {true.strength:.2f} (true)")
for name, model in models.items():
    row = "  ".join(f"{risk(model, strength):.4f}" for strength in (low, high, 0.5))
    print(f"{name:<22}  {row}")

# %%
# The experiment has taken 4,000 borrowers and leads nearly to the optimum. Retraining
# takes 26 deployments to everybody, and ends behind the cautious model.
#
# What is seen
# ------------
# On the left are both arms, by what the model says of people: whoever was told a high
# risk defaults more often than people like them who were told nothing, and by as much
# as the fitted shift says. On the right is what it costs to be wrong: the risk of
# models that are made for a strength, while the true one is .5. To assume too much
# costs more than to assume too little, so the cautious end is a good place.
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
score = ordinary.predict_proba(X[asked])[:, 1]
bins = np.digitize(score, np.quantile(score, np.arange(1, 8) / 8))
middle = np.array([score[bins == b].mean() for b in range(8)])


def rates(arm):
    """Return the share of defaults by predicted risk, and its standard error."""
    share = np.array([defaults[arm & (bins == b)].mean() for b in range(8)])
    n = np.bincount(bins[arm], minlength=8)
    return share, np.sqrt(share * (1 - share) / n)


untold, untold_error = rates(~got_rate)
for arm, name, color in (
    (got_rate, "told their risk", "tab:red"),
    (~got_rate, "told nothing", "tab:gray"),
):
    share, error = rates(arm)
    style = {"fmt": "o", "color": color, "markersize": 4, "label": name}
    left.errorbar(middle, share, yerr=1.96 * error, **style)
fitted = untold + (1 - untold) * estimate.params["strength"] * middle
left.plot(middle, fitted, color="tab:red", label="told nothing + fitted shift")
left.plot(middle, untold, color="tab:gray", linewidth=0.8)
left.set(xlabel="Risk by the model", ylabel="Share of defaults")
left.legend(frameon=False)

strengths = np.linspace(0, 0.7, 8)
curve = [risk(ordinary, 0.5)]
for strength in strengths[1:]:
    model = PerformativeRiskMinimizer(logistic, SelfFulfillingShift(strength))
    curve.append(risk(model.fit(X[past], y[past]), 0.5))
right.plot(strengths, curve, color="black", label="best for that strength")
right.axvspan(low, high, color="tab:blue", alpha=0.15, linewidth=0, label="interval")
right.axvline(0.5, color="0.5", linewidth=0.8, linestyle=":")
for name, strength, marker in (
    ("at the estimate", estimate.params["strength"], "o"),
    ("at the cautious end", low, "s"),
):
    style = {"marker": marker, "color": "tab:blue", "linestyle": "", "label": name}
    right.plot(strength, risk(models[name], 0.5), **style)
for name, color in (("ordinary", "tab:gray"), ("26 retrainings", "tab:red")):
    right.axhline(risk(models[name], 0.5), color=color, linestyle="--", label=name)
right.set(xlabel="Assumed strength", ylabel="Log loss where the true one is .5")
right.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %%
# Ask what the better model does before you deploy it. It makes people default, as the
# others do, since the risk counts errors of prediction only.
for name, model in models.items():
    seen = induce(model, true, X[later], y[later])
    share = np.average(seen.y, weights=seen.sample_weight)
    print(f"{name:<22}  {share:.1%} default")
