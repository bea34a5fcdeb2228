# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Print the levels that the recipe of Mofakhami et al. (2023) reaches, to the letter.

Then one run trains each network longer, and the last trains a smooth network exactly,
without draws. All take 25 minutes of CPU time, which is why the example and the tests
have a faster recipe. Run it from the top folder:
``python docs/reproduction/neural_networks.py``.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.neural_network import TorchClassifier


class UntilFlat(TorchClassifier):
    """Stops as soon as one step changes the loss by at most `tol`, up or down."""

    def fit(self, X, y, sample_weight=None):
        losses = []
        while len(losses) < 2 or abs(losses[-2] - losses[-1]) > self.tol:
            self.partial_fit(X, y, classes=[0, 1], sample_weight=sample_weight)
            losses.append(self.loss_curve_[-1])
            self.loss_curve_ = []
        self.loss_curve_, self.n_iter_ = losses, len(losses)
        return self


class Record:
    """A scorer that notes risk, accuracy and predictions in the paper's scale."""

    def __init__(self, delta):
        self.delta = delta
        self.risk, self.accuracy, self.f, self.steps = [], [], [], []

    def __call__(self, model, X, y):
        y_prob = model.predict_proba(X)[:, 1]
        self.f.append((1 - self.delta) * y_prob)
        self.risk.append(np.mean((self.f[-1] - (1 - self.delta) * y) ** 2) / 2)
        self.accuracy.append(np.mean((y_prob > 0.5) == y))
        self.steps.append(model.n_iter_)
        return -self.risk[-1]

    def line(self):
        """Return the levels: of the first rounds, and of the last ten."""
        risk, accuracy = np.log(self.risk), np.array(self.accuracy)
        pairs = zip(self.f[1::2], self.f[2::2], strict=True)
        gaps = [np.sqrt(np.mean((new - old) ** 2)) for old, new in pairs]
        late = [v[k::2][-10:].mean() for v in (risk, accuracy) for k in (1, 2)]
        return (
            f"ln risk {risk[1]:.4f} -> {risk[2]:.4f}, {late[0]:.4f} / {late[1]:.4f}  "
            f"accuracy {accuracy[0]:.4f}, {accuracy[1]:.4f}, "
            f"{late[2]:.4f} / {late[3]:.4f}  "
            f"gap {gaps[0]:.4f}, {np.mean(gaps[-10:]):.5f}  "
            f"steps {self.steps[0]} + {sum(self.steps[2::2])}"
        )


def make_net(n_inputs, n_outputs, hidden, activation=nn.LeakyReLU):
    return nn.Sequential(
        nn.Linear(n_inputs, hidden), activation(), nn.Linear(hidden, n_outputs)
    )


def run(delta, *, hidden=8, n_rounds=30, network=UntilFlat, tol=1e-9):
    """Retrain as the authors do and print what was seen."""
    credit = fetch_give_me_some_credit(preprocessing="paper")
    scale = (1 - delta) ** 2  # of their loss in ours; Adam's eps is in the loss's unit
    estimator = network(
        make_net,
        module_params={"hidden": hidden},
        loss="squared_error",
        optimizer="adam",
        optimizer_params={"lr": 3e-4, "eps": 1e-8 / scale},
        tol=tol / scale,
        max_iter=1_000_000,
        warm_start="optimizer",
        random_state=0,
    )
    shift = ResampleIfRejected(
        delta, strategic_features=credit.strategic_features, resampling="drawn"
    )
    seen = Record(delta)
    model = RepeatedRiskMinimizer(
        estimator, shift, scoring=seen, max_iter=n_rounds, tol=0, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(credit.data, credit.target)
    kind = f"{network.__name__} tol {tol:g}"
    print(f"delta {delta} hidden {hidden} rounds {n_rounds} {kind}  {seen.line()}")


def run_without_draws(delta):
    """Retrain to the minimum each time, and print how the gaps contract.

    tanh and a small penalty, since L-BFGS gets stuck at the kinks of a leaky ReLU.
    """
    credit = fetch_give_me_some_credit(preprocessing="paper")
    params = {"loss": "squared_error", "l2_penalty": 1e-4}
    near = TorchClassifier(
        make_net,
        module_params={"hidden": 8, "activation": nn.Tanh},
        optimizer="adam",
        optimizer_params={"lr": 1e-2},
        batch_size=256,
        max_iter=20,
        random_state=0,
        **params,
    )
    exact = {"optimizer_params": {"history_size": 100}, "max_iter": 5000, "tol": 1e-13}
    shift = ResampleIfRejected(
        delta, strategic_features=credit.strategic_features, n_donors=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        near.fit(credit.data, credit.target)
        smooth = TorchClassifier(near.module_, warm_start=True, **exact, **params)
        start = smooth.fit(credit.data, credit.target).module_
        model = RepeatedRiskMinimizer(
            smooth.set_params(module=start), shift, max_iter=10, tol=1e-6
        ).fit(credit.data, credit.target)
    gaps = model.history_["prediction_gap"]
    ratios = (gaps[1:] / gaps[:-1])[gaps[1:] > 1e-5]
    print(
        f"delta {delta} expected, {model.diagnosis_}: ratios of gaps {ratios.round(3)}"
    )


if __name__ == "__main__":
    for delta in (0.9, 0.7, 0.4, 0.1):
        run(delta)
    run(0.9, hidden=32, n_rounds=150)
    run(0.9, network=TorchClassifier, tol=1e-11)
    for delta in (0.9, 0.7, 0.4, 0.1):
        run_without_draws(delta)
