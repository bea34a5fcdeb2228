# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""
Credit scoring: study a model before it is deployed
===================================================

A bank rejects applicants who are predicted to default. Rejected applicants come
back with other card balances and another number of loans, so the model changes the
data that the next model is trained on. Does retraining settle, how fast, and what
does it cost to ignore the reaction?

``make demo`` runs this file.
"""

# %%
# The people and their reaction
# -----------------------------
# 18,357 borrowers, of whom nearly half were late with a payment. An applicant with the
# predicted probability :math:`\hat y` of being late is rejected with probability
# :math:`\delta + (1 - \delta)\,\hat y` for :math:`\delta = 0.6`. A rejected applicant
# takes over card utilization, number of credit lines and number of real estate loans
# from somebody else: these three columns can be changed, age or past defaults cannot.
# A quarter of the people is set aside for the verdict. The columns become ranks by a
# transformer that has seen the people before anybody reacted. In a pipeline it would
# learn anew in each round and count rows, of which several are one person.
import warnings
from pathlib import Path

from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import QuantileTransformer

from skperf import AffineRiskMinimizer, RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.inspection import RetrainingDisplay
from skperf.metrics import make_performative_scorer

credit = fetch_give_me_some_credit(preprocessing="paper")
X, X_test, y, y_test = train_test_split(
    credit.data, credit.target, stratify=credit.target, random_state=0
)
ranks = QuantileTransformer(random_state=0).fit(X)
X, X_test = ranks.transform(X), ranks.transform(X_test)
shift = ResampleIfRejected(delta=0.6, strategic_features=credit.strategic_features)
accuracy_after = make_performative_scorer("accuracy", shift)

# %%
# Three ways to retrain
# ---------------------
# ``RepeatedRiskMinimizer`` trains each model on what the last one has induced.
# ``AffineRiskMinimizer`` trains on a mixture of what all past models have induced:
# their average, or the coefficients of Anderson acceleration. The solver is exact, so
# that nothing but the loop limits how small the gap can get.
model = LogisticRegression(solver="newton-cholesky", tol=1e-10, warm_start=True)
settings = {"tol": 1e-8, "max_iter": 10, "random_state": 0}
minimizers = {
    "repeated": RepeatedRiskMinimizer(model, shift, **settings),
    "average of all": AffineRiskMinimizer(model, shift, **settings),
    "Anderson": AffineRiskMinimizer(model, shift, coefficients="anderson", **settings),
}


def fit(minimizer):
    """Fit with a progress bar; return the accuracy of each model once deployed."""
    monitor = ScoringMonitor(scoring={"accuracy": accuracy_after})
    minimizer.set_callbacks(ProgressBar(max_propagation_depth=0), monitor)
    with warnings.catch_warnings():
        # The verdict below says which of them has not settled.
        warnings.simplefilter("ignore", ConvergenceWarning)
        minimizer.fit(X, y)
    _, *models = monitor.get_logs().data  # the whole fit comes first
    return [entry["accuracy"] for entry in models]


accuracies = {name: fit(minimizer) for name, minimizer in minimizers.items()}

# %%
# Round by round
# --------------
# Risk is the log loss on the induced data, before and after the model is retrained on
# them. *Loss shift* is how much the reaction changed the risk of the deployed model.
# *Gap* is the root mean squared move of the predictions. *Accuracy* is that of the new
# model on the data that it will induce itself.
COLUMNS = ("risk_before", "risk_after", "loss_shift", "prediction_gap", "fit_time")


def print_table(name, history, accuracy):
    """Print a line a round."""
    print(f"\n{name}")
    print("round     risk before -> after  loss shift      gap  accuracy  seconds")
    print(f"first{accuracy[0]:>52.2%}")
    rounds = zip(*(history[column] for column in COLUMNS), accuracy[1:], strict=True)
    for number, (before, after, moved, gap, seconds, score) in enumerate(rounds, 1):
        print(
            f"{number:>5}  {before:>14.6f} -> {after:.6f}  {moved:>9.1e}"
            f"  {gap:>7.1e}  {score:>8.2%}  {seconds:>7.2f}"
        )


for name, minimizer in minimizers.items():
    print_table(name, minimizer.history_, accuracies[name])

# %%
# All three head for the same model. Where the reaction neither overshoots nor carries
# noise there is nothing to average away: the average of all rounds is the slowest,
# since it remembers what people did under the first models. Its own gap hides that,
# because consecutive averages are close to each other anyway. Whether a model is
# stable is therefore judged by ``stability_residual_``, how far one more retraining
# on its own data would move it.

# %%
# The verdict
# -----------
# The last question is what it costs to ignore the reaction. It is answered with the
# people set aside, whom no model has seen.
ignorant = model.fit(X, y)
stable = minimizers["repeated"]
unmoved = ignorant.score(X_test, y_test)
ignored = accuracy_after(ignorant, X_test, y_test)
regained = accuracy_after(stable, X_test, y_test)

print("\nDid retraining settle?")
for name, minimizer in minimizers.items():
    rounds = f"after {minimizer.n_iter_} rounds"
    settled = minimizer.converged_
    answer = f"yes, {rounds}" if settled else f"not {rounds} ({minimizer.diagnosis_})"
    residual = minimizer.stability_residual_
    print(f"  {name:<15} {answer:<26} one more moves predictions by {residual:.0e}")
print("\nWhat did the reaction cost? Accuracy on the people set aside:")
print(f"  ordinary model, nobody reacts   {unmoved:.2%}")
print(f"  ordinary model, people react    {ignored:.2%}")
print(f"  stable model, people react      {regained:.2%}")
print(
    f"Ignoring the reaction costs {100 * (unmoved - ignored):.1f} points, and "
    f"retraining wins {100 * (regained - ignored):.1f} of them back."
)

# %%
# The picture
# -----------
# On the left, the risk rises when people react to the first model, falls along solid
# segments, where the model is retrained, and moves along dashed ones, where people
# react again. On the right, the gap falls by a constant factor a round for the
# repeated minimizer; the dotted line is ``tol``.
axes = None
for width, (name, minimizer) in zip((4, 2.5, 1.2), minimizers.items(), strict=True):
    display = RetrainingDisplay.from_estimator(
        minimizer, name=name, ax=axes, linewidth=width
    )
    axes = display.ax_

first_risk = log_loss(y, ignorant.predict_proba(X))
reacted_risk = stable.history_["risk_before"][0]
axes[0].plot([0.5, 1], [first_risk, reacted_risk], "--", color="0.4", linewidth=0.8)
axes[0].text(0.8, first_risk, "first model, nobody reacts", va="center")
axes[0].text(1.3, reacted_risk, "people react to it", va="center")
axes[1].legend(loc="lower right", fontsize="x-small", frameon=False)

path = Path("build", "credit_study.png")
path.parent.mkdir(exist_ok=True)
display.figure_.savefig(path, dpi=150)
print(f"\nPicture: {path}")
