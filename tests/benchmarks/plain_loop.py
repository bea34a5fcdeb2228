# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Repeated risk minimization as its authors ran it: the loop that we race against.

Written from the description of the experiment in Mofakhami et al. 2023, section 4: a
two-layer network in float64, full-batch Adam with learning rate 3e-4 and one state for
the whole path, warm starts, a fit that ends when the loss changes by 1e-9 or less, and
one fresh draw of the population each round. Nothing is tuned and nothing is slowed
down.
"""

from time import process_time
from typing import NamedTuple

import numpy as np
import torch

STRATEGIC = [0, 5, 7]
N_ROUNDS = 30
_LEARNING_RATE = 3e-4
_TOL = 1e-9


class PlainRound(NamedTuple):
    """The end of one round of the plain loop."""

    seconds: float  # CPU time since the start, the first fit included
    gap: float  # root mean square on the round's sample, in [0, 1 - delta]
    net: torch.nn.Module  # gives logits


def plain_loop(X, y, delta, *, seed=0):
    """Yield a `PlainRound` after each retraining."""
    start = process_time()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = make_net(X.shape[1], 1).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=_LEARNING_RATE)
    target = torch.from_numpy((1 - delta) * y)

    def predict(rows):
        return (1 - delta) * torch.sigmoid(net(rows)[:, 0])

    def fit(rows):
        last, loss = np.inf, -np.inf
        while abs(last - loss) > _TOL:
            last = loss
            objective = 0.5 * (predict(rows) - target).square().mean()
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            loss = objective.item()

    base = torch.from_numpy(X)
    fit(base)
    for _ in range(N_ROUNDS):
        with torch.no_grad():
            g = delta + predict(base).numpy()
        moved = torch.from_numpy(_resample(X, g, rng))
        with torch.no_grad():
            before = predict(moved)
        fit(moved)
        with torch.no_grad():
            gap = (predict(moved) - before).square().mean().sqrt().item()
        yield PlainRound(process_time() - start, gap, _copy(net))


def make_net(n_inputs, n_outputs, hidden=8, activation=torch.nn.LeakyReLU):
    """Return the paper's network, up to its sigmoid."""
    return torch.nn.Sequential(
        torch.nn.Linear(n_inputs, hidden),
        activation(),
        torch.nn.Linear(hidden, n_outputs),
    )


def _resample(X, rejection_probability, rng):
    rejected = rng.random(len(X)) < rejection_probability
    donors = np.where(rejected, rng.integers(len(X), size=len(X)), np.arange(len(X)))
    moved = X.copy()
    moved[:, STRATEGIC] = X[donors][:, STRATEGIC]
    return moved


def _copy(net):
    copy = make_net(net[0].in_features, 1).double()
    copy.load_state_dict(net.state_dict())
    return copy
