# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Two companies set prices
========================

Two ride-share companies set prices in 11 locations, and each answers the demand that
the prices of both have brought about. This example plays the game round by round, at
once and in turns. It shows when prices run away, what mixing past demand does about
it, and that Anderson acceleration needs the residuals of both companies.
"""

# %%
# The game
# --------
# A dollar more costs a company customers, part of whom go to the other one. A company
# that takes its demand as given answers a demand z with the price ``z / 70``, which
# least squares do, within 30 dollars. :func:`~skperf.datasets.make_ride_share` draws
# the sensitivities in the ranges that are known of the literature's Boston data.
import warnings
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ScoringMonitor
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import make_ride_share
from skperf.games import GameOutcomeShift, PerformativeGame

best_response = TransformedTargetRegressor(
    LinearRegression(fit_intercept=False),
    func=partial(np.multiply, 1 / 70),
    inverse_func=partial(np.clip, a_min=-30, a_max=30),
    check_inverse=False,
)

# %%
# The eigenvalues of a round in which both answer at once say what to expect. They are
# negative: a price that is too high is answered by one that is too low. At 10 dollars
# some are below -1, and each answer is larger than the last mistake.
for price in (10, 15):
    eigenvalues = make_ride_share(price, random_state=0).eigenvalues
    print(f"${price}: from {eigenvalues[0]:.3f} to {eigenvalues[-1]:.3f}")


# %%
# Five ways to retrain
# --------------------
# A player is a minimizer. The distance to the equilibrium, which is known here, is
# measured after each round by scikit-learn's ``ScoringMonitor``.
def play(minimizer, data, **params):
    """Return the distance to the equilibrium prices, from the first prices on."""

    def distance(game, X, y, sample_weight=None):
        return np.sqrt(np.mean((game.predict(X) - data.stable_prediction) ** 2))

    shift = GameOutcomeShift(data.feedback, spread=data.spread)
    players = [("lyft", minimizer), ("uber", minimizer)]
    game = PerformativeGame(players, shift, max_iter=25, tol=0, **params)
    monitor = ScoringMonitor(scoring={"distance": distance})
    with warnings.catch_warnings():
        # A tol of 0 is never reached: the picture needs all 25 rounds.
        warnings.simplefilter("ignore", ConvergenceWarning)
        game.set_callbacks(monitor).fit(data.data, data.target)
    _, *rounds = monitor.get_logs().data  # the whole fit comes first
    return [entry["distance"] for entry in rounds]


anderson = AffineRiskMinimizer(best_response, coefficients="anderson")
ways = {
    "last demand (RRM)": (RepeatedRiskMinimizer(best_response), {}),
    "average of 2": (AffineRiskMinimizer(best_response, window=2), {}),
    "average of 4": (AffineRiskMinimizer(best_response, window=4), {}),
    "average of all": (AffineRiskMinimizer(best_response), {}),
    "Anderson, own residuals": (anderson, {"residuals": "own"}),
    "Anderson, joint residuals": (anderson, {}),
}

# %%
# The picture
# -----------
styles = {name: {"marker": ".", "markersize": 4, "linewidth": 1.2} for name in ways}
styles["Anderson, own residuals"] = {"linestyle": ":", "linewidth": 1.8, "color": "C5"}
styles["Anderson, joint residuals"] = {"marker": ".", "linewidth": 2, "color": "C4"}

fig, axes = plt.subplots(
    2, 2, figsize=(9.5, 7), sharex=True, sharey=True, layout="constrained"
)
for row, order in zip(axes, ("simultaneous", "alternating"), strict=True):
    for ax, price in zip(row, (10, 15), strict=True):
        data = make_ride_share(price, random_state=0)
        ax.axhline(0.01, color="0.6", linewidth=0.8, linestyle="--", zorder=0)
        for name, (minimizer, params) in ways.items():
            distance = play(minimizer, data, order=order, **params)
            ax.semilogy(distance, label=name, **styles[name])
        ax.set(title=f"${price}, {order} play", ylim=(1e-8, 60))
axes[0, 1].annotate("a cent", (25, 0.013), ha="right", color="0.4")
for ax in axes[1]:
    ax.set_xlabel("Round")
for ax in axes[:, 0]:
    ax.set_ylabel("Distance to equilibrium ($, RMS)")
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
# **At 10 dollars** the companies that answer the last demand come near the equilibrium
# at first and are then carried away, up to the bound of 30 dollars where demand is most
# sensitive. In turns the second company has seen the answer of the first, and prices
# circle around the equilibrium in ever wider swings. Averages converge in both orders,
# the average of all in the end most slowly.
#
# **At 15 dollars** the last demand is enough, and averages are not needed.
#
# **Anderson acceleration** is within a cent after three to five rounds in all four
# games, if each company looks at the residuals of both. If each looks at its own alone,
# the two make their residuals vanish at different points. With more past models than
# prices this is always possible, whatever the other one did, and the error rises again.
# :doc:`/user_guide/games` has the reasons.
