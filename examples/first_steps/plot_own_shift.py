# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Write a shift of your own: customers who leave
==============================================

An insurer predicts what each customer will cost and charges that. Customers know more
about themselves than the insurer does: the cautious ones find the price too high and
leave. Those who stay cost more, so next year's price is higher, and more people leave.
We write this reaction as a shift, check it, and see where the price ends.
"""

# %%
# The shift
# ---------
# A shift is a class with one method, ``sample``. It gets the base population and what
# the deployed model predicts on it, and returns the data that will then be seen. Here
# nobody's features or costs change; some customers are just no longer there, so the
# answer is a weight for each of them. The chance to stay falls when the price exceeds
# the customer's own cost by more than ``loyalty``.
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.callback import ScoringMonitor
from sklearn.linear_model import GammaRegressor

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.shift import BaseShift, Sample
from skperf.testing import check_shift


class CustomersLeave(BaseShift):
    """Customers stay with probability expit((loyalty + cost - price) / 100)."""

    def __init__(self, loyalty=100.0):
        self.loyalty = loyalty

    def stay_probability(self, y, y_pred):
        return expit((self.loyalty + y - y_pred) / 100)

    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        base = 1.0 if sample_weight is None else sample_weight
        return Sample(X, y, base * self.stay_probability(y, y_pred))


# %%
# Check it
# --------
# ``check_shift`` tries what minimizers and metrics rely on. It is silent if all is
# well. The mistake that is made most often is to forget the weights that the base
# population may already have:
check_shift(CustomersLeave())


class Forgetful(CustomersLeave):
    def sample(
        self, X, y, y_pred, *, predictor=None, sample_weight=None, random_state=None
    ):
        return Sample(X, y, self.stay_probability(y, y_pred))


try:
    check_shift(Forgetful())
except AssertionError as error:
    print(error)

# %%
# The customers
# -------------
# The insurer knows age and kilometers a year. How cautious a driver is multiplies the
# cost, and only the driver knows it.
rng = np.random.default_rng(0)
age = rng.uniform(18, 80, size=4000)
kilometers = rng.gamma(4.0, 3.0, size=4000)  # thousands a year
caution = rng.gamma(4.0, 0.25, size=4000)
X = np.column_stack([(age - 45) ** 2, kilometers])
y = (200 + 0.1 * X[:, 0] + 7.0 * kilometers) * caution  # euros a year

# %%
# Where the price ends
# --------------------
# ``scoring`` of a monitor can be any function of a model; here it is the mean price and
# the share of customers who stay. A parameter of a shift is set like any other, so
# studying several of them is a loop.
model = GammaRegressor(alpha=0, solver="newton-cholesky", tol=1e-8)


def follow(shift):
    """Retrain until stable; return mean price and share of customers, by round."""

    def mean_price(estimator, X, y, sample_weight=None):
        return estimator.predict(X).mean()

    def share(estimator, X, y, sample_weight=None):
        return shift.stay_probability(y, estimator.predict(X)).mean()

    monitor = ScoringMonitor(scoring={"price": mean_price, "share": share})
    minimizer = RepeatedRiskMinimizer(model, shift, tol=0.1, max_iter=30)
    minimizer.set_callbacks(monitor).fit(X, y)
    print(f"{shift}: {minimizer.diagnosis_} after {minimizer.n_iter_} rounds")
    _, *models = monitor.get_logs().data  # the whole fit comes first
    return [entry["price"] for entry in models], [entry["share"] for entry in models]


fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for loyalty in (200, 100, 0):
    prices, shares = follow(CustomersLeave(loyalty=loyalty))
    axes[0].plot(prices, marker=".", label=f"loyal up to {loyalty} euros")
    axes[1].plot(100 * np.array(shares), marker=".")
axes[0].set(xlabel="Round", ylabel="Mean price (euros a year)")
axes[1].set(xlabel="Round", ylabel="Customers who stay (%)", ylim=(0, 100))
axes[0].legend(frameon=False)
plt.show()

# %%
# The less loyal the customers, the further the spiral goes before it settles. Each
# round moves the price in the same direction, so averaging past years would not help
# here; Anderson acceleration does. It needs samples that differ by their weights only,
# as those of this shift do.
accelerated = AffineRiskMinimizer(
    model, CustomersLeave(loyalty=0), coefficients="anderson", tol=0.1
).fit(X, y)
print(f"Anderson: {accelerated.diagnosis_} after {accelerated.n_iter_} rounds")
