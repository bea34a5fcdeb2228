# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
When averaging helps, and when it hurts
=======================================

Averaging the data that past models have induced is a remedy for retraining that
oscillates. Where retraining creeps towards its stable point instead, averaging makes
it slower. This example shows both on games whose stable point is known exactly.
"""

# %%
# Two games
# ---------
# Two companies set 11 prices each, by least squares. Each price moves the demand for
# all others: retraining is the map :math:`f \mapsto y + B f`. In the first game, the
# eigenvalues of B run from -1.52 to -0.37, as in the ride-share game of the
# literature: a high price lowers demand, so the next price is too low. In the second
# game, they run from 0.2 to 0.7: each move calls for another one in the same
# direction.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer
from skperf.datasets import make_linear_game
from skperf.shift import OutcomeShift

games = {
    "Negative feedback: prices overshoot": make_linear_game(
        eigenvalue_range=(-1.52, -0.37), random_state=0
    ),
    "Positive feedback: prices creep": make_linear_game(
        eigenvalue_range=(0.2, 0.7), random_state=0
    ),
}

# %%
# Four ways to retrain
# --------------------
# The distance to the stable prices is measured after each round by scikit-learn's
# ``ScoringMonitor``. ``spread`` makes the response a change of weights on fixed rows;
# Anderson acceleration can then use coefficients of either sign.
model = LinearRegression(fit_intercept=False)


def distances(game, minimizer_class, **params):
    """Return the distance to the stable prices, from the first model on."""

    def distance(estimator, X, y, sample_weight=None):
        return np.sqrt(np.mean((estimator.predict(X) - game.stable_prediction) ** 2))

    shift = OutcomeShift(game.feedback, spread=game.spread)
    minimizer = minimizer_class(model, shift, tol=0, max_iter=15, **params)
    monitor = ScoringMonitor(scoring={"distance": distance})
    with warnings.catch_warnings():
        # A tol of 0 is never reached: the picture needs all 15 rounds.
        warnings.simplefilter("ignore", ConvergenceWarning)
        minimizer.set_callbacks(monitor).fit(game.data, game.target)
    _, *models = monitor.get_logs().data  # the whole fit comes first
    return [entry["distance"] for entry in models]


ways = {
    "repeated (RRM)": (RepeatedRiskMinimizer, {}),
    "average of 2": (AffineRiskMinimizer, {"window": 2}),
    "average of all": (AffineRiskMinimizer, {}),
    "Anderson": (AffineRiskMinimizer, {"coefficients": "anderson"}),
}

# %%
# The picture
# -----------
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True, layout="constrained")
for ax, (title, game) in zip(axes, games.items(), strict=True):
    print(title)
    for name, (minimizer_class, params) in ways.items():
        distance = distances(game, minimizer_class, **params)
        ax.semilogy(distance, marker=".", label=name)
        print(f"  {name:<15} {distance[0]:.1e} -> {distance[-1]:.1e}")
    ax.set(title=title, xlabel="Round")
axes[0].set_ylabel("Distance to the stable prices (RMS)")
axes[1].legend(loc="lower left", frameon=False)
plt.show()

# %%
# On the left, the repeated minimizer diverges: its error grows by half each round. Any
# average settles, for with a uniform window of :math:`\tau` snapshots an eigenvalue k
# is harmless if :math:`-\tau < k < 1`. On the right, nothing oscillates. There the
# repeated minimizer beats both averages: the larger the window, the longer early
# mistakes stay in the data, and with all of them the error falls only as
# :math:`t^{k-1}`. Anderson acceleration is the fastest on both sides; it is made for
# smooth problems like these.
