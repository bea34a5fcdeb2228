# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
A paper again: performative prediction with neural networks
===========================================================

:cite:t:`mofakhami2023` retrain small networks on credit data while rejected applicants
come back with other features. Their figures 1 to 3 show the risk, the accuracy and how
far the predictions still move. This example makes them anew from public parts of
skperf, and adds what the figures cannot show: what becomes of the moves once the noise
of the draws is gone, and how fast retraining contracts beside what the paper's theorem
guarantees.
"""

# %%
# Their experiment
# ----------------
# 18,357 borrowers. The network maps 11 features through one hidden layer to
# :math:`f(x) \in [0, 1 - \delta]`, and applicants are rejected with probability
# :math:`f(x) + \delta`. A rejected one takes over three strategic features from a
# random other. The loss is :math:`(f(x) - y)^2 / 2` for y in
# :math:`\{0, 1 - \delta\}`: the squared error of a probability, times
# :math:`(1 - \delta)^2`.
#
# The recipe is not theirs: they train with small steps of Adam on all rows until a step
# gains too little. Here the first network takes a few epochs of mini-batches, and each
# round a hundred iterations of L-BFGS that keep their curvature from round to round,
# which comes to the same levels in a fraction of the time. The user guide has the
# numbers of the original recipe beside these.
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import MaxNLocator
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.neural_network import TorchClassifier

N_ROUNDS = 10

credit = fetch_give_me_some_credit(preprocessing="paper")


def make_net(n_inputs, n_outputs, hidden):
    """Return the network of the paper, which ends in a logit."""
    return nn.Sequential(
        nn.Linear(n_inputs, hidden), nn.LeakyReLU(), nn.Linear(hidden, n_outputs)
    )


def make_first_net(hidden):
    """Return a network that a few epochs of mini-batches have brought near."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near is enough
        return TorchClassifier(
            make_net,
            module_params={"hidden": hidden},
            loss="squared_error",
            optimizer="adam",
            optimizer_params={"lr": 1e-2},
            batch_size=256,
            max_iter=20,
            random_state=0,
        ).fit(credit.data, credit.target)


def make_paper_net(hidden):
    """Return the estimator that is retrained, at its first network."""
    return TorchClassifier(
        make_first_net(hidden).module_,
        loss="squared_error",
        optimizer_params={"history_size": 30},
        max_iter=100,
        warm_start="optimizer",
    )


# %%
# A scorer may keep what it sees
# ------------------------------
# The minimizer asks its scorer about the first model, and then twice a round on the
# data of that round: before retraining and after. So a scorer that notes its answers
# holds the two curves of the paper's figures.


class PaperRisk:
    """Minus the paper's risk; notes it, and the accuracy, of each model it meets."""

    def __init__(self, delta):
        self.delta = delta
        self.risk, self.accuracy = [], []

    def __call__(self, model, X, y, sample_weight=None):
        y_prob = model.predict_proba(X)[:, 1]
        error = np.average((y_prob - y) ** 2, weights=sample_weight)
        hit = np.average((y_prob > 0.5) == y, weights=sample_weight)
        self.risk.append((1 - self.delta) ** 2 * error / 2)
        self.accuracy.append(hit)
        return -self.risk[-1]


def retrain(estimator, delta, *, resampling, tol=0):
    """Return the fitted minimizer and what its scorer has noted."""
    seen = PaperRisk(delta)
    shift = ResampleIfRejected(
        delta,
        strategic_features=credit.strategic_features,
        resampling=resampling,
        n_donors=1,  # of the expected face; see below
    )
    model = RepeatedRiskMinimizer(
        estimator, shift, scoring=seen, max_iter=N_ROUNDS, tol=tol, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # drawn data never settle
        return model.fit(credit.data, credit.target), seen


# %%
# Figures 1 and 2: new draws in every round
# -----------------------------------------
# The paper's column is what its plots show after the first of 30 rounds. Ours are means
# from the fifth round on, before and after retraining. The text of the paper has 6
# hidden units, its code 8.
PAPER_RISK = {
    0.1: (-2.696, -2.683),
    0.4: (-3.491, -3.476),
    0.7: (-4.862, -4.853),
    0.9: (-7.057, -7.048),
}


def late(values):
    """Return the means from the fifth round on, before and after retraining."""
    return np.mean(values[1::2][4:]), np.mean(values[2::2][4:])


drawn = {}
print("delta   ln risk: paper            here         accuracy   gap of f")
for delta, (low, high) in PAPER_RISK.items():
    net = make_paper_net(hidden=8)
    model, seen = drawn[delta] = retrain(net, delta, resampling="drawn")
    before, after = np.log(late(seen.risk))
    gap = (1 - delta) * np.mean(model.history_["prediction_gap"][4:])
    print(
        f"{delta:>5} {high:>10.3f} to {low:.3f} {before:>10.3f} / {after:.3f}"
        f" {late(seen.accuracy)[0]:>10.2%} {gap:>10.4f}"
    )

# %%
# Figure 3: wider networks
# ------------------------
# The paper's end levels are those of 300 rounds.
PAPER_WIDTHS = {8: -7.061, 16: -7.071, 32: -7.103}

widths = {8: drawn[0.9]}
for hidden in (16, 32):
    net = make_paper_net(hidden)
    widths[hidden] = retrain(net, 0.9, resampling="drawn")

print(f"hidden  ln risk after retraining: paper, 300 rounds   here, {N_ROUNDS} rounds")
for hidden, (_, seen) in widths.items():
    after = np.log(late(seen.risk)[1])
    print(f"{hidden:>6} {PAPER_WIDTHS[hidden]:>40.3f} {after:>17.3f}")

# %%
# The same reaction without the noise of the draws
# ------------------------------------------------
# The expected face weighs what may happen instead of drawing what does, so the data
# depend on the model and on nothing else. Whether retraining settles is then visible,
# if training itself is exact. To train the whole network so exactly takes minutes, and
# the user guide has what comes of it; its output layer alone takes a second. So here
# the hidden layer stays as it was first trained. It starts from the minimum on the data
# that nobody has reacted to, which is the same for each delta. One donor a row is
# enough to see *how* retraining settles; where it does needs more.
hidden_layer = make_first_net(hidden=8).module_[:2]


def hidden_units(X):
    """Return what the hidden layer makes of the features."""
    with torch.no_grad():
        return hidden_layer(torch.as_tensor(np.asarray(X))).numpy()


output_layer = TorchClassifier(
    nn.Linear, loss="squared_error", max_iter=5000, tol=1e-15, random_state=0
)
last_layer = make_pipeline(FunctionTransformer(hidden_units), output_layer)

expected = {}
for delta in PAPER_RISK:
    expected[delta], _ = retrain(last_layer, delta, resampling="expected", tol=1e-6)

# %%
# How fast it settles, and what was promised
# ------------------------------------------
# Theorem 2 and remark 2 of the paper guarantee that a retraining contracts the distance
# of two models by :math:`(1 - \delta) / \delta`, if it finds the minimum over a convex
# set of functions. That is a promise for :math:`\delta > 1/2` alone. Measured is each
# gap over the one before, for gaps above 1e-5: below, the solver's own error shows.


def contraction(model):
    """Return the ratios of consecutive gaps."""
    gaps = model.history_["prediction_gap"]
    return (gaps[1:] / gaps[:-1])[gaps[1:] > 1e-5]


print("delta  guaranteed  measured                 end")
for delta, model in expected.items():
    ratios = " ".join(f"{ratio:.3f}" for ratio in contraction(model))
    promise = (1 - delta) / delta
    print(f"{delta:>5} {promise:>11.3f}  {ratios:<24} {model.diagnosis_}")

# %%
# At 0.1 and 0.4 theory promises nothing and practice converges; at 0.7 and 0.9 practice
# is faster than the promise. Two things are to be said about this. The theorem has to
# provide for the worst population, and this one reacts mildly. And even where it
# promises something, its assumptions hold only roughly: networks are no convex set, and
# the strategic features are not independent of the others.

# %%
# The picture
# -----------
# Above, the risk falls along solid segments, where the network is retrained, and moves
# along dashed ones, where people react; grey is the range of the paper's plots. Below
# on the right, the gap in each face, and the contraction.
COLORS = dict(
    zip(PAPER_RISK, ["#440154", "#31688e", "#35b779", "#e08214"], strict=True)
)


def plot_segments(ax, log_risk, color):
    """Draw retraining as solid and reaction as dashed segments."""
    before, after = log_risk[1::2], log_risk[2::2]
    rounds = np.arange(1, len(before) + 1)
    ax.plot([rounds, rounds + 0.5], [before, after], color=color)
    between = [rounds[:-1] + 0.5, rounds[1:]]
    ax.plot(between, [after[:-1], before[1:]], color=color, ls=(0, (2, 1.5)), lw=0.8)


figure, axes = plt.subplots(2, 4, figsize=(13, 6.4), layout="constrained")
for ax, (delta, (_, seen)) in zip(axes[0], drawn.items(), strict=True):
    ax.axhspan(*PAPER_RISK[delta], color="0.88", zorder=0)
    plot_segments(ax, np.log(seen.risk), COLORS[delta])
    ax.set(title=f"$\\delta$ = {delta}", xlabel="Round")
axes[0, 0].set_ylabel("ln risk, new draws each round")

ax = axes[1, 0]
for delta, (_, seen) in drawn.items():
    ax.plot(
        range(1, N_ROUNDS + 1), 100 * np.array(seen.accuracy[1::2]), color=COLORS[delta]
    )
ax.set(xlabel="Round", ylabel="Accuracy of the deployed network, %")

ax = axes[1, 1]
for (hidden, (_, seen)), style in zip(widths.items(), ["-", "--", ":"], strict=True):
    after = np.log(seen.risk[2::2])
    ax.plot(
        range(1, N_ROUNDS + 1),
        after,
        style,
        color=COLORS[0.9],
        label=f"{hidden} hidden",
    )
    ax.axhline(PAPER_WIDTHS[hidden], ls=style, color="0.6", lw=0.8)
ax.set(xlabel="Round", ylabel="ln risk after retraining, $\\delta$ = 0.9")
ax.legend(frameon=False, title="grey: paper, 300 rounds")

ax = axes[1, 2]
for delta, color in COLORS.items():
    for model, style in ((drawn[delta][0], "-"), (expected[delta], "o--")):
        gaps = model.history_["prediction_gap"]
        gaps = (1 - delta) * gaps[gaps > 0]
        ax.plot(range(1, len(gaps) + 1), gaps, style, color=color, ms=3)
ax.plot([], [], "-", color="0.4", label="new draws each round")
ax.plot([], [], "o--", color="0.4", ms=3, label="expected")
ax.set(yscale="log", ylim=(1e-10, 0.2), xlabel="Round", ylabel="Gap of f (RMS)")
ax.legend(frameon=False, loc="lower right")

ax = axes[1, 3]
grid = np.linspace(0.05, 0.99, 200)
ax.plot(grid, (1 - grid) / grid, color="0.2", label="guaranteed, paper")
ax.axhspan(1, 30, color="0.93", zorder=0)
ax.text(0.97, 12, "no promise", ha="right", color="0.4")
for delta, model in expected.items():
    ratios = contraction(model)
    ax.plot([delta] * len(ratios), ratios, "o", color=COLORS[delta])
ax.plot([], [], "o", color="0.4", label="measured")
ax.set(yscale="log", ylim=(2e-3, 30), xlabel="$\\delta$", ylabel="Contraction a round")
ax.legend(frameon=False, loc="lower left")

for ax in axes.flat[:-1]:
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
