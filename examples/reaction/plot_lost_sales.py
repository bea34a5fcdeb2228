# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Lost sales: a forecast that empties the shelf
=============================================

A bakery bakes what its model forecasts. What it can sell is at most what it has baked,
and what was sold is what the next model is trained on: the smaller of demand and
forecast. Customers who found an empty shelf are in no table. So a good forecast of the
mean is followed by a lower one, and that by a lower one still.
"""

# %%
# Two years of bread
# ------------------
# Demand depends on the weekday, and on nothing else that the bakery knows. The first
# table is from a time when there was always enough.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, QuantileRegressor

from skperf import FunctionShift, RepeatedRiskMinimizer

rng = np.random.default_rng(0)
weekday = np.arange(728) % 7
level = np.array([80, 70, 70, 75, 110, 160, 120])[weekday]
demand = rng.gamma(8, level / 8)  # the standard deviation is about a third of the mean
X = np.eye(7)[weekday]

# %%
# The reaction is one line: nobody buys a loaf that was not baked.


def sell(X, demand, forecast):
    return X, np.minimum(demand, forecast)


shift = FunctionShift(sell)

# %%
# Three forecasts
# ---------------
# A loaf costs .30 and sells for 3. Who bakes one loaf more risks .30 for a chance of
# 2.70, so the best number to bake is the .9 quantile of demand. A forecast of the mean
# is what regression gives unless it is told otherwise.
PRICE, COST = 3.0, 0.3
models = {
    "mean": LinearRegression(fit_intercept=False),
    ".5 quantile": QuantileRegressor(quantile=0.5, alpha=0, fit_intercept=False),
    ".9 quantile": QuantileRegressor(quantile=0.9, alpha=0, fit_intercept=False),
}


class Forecasts:
    """Keeps what each model forecasts for every day."""

    def setup(self, estimator, context):
        self.path = []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "retrain":
            self.path.append(estimator.estimator_.predict(X))


def profit(baked):
    """Return the mean profit a day; unlike the bakery we know the demand."""
    return np.mean(PRICE * np.minimum(demand, baked) - COST * baked)


paths = {}
print("forecast        first   after 24 rounds of retraining")
for name, model in models.items():
    keep = Forecasts()
    retrained = RepeatedRiskMinimizer(clone(model), shift, max_iter=24, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        retrained.set_callbacks(keep).fit(X, demand)
    paths[name] = keep.path
    print(
        f"{name:12}  {profit(keep.path[0]):7.2f}  {profit(keep.path[-1]):7.2f} a day, "
        f"{retrained.diagnosis_} after {retrained.n_iter_} rounds"
    )

# %%
# The mean of the smaller of two numbers is below both, so the mean falls without end;
# where demand is exponential with the mean :math:`\mu` it goes to :math:`2\mu/t`. A
# quantile that the shelf does not reach is another matter: nine days of ten had bread
# left, and what was sold on these is what was asked for. The .9 quantile of the smaller
# of demand and its own .9 quantile is that quantile, and retraining stays where it is.
# So is any other quantile, but the median bakes too little for a loaf so cheap.
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, path in paths.items():
    path = [*path, *[path[-1]] * (25 - len(path))]  # a stable forecast stays
    axes[0].plot([np.mean(baked) for baked in path], label=name)
    axes[1].plot([np.mean(demand > baked) for baked in path])
axes[0].axhline(demand.mean(), color="0.6", ls=":", lw=0.9)
axes[0].annotate("mean demand", (24, demand.mean()), ha="right", va="bottom")
axes[0].set(xlabel="Round", ylabel="Loaves baked a day", ylim=(0, None))
axes[1].set(xlabel="Round", ylabel="Share of days that sell out", ylim=(0, 1))
axes[0].legend(frameon=False, loc="lower left")
plt.show()

# %%
# What this does not mend
# -----------------------
# Stable is not right. A bakery that starts with the median and then asks for the .9
# quantile stays at the median: it has never seen what more bread would have sold.
half = models[".5 quantile"].fit(X, demand)
_, sold = sell(X, demand, half.predict(X))
upper = clone(models[".9 quantile"]).fit(X, sold)
enough = models[".9 quantile"].fit(X, demand)
print(f"baked before: {half.predict(X).mean():.0f} a day")
print(f".9 quantile of what was sold: {upper.predict(X).mean():.0f}")
print(f".9 quantile of demand: {enough.predict(X).mean():.0f}")

# %%
# To find out, it has to bake more than it forecasts for a while, on days drawn by lot:
# the page :doc:`/user_guide/reaction` is about such experiments.
