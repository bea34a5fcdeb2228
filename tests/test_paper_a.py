# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause
# ruff: noqa: E402 - torch may be missing

"""The experiments of "Performative Prediction with Neural Networks" (AISTATS 2023).

``pytest -s tests/test_paper_a.py`` prints what is measured. The recipe is a faster one
than the paper's: see the user guide.
"""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

torch = pytest.importorskip("torch")

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.datasets import fetch_give_me_some_credit
from skperf.neural_network import TorchClassifier

pytestmark = [
    pytest.mark.download,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Retraining is not stable"),  # drawn samples
    pytest.mark.filterwarnings(
        "ignore:Training did not converge"
    ),  # a start, short rounds
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


def make_net(n_inputs, n_outputs, hidden):
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        torch.nn.LeakyReLU(),
        torch.nn.Linear(hidden, n_outputs),
    )


def train_first(credit, hidden, seed):
    """Train the first network by a few epochs of mini-batches."""
    classifier = TorchClassifier(
        make_net,
        module_params={"hidden": hidden},
        loss="squared_error",
        optimizer="adam",
        optimizer_params={"lr": 1e-2},
        batch_size=256,
        max_iter=20,
        random_state=seed,
    )
    return classifier.fit(credit.data, credit.target)


def run_paper(credit, delta, *, hidden=8, seed=0, n_rounds=N_ROUNDS):
    classifier = TorchClassifier(
        train_first(credit, hidden, seed).module_,
        loss="squared_error",
        optimizer_params={"history_size": 30},
        max_iter=100,
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
    # our seed 0, their code at 1.0 to 1.6 times with three others. Ours ends at 1.0 to
    # 2.1 times: seeds, and the last digits of a processor, move it by a tenth (six runs
    # on two processors), and 2.5 is two of these more.
    assert 0.8 * floor < record.gaps()[4:].mean() < 2.5 * floor


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_wider_networks_reach_lower_risks(credit, seed):
    records = [
        run_paper(credit, 0.9, hidden=hidden, seed=seed, n_rounds=7)
        for hidden in (8, 16, 32)
    ]
    after = [np.log(record.late("risks")[1]) for record in records]
    assert after[0] > after[1] > after[2]


@pytest.fixture(scope="module")
def last_layer(credit):
    """The network with its hidden layer as it was first: the rest is trained exactly.

    Kinks of the hidden layer would hold L-BFGS; of the output layer alone the loss is
    smooth.
    """
    hidden = train_first(credit, hidden=8, seed=0).module_[:2]

    def hidden_units(X):
        with torch.no_grad():
            return hidden(torch.as_tensor(np.asarray(X))).numpy()

    output = TorchClassifier(
        torch.nn.Linear, loss="squared_error", max_iter=5000, tol=1e-15, random_state=0
    )
    return make_pipeline(FunctionTransformer(hidden_units), output)


def retrain_last_layer(credit, last_layer, delta, **shift_params):
    shift = ResampleIfRejected(
        delta, strategic_features=credit.strategic_features, n_donors=1, **shift_params
    )
    model = RepeatedRiskMinimizer(
        last_layer, shift, scoring=Record(delta), max_iter=8, tol=1e-6, random_state=0
    )
    gaps = model.fit(credit.data, credit.target).history_["prediction_gap"]
    print(f"\ndelta {delta} {shift.resampling}", *(f"{gap:.2e}" for gap in gaps))
    return model, gaps


@pytest.mark.parametrize("delta", PAPER)
def test_the_floor_vanishes_in_the_expected_face(credit, last_layer, delta):
    model, gaps = retrain_last_layer(credit, last_layer, delta)
    assert model.diagnosis_ == "converged"
    # below 1e-5 the inner solver's own error shows
    measured = (gaps[1:] / gaps[:-1])[gaps[1:] > 1e-5]
    guaranteed = (1 - delta) / delta
    assert len(measured) >= 2
    assert (measured < min(guaranteed, 0.15)).all()


def test_the_same_network_and_solver_keep_the_floor_in_the_drawn_face(
    credit, last_layer
):
    model, gaps = retrain_last_layer(credit, last_layer, 0.4, resampling="drawn")
    assert not model.converged_
    assert gaps.min() > 3e-3
