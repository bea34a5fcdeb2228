# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
How tight the theory of retraining is
=====================================

Theory promises that retraining multiplies errors by at most a certain rate, and that
no way of pooling past data can be fast everywhere. Here are worlds in which these
bounds are met, in which averaging helps, and in which it fails although it has been
claimed to work :cite:p:`khorsandi2025`. All of them are linear, so that every measured
point can be laid on a line that is known.
"""

# %%
# Retrain in a linear world
# -------------------------
# The population has one row a coordinate of the prediction, and least squares
# reproduces any outcome: retraining is the map :math:`f \mapsto y + A f`. The base
# targets of ``fit`` only choose the first model here.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer
from skperf.datasets import (
    make_affine_lower_bound,
    make_label_shift_groups,
    make_linear_feedback,
)
from skperf.shift import FunctionShift, OutcomeShift

# A tol of 0 is never reached: the pictures need all rounds.
warnings.simplefilter("ignore", ConvergenceWarning)
WINDOWS = {"1 (RRM)": 1, "2": 2, "4": 4, "all": None}
COLORS = dict(zip(WINDOWS, plt.colormaps["plasma"]([0, 0.3, 0.57, 0.85]), strict=True))
least_squares = LinearRegression(fit_intercept=False)


def respond(X, y, y_pred, data):
    shift = OutcomeShift(data.feedback, spread=data.get("spread"))
    return shift.sample(X, data.target, y_pred)


def path(data, start, window, n_rounds, model=least_squares):
    """Return the predictions of all models, shape (n_rounds + 1, n_coordinates)."""
    predict = {
        f"{i:03}": lambda estimator, X, y, i=i: estimator.predict(X)[i]
        for i in range(len(start))
    }
    minimizer = AffineRiskMinimizer(
        model,
        FunctionShift(respond, kw_args={"data": data}),
        window=window,
        max_iter=n_rounds,
        tol=0,
    )
    monitor = ScoringMonitor(scoring=predict)
    minimizer.set_callbacks(monitor).fit(data.data, start)
    _, *models = monitor.get_logs().data  # the whole fit comes first
    return np.array([[entry[name] for name in predict] for entry in models])


def norm(f):
    return np.sqrt(np.mean(np.square(f), axis=-1))


# %%
# The guaranteed rate is met
# --------------------------
# In ``make_label_shift_groups`` retraining multiplies every error by exactly 0.9. The
# theorem guarantees :math:`\sqrt\varepsilon M / \gamma` for the sensitivity
# :math:`\varepsilon` in the chi-square sense and the largest gradient M among
# predictions of norm r. The smaller r, the nearer is the guarantee to the truth, so no
# better one is possible.
radii = np.logspace(-1, -4, 7)
shortfall = []
print("radius   guaranteed  measured  ratio")
for radius in radii:
    data = make_label_shift_groups(0.9, angle=0.7, radius=radius)
    error = norm(path(data, radius * np.array([0.9, 0.4]), window=1, n_rounds=5))
    rate = (error[-1] / error[0]) ** (1 / 5)
    shortfall.append(1 - rate / data.guaranteed_rate)
    ratio = 1 - shortfall[-1]
    print(f"{radius:.1e} {data.guaranteed_rate:>9.6f} {rate:>10.6f} {ratio:.4f}")

# %%
# Windows are faster or slower, as the feedback wants
# ---------------------------------------------------
# With ``make_linear_feedback`` retraining multiplies the error by k, which is exactly
# the rate of the oldest theorem of the field. A window of :math:`\tau` makes this the
# recursion :math:`e_{t+1} = k\,(e_t + \ldots + e_{t-\tau+1})/\tau`, whose rate is the
# largest root of a polynomial.
feedbacks = np.array([-3.5, -2.5, -1.8, -1.2, -0.8, -0.4, 0.3, 0.6, 0.9])


def exact_rate(k, window):
    return np.abs(np.roots(np.r_[1, -np.full(window, k / window)])).max()


def measured_rate(k, window, n_rounds=60):
    """Return the growth a round of the largest of eight errors, as they may swing."""
    data = make_linear_feedback(1, contraction=k, offset=0.0)
    error = np.abs(path(data, np.ones(1), window, n_rounds))
    early, late = error[13:21].max(), error[-8:].max()
    return (late / early) ** (1 / (n_rounds - 20))


# %%
# No window can be fast everywhere
# --------------------------------
# In ``make_affine_lower_bound`` a round reaches one more coordinate, whatever is
# pooled. The error of each window stays above the part that is out of reach, and it is
# the repeated minimizer that comes nearest.
bound = make_affine_lower_bound(20)
bound_errors = {
    name: np.abs(
        path(bound, bound.target, window, n_rounds=19) - bound.stable_prediction
    )
    for name, window in WINDOWS.items()
}
print("\nL1 error in round   5        10       20")
for name, errors in bound_errors.items():
    total = errors.sum(axis=1)  # the first model is that of round 1
    print(f"  window {name:<9}", *(f"{total[t - 1]:.1e} " for t in (5, 10, 20)))
print("  lower bound     ", *(f"{bound.lower_bound[t]:.1e} " for t in (5, 10, 20)))

fig, axes = plt.subplots(1, 3, figsize=(12.5, 4), layout="constrained")
axes[0].loglog(radii, shortfall, "o", color="0.2")
axes[0].loglog(radii, np.sqrt(2) * radii, ":", color="0.5", label="√2 r")
axes[0].set(title="A guarantee that is met", xlabel="Radius r of the predictions")
axes[0].set_ylabel("1 - measured / guaranteed rate")
axes[0].legend(frameon=False)
curve = np.linspace(-4, 1.05, 400)
for name, window in WINDOWS.items():
    if window is not None:
        rates = [exact_rate(k, window) for k in curve]
        axes[1].plot(curve, rates, color=COLORS[name], label=name)
        points = [measured_rate(k, window) for k in feedbacks]
        axes[1].plot(feedbacks, points, "o", color=COLORS[name])
        error = np.abs(points - np.interp(feedbacks, curve, rates)).max()
        print(f"window {name}: measured and exact rates differ by at most {error:.3f}")
    total = bound_errors[name].sum(axis=1)
    axes[2].semilogy(np.arange(1, 21), total, ".-", color=COLORS[name], label=name)
axes[1].axhline(1, color="0.5", linewidth=0.8)
axes[1].set(title="Rate of each window", xlabel="Feedback k", ylim=(0, 2))
axes[1].set_ylabel("Factor of the error a round")
axes[1].legend(title="Window", frameon=False, loc="lower left")
axes[2].fill_between(np.arange(21), bound.lower_bound, 1e-12, color="0.85", lw=0)
axes[2].set(title="Grey: out of reach for all", xlabel="Round", ylim=(1e-11, 1))
axes[2].set_xticks([0, 5, 10, 15, 20])
axes[2].set_ylabel("L1 distance to the stable point")
axes[2].legend(title="Window", frameon=False, loc="lower left")
plt.show()

# %%
# Left: the guarantee exceeds the truth by about :math:`\sqrt 2\,r`. Middle: with
# negative feedback a window of :math:`\tau` is stable down to :math:`k = -\tau`, and
# beats the repeated minimizer where k is strongly negative. With positive feedback no
# window extends the range, and every larger one is slower. Right: a larger window is
# slower there too.
#
# A claim that fails
# ------------------
# It has been claimed that the average of two snapshots converges whenever
# :math:`\tfrac{\sqrt 3}{2} \sqrt\varepsilon M / \gamma < 1`, beyond the range of
# repeated minimization. Two groups decide it, with predictions in a ball and feedback
# of strength 1.1. If the feedback is opposite to the prediction, the average converges
# and the repeated minimizer does not. If it is turned by 0.05, less than three degrees,
# neither does.


class BallRegression(RegressorMixin, BaseEstimator):
    """Least squares with predictions in a ball."""

    def __init__(self, radius):
        self.radius = radius

    def fit(self, X, y, sample_weight=None):
        plain = LinearRegression(fit_intercept=False).fit(X, y, sample_weight)
        self.coef_ = plain.coef_ / max(1, norm(plain.coef_) / self.radius)
        return self

    def predict(self, X):
        return X @ self.coef_


RADIUS = 1e-3
start = RADIUS * np.array([0.3, 0.12])
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.4), layout="constrained")
worlds = {"opposite": (np.pi, "--"), "turned by 0.05": (0.05, "-")}
for world, (angle, style) in worlds.items():
    data = make_label_shift_groups(1.1, angle=angle, radius=RADIUS)
    condition = np.sqrt(3) / 2 * data.guaranteed_rate
    print(f"\nFeedback {world}: the condition says {condition:.3f} < 1")
    for name in ("1 (RRM)", "2"):
        models = path(data, start, WINDOWS[name], 150, BallRegression(RADIUS))
        size, step = norm(models) / RADIUS, norm(models[-1] - models[-2]) / RADIUS
        label = f"{world}, window {name}"
        axes[0].semilogy(size, style, color=COLORS[name], label=label)
        print(f"  window {name:<8} |f| = {size[-1]:.1e} r, last step {step:.1e} r")
        if angle < 1:
            axes[1].plot(*models.T / RADIUS, ".-", color=COLORS[name], label=name)
axes[0].set(title="Distance to the stable point 0", xlabel="Round", ylabel="|f| / r")
axes[0].set_ylim(1e-12, 10)
axes[0].legend(frameon=False)
axes[1].set(title="Turned by 0.05", xlabel="Group 1", ylabel="Group 2", aspect="equal")
axes[1].plot(0, 0, "k+", markersize=10)
axes[1].legend(title="Window", frameon=False, loc=(0.55, 0.3))
plt.show()

# %%
# On the right, both go out to the surface of the ball and round it for ever.
# Consecutive steps of a slow turn point in nearly the same direction, so nothing
# cancels in their average. What holds is weaker: where
# :math:`\sqrt\varepsilon M/\gamma < 1` any average converges, at worst more slowly.
