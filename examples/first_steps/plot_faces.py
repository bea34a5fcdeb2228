# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Three faces of one shift, and what a small gap means
====================================================

``ResampleIfRejected`` makes its samples in three ways. All follow the same law, but
retraining ends differently on each of them. And even where it ends at a gap of 1e-16,
the stable model still depends on how finely the law was sampled.
"""

# %%
# The gap, round by round
# -----------------------
# The credit data under a strong reaction (:math:`\delta = 0.1`: who is rejected depends
# mostly on the model), and a logistic regression on ranks with an exact solver. A
# ``tol`` of 0 keeps all minimizers running for 15 rounds.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import quantile_transform

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit

credit = fetch_give_me_some_credit(preprocessing="paper")
ranks, y = quantile_transform(credit.data, random_state=0), credit.target
model = LogisticRegression(solver="newton-cholesky", tol=1e-12, warm_start=True)
shift = ResampleIfRejected(delta=0.1, strategic_features=credit.strategic_features)

gaps = {}
for face in ("drawn", "common", "expected"):
    shift.set_params(resampling=face)
    minimizer = RepeatedRiskMinimizer(model, shift, tol=0, max_iter=15, random_state=0)
    with warnings.catch_warnings():
        # A tol of 0 is never reached, which is what we want here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        minimizer.fit(ranks, y)
    gaps[face] = minimizer.history_["prediction_gap"]
    print(f"{face:<9} last gap {gaps[face][-1]:.0e}")

# %%
# - ``"drawn"`` draws new outcomes in every round, as the world would. The gap comes
#   down to the noise of one draw and stays there.
# - ``"common"`` uses the same random numbers in every round. The sample changes only
#   when somebody's rejection flips, so the path ends abruptly: at a gap of exactly 0,
#   or with very few people flipping to and fro.
# - ``"expected"`` takes the expectation over the outcomes, as weights of the rows. It
#   is smooth in the predictions, and the gap falls to rounding error.

# %%
# How accurate is the stable model?
# ---------------------------------
# A gap of 1e-16 says that the algorithm has converged, not that the stable model is
# known to 16 digits. In the ``"expected"`` face each row comes with ``n_donors``
# copies, whose strategic columns are those of randomly chosen people. Other donors,
# another stable model. We compare with a reference of 256 donors a row, for groups of
# 500 and 2,000 people.
shift.set_params(resampling="expected")
n_donors = [1, 4, 16, 64]


def stable_predictions(n_samples, n_donors, seed):
    """Return what the stable model for these donors predicts for the first people."""
    shift.set_params(n_donors=n_donors)
    minimizer = RepeatedRiskMinimizer(model, shift, tol=1e-6, random_state=seed)
    minimizer.fit(ranks[:n_samples], y[:n_samples])
    return minimizer.predict_proba(ranks[:n_samples])[:, 1]


def distances(n_samples):
    """Return the distance from the reference over eight seeds, by number of donors."""
    reference = stable_predictions(n_samples, n_donors=256, seed=8)
    errors = [
        [stable_predictions(n_samples, n, seed) - reference for seed in range(8)]
        for n in n_donors
    ]
    return np.sqrt(np.mean(np.square(errors), axis=(1, 2)))


# %%
# The picture
# -----------
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for face, gap in gaps.items():
    axes[0].semilogy(np.arange(1, 16), gap, marker=".", label=face)
axes[0].set(xlabel="Round", ylabel="Prediction gap (RMS)")
axes[0].set(title="Convergence of the algorithm")
axes[0].xaxis.get_major_locator().set_params(integer=True)
axes[0].legend(frameon=False)
for n_samples, marker in ((500, "o"), (2000, "s")):
    distance = distances(n_samples)
    axes[1].loglog(n_donors, distance, marker, label=f"{n_samples:,} people")
    level = np.exp(np.mean(np.log(distance * np.sqrt(n_donors))))
    axes[1].plot(n_donors, level / np.sqrt(n_donors), ":", color="0.6", zorder=0)
    print(f"{n_samples} people:", *(f"{value:.1e}" for value in distance))
axes[1].set(xlabel="Donors a row", ylabel="Distance from the reference (RMS)")
axes[1].set(title="Accuracy of the stable model")
axes[1].set_xticks(n_donors, labels=n_donors)
axes[1].xaxis.minorticks_off()
axes[1].set_ylim(1e-3, 3e-2)
axes[1].legend(frameon=False)
plt.show()

# %%
# The error falls about as one over the square root of the number of donors (dotted)
# and of the number of people. Four donors are the default; take more if the stable
# predictions themselves are what you report.
