# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

"""The experiments of "Performative Prediction with Neural Networks" (AISTATS 2023).

``pytest -s tests/test_paper_a.py`` prints what is measured. The recipe is that of the
paper with larger steps of Adam and tolerances in proportion: see the user guide.
"""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, brier_score_loss

torch = pytest.importorskip("torch")

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.neural_network import TorchClassifier

pytestmark = [
    pytest.mark.download,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Retraining is not stable"),  # drawn samples
]

SEEDS = [0, 1, 2]
N_ROUNDS = 10

# What the figures of the paper show after the first rounds, read to 0.002: the range of
# ln risk, that of the accuracy, and the gap's level.
PAPER = {
    0.1: ((-2.696, -2.683), (0.754, 0.760), 0.020),
    0.4: ((-3.491, -3.476), (0.753, 0.759), 0.012),
    0.7: ((-4.862, -4.853), (0.752, 0.755), 0.005),
    0.9: ((-7.057, -7.048), (0.754, 0.758), 0.0012),
}


class Record:
    """A scorer, minus the paper's risk, that notes what it sees.

    A minimizer asks it about the first model, then twice a round on the same sample:
    about the deployed model and about the retrained one.
    """

    def __init__(self, delta):
        self.scale = 1 - delta  # the paper's f is this times the probability
        self.risks, self.accuracies, self.predictions = [], [], []

    def __call__(self, model, X, y, sample_weight=None):
        y_prob = model.predict_proba(X)[:, 1]
        half = brier_score_loss(y, y_prob, sample_weight=sample_weight) / 2
        accuracy = accuracy_score(y, y_prob > 0.5, sample_weight=sample_weight)
        self.risks.append(self.scale**2 * half)
        self.accuracies.append(accuracy)
        self.predictions.append(self.scale * y_prob)
        return -self.risks[-1]

    def late(self, name):
        """Return the mean from the fifth round on, before and after retraining."""
        values = np.array(getattr(self, name))
        return values[1::2][4:].mean(), values[2::2][4:].mean()

    def gaps(self):
        """Return the move of the predictions on the sample of each round."""
        pairs = zip(self.predictions[1::2], self.predictions[2::2], strict=True)
        return np.array([np.sqrt(np.mean((new - old) ** 2)) for old, new in pairs])


@pytest.fixture(scope="module")
def credit():
    return fetch_give_me_some_credit(preprocessing="paper")


def make_net(n_inputs, n_outputs, hidden=8, activation=torch.nn.LeakyReLU):
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        activation(),
        torch.nn.Linear(hidden, n_outputs),
    )


def train_first(credit, delta, hidden, seed):
    """Train the first network with steps, and a tolerance, ten times as large."""
    classifier = TorchClassifier(
        make_net,
        module_params={"hidden": hidden},
        loss="squared_error",
        optimizer="adam",
        optimizer_params={"lr": 3e-3},
        max_iter=100_000,
        tol=1e-8 / (1 - delta) ** 2,
        n_iter_no_change=5,
        random_state=seed,
    )
    return classifier.fit(credit.data, credit.target)


def run_paper(credit, delta, *, hidden=8, seed=0, n_rounds=N_ROUNDS):
    first = train_first(credit, delta, hidden, seed)
    classifier = clone(first).set_params(
        module=first.module_,
        module_params=None,
        optimizer__lr=1e-3,
        tol=3e-9 / (1 - delta) ** 2,
        warm_start="optimizer",
    )
    shift = ResampleIfRejected(
        delta, strategic_features=credit.strategic_features, resampling="drawn"
    )
    record = Record(delta)
    model = RepeatedRiskMinimizer(
        classifier,
        shift,
        scoring=record,
        max_iter=n_rounds,
        tol=0,
        random_state=seed,
    )
    model.fit(credit.data, credit.target)
    print_run(delta, hidden, seed, record)
    return record


def print_run(delta, hidden, seed, record):
    first = np.log(record.risks[1:3])
    late = np.log(record.late("risks"))
    accuracy = record.late("accuracies")
    gaps = record.gaps()
    print(
        f"\ndelta {delta} hidden {hidden:>2} seed {seed}"
        f"  ln risk {first[0]:.4f} -> {first[1]:.4f}, {late[0]:.4f} / {late[1]:.4f}"
        f"  accuracy {record.accuracies[0]:.4f}, {record.accuracies[1]:.4f},"
        f" {accuracy[0]:.4f} / {accuracy[1]:.4f}"
        f"  gap {gaps[0]:.4f}, {gaps[4:].mean():.5f}"
    )


@pytest.mark.parametrize("delta", PAPER)
@pytest.mark.parametrize("seed", SEEDS)
def test_levels_of_the_drawn_face(credit, delta, seed):
    (lowest, highest), (worst, best), floor = PAPER[delta]
    record = run_paper(credit, delta, seed=seed)
    before, after = np.log(record.late("risks"))
    # 0.002 for reading the figures, and 0.009 for the seed: so far apart do three of
    # the authors' own code end. A constant would be 0.36 higher.
    assert lowest - 0.011 < after < before < highest + 0.011
    # the first model is worse off than all that were trained on induced data
    assert np.log(record.risks[1]) > highest
    # their accuracies end 0.001 to 0.003 apart
    for accuracy in record.late("accuracies"):
        assert worst - 0.002 < accuracy < best + 0.002
    # The paper's plot has one run. Their recipe ends at 1.2 to 1.4 times its level with
    # our seed 0, their code at 1.0 to 1.6 times with three others.
    assert 0.8 * floor < record.gaps()[4:].mean() < 2 * floor


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_wider_networks_reach_lower_risks(credit, seed):
    records = [
        run_paper(credit, 0.9, hidden=hidden, seed=seed, n_rounds=7)
        for hidden in (8, 16, 32)
    ]
    after = [np.log(record.late("risks")[1]) for record in records]
    assert after[0] > after[1] > after[2]


@pytest.fixture(scope="module")
def smooth(credit):
    """An estimator that goes from near the minimum to it, by L-BFGS.

    tanh and a small penalty, since L-BFGS may get stuck at the kinks of a leaky ReLU.
    """
    options = {"loss": "squared_error", "l2_penalty": 1e-4, "max_iter": 5000}
    params = {"activation": torch.nn.Tanh}
    near = TorchClassifier(
        make_net, module_params=params, optimizer="adam", random_state=0, **options
    )
    near.set_params(optimizer__lr=1e-2, tol=1e-6).fit(credit.data, credit.target)
    exact = TorchClassifier(near.module_, tol=1e-12, warm_start=True, **options)
    return exact.set_params(optimizer__history_size=100)


def retrain_smooth(credit, smooth, delta, **shift_params):
    shift = ResampleIfRejected(
        delta, strategic_features=credit.strategic_features, n_donors=1, **shift_params
    )
    model = RepeatedRiskMinimizer(
        smooth, shift, scoring=Record(delta), max_iter=8, tol=1e-6, random_state=0
    )
    gaps = model.fit(credit.data, credit.target).history_["prediction_gap"]
    print(f"\ndelta {delta} {shift.resampling}", *(f"{gap:.2e}" for gap in gaps))
    return model, gaps


@pytest.mark.parametrize("delta", [0.4, 0.9])
def test_the_floor_vanishes_in_the_expected_face(credit, smooth, delta):
    model, gaps = retrain_smooth(credit, smooth, delta)
    assert model.diagnosis_ == "converged"
    contraction = gaps[1:] / gaps[:-1]
    # below 1e-5 the inner solver's own error shows: the loss is exact to 1e-12
    measured = contraction[gaps[1:] > 1e-5]
    guaranteed = (1 - delta) / delta
    assert len(measured) >= 2
    assert (measured < min(guaranteed, 0.25)).all()


def test_the_same_network_and_solver_keep_the_floor_in_the_drawn_face(credit, smooth):
    model, gaps = retrain_smooth(credit, smooth, 0.4, resampling="drawn")
    assert not model.converged_
    assert gaps.min() > 1e-2
