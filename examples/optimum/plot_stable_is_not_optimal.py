# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Stable is not optimal
=====================

Retraining ends where a model is best on the data that it induces. But another model
would induce other data, and it may be better on those. Two cases: a shop, where all is
known in closed form, and borrowers who are treated by what is predicted of them.
"""

# %%
# A shop with 100 prices
# ----------------------
# Of each product less is sold the more it costs: 1.5 pieces for each unit of its price.
# A shop that takes last week's sales as given sees that it would have earned more by a
# higher price, on anything that was sold at all. Its ``fit`` is a step in that
# direction, from where it stands.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from skperf import PerformativeRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import fetch_give_me_some_credit, make_pricing
from skperf.exceptions import RepeatedPersonsWarning
from skperf.metrics import induce, performative_risk
from skperf.shift import OutcomeShift, SelfFulfillingShift

# Each fit below does a fixed number of rounds, and a leaf of a tree may hold a
# borrower twice, once with each outcome.
warnings.simplefilter("ignore", ConvergenceWarning)
warnings.simplefilter("ignore", RepeatedPersonsWarning)


class Shop(RegressorMixin, BaseEstimator):
    """Raises each price in proportion to what was sold."""

    def fit(self, products, sold):
        """Learn prices; `products` says by a 1 which product a row is."""
        old = getattr(self, "prices_", np.zeros(products.shape[1]))
        self.prices_ = old + 0.2 * products.T @ sold
        return self

    def predict(self, products):
        """Return prices."""
        return products @ self.prices_


def revenue(shop, products, sold, sample_weight=None):
    """Return what all products earn."""
    return np.sum(shop.predict(products) * sold)


data = make_pricing(100, random_state=0)
customers = OutcomeShift(feedback=data.feedback)
stable = RepeatedRiskMinimizer(
    Shop(), customers, scoring=revenue, max_iter=40, tol=1e-6
)
stable = stable.fit(data.data, data.target)

# %%
# :class:`~skperf.PerformativeRiskMinimizer` knows that customers answer. With a
# ``scoring`` it looks for the highest score on the data that a model induces; here it
# takes 100 numbers from a linear model, one price for each product.
best = PerformativeRiskMinimizer(
    LinearRegression(fit_intercept=False), customers, scoring=revenue
).fit(data.data, data.target)


def earned(shop):
    """Return the revenue once customers have answered to the prices."""
    risk = performative_risk(shop, customers, data.data, data.target, scoring=revenue)
    return round(-risk, 1) + 0.0


print("                       found   closed form")
print(f"revenue when stable  {earned(stable):>7.1f}   {data.stable_revenue:>11.1f}")
print(f"revenue at the best  {earned(best):>7.1f}   {data.optimal_revenue:>11.1f}")

# %%
# Borrowers
# ---------
# 18,357 borrowers, and a lender that asks more of those who look like a bad risk, so
# that some of them fail for it: whoever would have paid back defaults with probability
# .7 times the predicted one. Both loops train boosted trees, six rounds each, on a
# third of the people and with 40 trees, for the sake of time.
X, y = fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, train_size=1 / 3, random_state=0)
lender = SelfFulfillingShift(strength=0.7)
trees = HistGradientBoostingClassifier(
    max_iter=40, early_stopping=False, random_state=0
)
settings = {"max_iter": 6, "tol": 0}
loops = {
    "ordinary": trees.fit(X, y),
    "stable": RepeatedRiskMinimizer(trees, lender, **settings).fit(X, y),
    "optimal": PerformativeRiskMinimizer(trees, lender, **settings).fit(X, y),
}

# %%
# The verdict is of people that no model has seen.
print(f"without a model {y_test.mean():.1%} default\n")
print("model      log loss   default   mean prediction")
for name, model in loops.items():
    risk = performative_risk(model, lender, X_test, y_test)
    seen = induce(model, lender, X_test, y_test)
    defaults = np.average(seen.y, weights=seen.sample_weight)
    told = model.predict_proba(X_test)[:, 1].mean()
    print(f"{name:<9}  {risk:>8.4f}  {defaults:>8.1%}  {told:>16.1%}")

# %%
# The optimum has the lowest risk, and it has it by what it does to people. All three
# make some of them default. The risk counts errors of prediction and not defaults, so
# look at what a model induces before you deploy it.
#
# The picture shows the loops, round by round. On the left the shop raises its prices
# past the best ones, until nothing is sold. On the right retraining goes to a model
# that is right about the defaults that it takes for granted.
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
rounds = np.arange(len(stable.history_["risk_before"]))
left.plot(rounds, -stable.history_["risk_before"], ".-", label="retraining")
left.axhline(data.optimal_revenue, color="black", linestyle=":", label="optimum")
left.set(xlabel="Round", ylabel="Revenue")
for name, column in (("stable", "risk_before"), ("optimal", "performative_risk")):
    risks = loops[name].history_[column]
    first = loops[name].history_["risk_before"][:1]
    path = risks if name == "stable" else np.append(first, risks)
    label = "retraining" if name == "stable" else "corrected retraining"
    right.plot(path, ".-", label=label)
right.set(xlabel="Round", ylabel="Performative risk (log loss)")
for axes in (left, right):
    axes.legend(frameon=False)
    axes.xaxis.get_major_locator().set_params(integer=True)
plt.show()
