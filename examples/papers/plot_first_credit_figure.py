# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
The first figure of the field, and what a free intercept hides
==============================================================

Borrowers who know their score's coefficients move three columns along them, the further
the larger :math:`\\epsilon`. Does repeated risk minimization settle? The first paper on
performative prediction drew how far the parameters move from round to round. Whether
they settle depends on one column that is easily overlooked: the column of ones.
"""

# %%
# People who move along the coefficients
# --------------------------------------
# 18,357 borrowers with standardized features. Card utilization, number of credit lines
# and number of real estate loans become :math:`x_s - \epsilon\,\theta_s`, for logistic
# regression with the penalty :math:`\frac{1}{2n} \lVert\theta\rVert^2`.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from skperf import RepeatedRiskMinimizer, StrategicResponse
from skperf.datasets import fetch_give_me_some_credit

credit = fetch_give_me_some_credit(preprocessing="paper")
with_ones, y = credit.data, credit.target
without_ones = with_ones[:, :-1]
strategic = credit.strategic_features

# %%
# The parameters of each round
# ----------------------------
# A callback keeps them. The solver is exact, so what is left in a round is the people's
# doing.


class Parameters:
    """Keeps coefficients and intercept of each model."""

    def setup(self, estimator, context):
        self.path = []

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "retrain":
            model = estimator.estimator_
            self.path.append(np.append(model.coef_[0], model.intercept_))


def steps(X, epsilon, fit_intercept):
    """Return how far the parameters move in each round; 0 once that has converged."""
    model = LogisticRegression(
        solver="newton-cholesky", tol=1e-12, fit_intercept=fit_intercept
    )
    shift = StrategicResponse(epsilon, strategic_features=strategic)
    keep = Parameters()
    minimizer = RepeatedRiskMinimizer(model, shift, max_iter=25, tol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table says so
        minimizer.set_callbacks(keep).fit(X, y)
    first = np.linalg.norm(model.fit(X, y).coef_[0, strategic])
    distances = np.linalg.norm(np.diff(keep.path, axis=0), axis=1) / first
    print(
        f"{epsilon:>8}  {'free' if fit_intercept else 'penalized':>9}  "
        f"{minimizer.diagnosis_:>9} after {minimizer.n_iter_:>2} rounds  "
        f"log loss {minimizer.history_['risk_before'][-1]:.4f}"
    )
    return np.append(distances, 0.0) if minimizer.converged_ else distances


EPSILONS = [1, 10, 100, 1000]
print(" epsilon  intercept")
penalized = {e: steps(with_ones, e, fit_intercept=False) for e in EPSILONS}
free = {e: steps(without_ones, e, fit_intercept=True) for e in EPSILONS}

# %%
# The same people, twice
# ----------------------
# On the left the column of ones is a feature like the others, and its coefficient is
# penalized like theirs. Retraining settles up to :math:`\epsilon = 100`, more slowly
# the stronger people react, and not at 1000. On the right the model has an intercept
# that costs nothing, and every :math:`\epsilon` is over in one step.
fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
titles = ["Intercept penalized, as a column of ones", "Intercept free"]
for ax, title, paths in zip(axes, titles, (penalized, free), strict=True):
    for epsilon, path in paths.items():
        rounds = np.arange(1, len(path) + 1)
        shown = np.maximum(path, 1e-12)  # a logarithm has no zero
        ax.semilogy(rounds, shown, ".-", label=rf"$\epsilon={epsilon}$")
    ax.set(title=title, xlabel="Round", xlim=(0, 25))
axes[0].set_ylabel(r"$\Vert\theta_{t+1}-\theta_t\Vert\,/\,\Vert\theta_{0,S}\Vert$")
axes[0].legend(frameon=False)
plt.show()

# %%
# Why
# ---
# All people know the same coefficients, so all move by the same vector
# :math:`-\epsilon\,\theta_S`. To a model with a free intercept that is nothing: it
# keeps its coefficients and raises the intercept by
# :math:`\epsilon\,\lVert\theta_S\rVert^2`. Its second data set moves its people by the
# same vector as the first, and it is stable, with the log loss that it had when nobody
# moved, .5838. A penalty on the column of ones makes raising it dear, and the other
# coefficients pay for some of it.
#
# So this figure studies a penalty. No intercept hides reactions that differ between
# people: when only some move, as in
# :ref:`sphx_glr_auto_examples_optimum_plot_fraudsters_adapt.py`; when who is rejected
# comes back as somebody else, as in
# :ref:`sphx_glr_auto_examples_first_steps_plot_credit_study.py`; or where the gradient
# is not the same everywhere, as that of a net is.
