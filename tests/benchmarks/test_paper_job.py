# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The paper's job: a two-layer network on 18,357 rows that react to it.

Both sides train the same network, in float64, from the default initialisation. Theirs
is the plain loop. Ours is the public API: some epochs of mini-batch Adam for a start,
then 100 iterations of L-BFGS a round that keep their curvature from round to round
(``warm_start="optimizer"``), on the expected face with 4 donors, 91,785 rows.

Where the time goes, as measured on the way here:

- The plain loop spends 50 to 77 % of its time in the first fit, on data that are gone
  after the first round.
- An exact first fit costs quality too. L-BFGS to the end on the base population, and
  then in each round, came to risks up to 1.2 % higher (delta=0.9, seed 1): units
  saturate, and this net's kinks hold them. Rounds of 100 iterations do not do that.
- Of our rounds 82 % is loss and gradient, 6 to 7 ms on the 5 x 18,357 rows, 14 % is the
  optimizer's own arithmetic and 4 % the loop. float32 would save 40 % of the first part
  and blocks of 16,384 rows 25 %; neither is taken, for the gap's sake and for clarity.
- Curvature that is kept from round to round is worth more: after ten rounds, which take
  the same time, the risk is 0.2 % lower than with a new L-BFGS in each (delta=0.1).
- Mini-batch epochs take 20 ms, and end in noise as large as the plain loop's floor.
  Only L-BFGS goes below.
"""

import numpy as np
import pytest
from plain_loop import N_ROUNDS, STRATEGIC, make_net, plain_loop
from torch import nn

from skperf import RepeatedRiskMinimizer, ResampleIfRejected
from skperf.metrics import performative_risk
from skperf.neural_network import TorchClassifier

# Each bar: how many times less CPU time until the plain loop's own floor is reached.
SPEED_UP = {0.1: 5, 0.4: 5, 0.7: 5, 0.9: 2.5}

pytestmark = [
    pytest.mark.download,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module", params=list(SPEED_UP))
def delta(request):
    return request.param


@pytest.fixture(scope="module")
def plain(credit, delta):
    """The plain loop's rounds, in CPU seconds since the start of its first fit."""
    return list(plain_loop(*credit, delta))


@pytest.fixture(scope="module")
def floor(plain):
    """The prediction gap of the plain loop once it no longer falls."""
    return np.mean([each.gap for each in plain[-10:]])


def test_time_to_the_plain_loops_floor(
    benchmark, report, stopwatch, credit, delta, plain, floor
):
    """Its own gap, at its own risk, in a fifth of its time; then ten times deeper."""
    model = benchmark.pedantic(
        retrain, (*credit, delta, stopwatch), {"max_iter": 20}, rounds=1
    )
    gaps = (1 - delta) * model.history_["prediction_gap"]
    _, *seconds = stopwatch.seconds[:-1]  # the first fit comes first, the whole last
    _, *models = stopwatch.models[:-1]
    best = np.mean([risk(as_classifier(r.net), delta, *credit) for r in plain[-3:]])
    reached = next(
        i
        for i, gap in enumerate(gaps)
        if gap <= floor and risk(models[i], delta, *credit) <= 1.002 * best
    )
    plain_seconds = next(each.seconds for each in plain if each.gap <= floor)
    speed_up = plain_seconds / seconds[reached]
    report(
        f"delta={delta}: gap {floor:.1e} after {plain_seconds:.1f} s (plain loop) and "
        f"{seconds[reached]:.1f} s (ours, round {reached + 1}): {speed_up:.1f} times "
        f"faster; then down to {gaps.min():.1e} after {seconds[gaps.argmin()]:.1f} s. "
        f"Risk {best:.6f} (plain loop) and {risk(model, delta, *credit):.6f} (ours)"
    )
    assert speed_up >= SPEED_UP[delta]
    assert gaps.min() <= floor / 10


def test_time_to_a_small_gap(benchmark, report, stopwatch, credit, delta, plain):
    """A smooth net comes to a gap of 1e-6 before the plain loop has done its rounds."""
    model = benchmark.pedantic(
        retrain,
        (*credit, delta, stopwatch),
        {
            "max_iter": 60,
            "gap": 1e-6,
            "tol": 1e-14,
            "module_params": {"activation": nn.Tanh},
            "l2_penalty": 1e-4,
        },
        rounds=1,
    )
    *_, seconds = stopwatch.seconds
    reached = (1 - delta) * model.stability_residual_
    report(
        f"delta={delta}: smooth net, gap {reached:.0e} after {model.n_iter_} rounds, "
        f"{seconds:.1f} s; the plain loop's {N_ROUNDS} rounds take "
        f"{plain[-1].seconds:.1f} s"
    )
    assert model.converged_
    assert seconds < plain[-1].seconds


def retrain(X, y, delta, callback, *, max_iter, gap=0.0, **params):
    """Retrain with warm L-BFGS from a network that mini-batches have brought near."""
    near = TorchClassifier(
        make_net,
        loss="squared_error",
        optimizer="adam",
        optimizer_params={"lr": 1e-2},
        batch_size=256,
        max_iter=20,
        random_state=0,
        **params,
    ).fit(X, y)
    params.pop("module_params", None)
    model = TorchClassifier(
        near.module_,
        loss="squared_error",
        optimizer_params={"history_size": 30},
        max_iter=100,
        warm_start="optimizer",
        **params,
    )
    minimizer = RepeatedRiskMinimizer(
        model,
        ResampleIfRejected(delta, strategic_features=STRATEGIC),
        max_iter=max_iter,
        tol=gap / (1 - delta),  # the papers' scale
        random_state=0,
    )
    return minimizer.set_callbacks(callback).fit(X, y)


def risk(model, delta, X, y):
    """Return the performative risk with little noise, free of the scale of delta."""
    shift = ResampleIfRejected(delta, strategic_features=STRATEGIC, n_donors=32)
    return 0.5 * performative_risk(
        model, shift, X, y, scoring="neg_brier_score", random_state=99
    )


def as_classifier(net):
    """Return a fitted classifier with the weights of `net`."""
    model = TorchClassifier(net, loss="squared_error", max_iter=1)
    model.fit(np.zeros((2, net[0].in_features)), [0, 1])
    model.module_.load_state_dict(net.state_dict())
    return model
