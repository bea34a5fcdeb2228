# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
The landscape that retraining moves on
======================================

One model is deployed and induces data, another is evaluated on them: the *decoupled
risk* is a function of both. Retraining looks at the second and waits for what the first
does. One line draws it, with the stable point, the optimum and the ways to them.
"""

# %%
# One number
# ----------
# Predictions move outcomes and their spread, so the best guess is not the mean. Stable
# and optimal model are known in closed form here, and far apart.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import QuantileTransformer
from sklearn.tree import DecisionTreeClassifier

from skperf.datasets import fetch_give_me_some_credit, make_location_scale
from skperf.inspection import RiskLandscapeDisplay
from skperf.shift import OutcomeShift, SelfFulfillingShift

data = make_location_scale()
X, y = data.data, data.target
model = LinearRegression(fit_intercept=False).fit(X, y)
shift = OutcomeShift(feedback=data.feedback)
display = RiskLandscapeDisplay.from_estimator(model, shift, X, y)

print(f"stable   {display.stable[0, 0]:.4f}, by hand {data.stable_prediction[0]:.4f}")
print(f"optimal  {display.optimum[0]:.4f}, by hand {data.optimal_prediction[0]:.4f}")

# %%
# To the right is the deployed model, upwards the evaluated one, and on the white
# diagonal a model meets its own data. Retraining goes up or down to the lowest risk
# over its place, then sideways to the diagonal, since what was trained is deployed, and
# so on to the square. The search for the optimum stays on the diagonal and goes down to
# the star. From the square nothing better is to be seen upwards or downwards: a stable
# model is the best one on its own data, and there are better data.

# %%
# Two numbers of many
# -------------------
# On credit data, where borrowers who are told that they are a bad risk default more
# often. Of a model with ten coefficients and an intercept two move: how much a full
# card counts, and the intercept. The picture shows the risk of each model on the data
# that it induces itself, and arrows where one retraining of the two would go.
X, y = fetch_give_me_some_credit(preprocessing="paper", return_X_y=True)
normal = QuantileTransformer(output_distribution="normal", random_state=0)
X = np.clip(normal.fit_transform(X[:, :10]), -3, 3)
X, X_other, y, y_other = train_test_split(
    X, y, train_size=4000, test_size=4000, random_state=0
)
lender = SelfFulfillingShift(strength=0.7)
linear = LogisticRegression(C=np.inf, solver="newton-cholesky").fit(X, y)

display = RiskLandscapeDisplay.from_estimator(
    linear, lender, X, y, parameters=[0, "intercept"], cmap="cividis"
)
display.ax_.set_xlabel("Weight of card utilization")
display.ax_.set_ylabel("Intercept")
plt.show()

# %%
# Models of any kind
# ------------------
# Trees have no numbers to move. ``from_grid`` takes fitted models, here of different
# depth, lets people react to each, and evaluates all on what they do; people who were
# not trained on, this time. A stable one is beaten by no other of the list on its own
# data; the tree of depth 2 is that one, and the best too.
depths = np.arange(1, 11)
trees = [DecisionTreeClassifier(max_depth=d, random_state=0).fit(X, y) for d in depths]
display = RiskLandscapeDisplay.from_grid(
    trees,
    lender,
    X_other,
    y_other,
    values=depths,
    names="Depth of the tree",
    scoring="accuracy",
)
plt.show()
