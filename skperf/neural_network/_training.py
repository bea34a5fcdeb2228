# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Epochs of gradient steps, or one run of L-BFGS, with one rule for stopping each."""

from math import inf, isfinite, nan

import numpy as np
import torch


def train(objective, optimizer, data, *, batch_size, max_iter, tol, n_iter_no_change):
    """Minimize `objective` on `data` in place.

    Parameters
    ----------
    objective : callable
        ``objective(*rows)`` gives a scalar tensor.

    optimizer : torch.optim.Optimizer
        Holds the parameters. L-BFGS carries its own ``max_iter`` and tolerance.

    data : tuple of torch.Tensor or None
        Arrays with one entry a row.

    batch_size, max_iter, tol, n_iter_no_change
        Parameters of the estimator.

    Returns
    -------
    losses : list of float
        The objective in each epoch.

    converged : bool
        Whether it stopped by the tolerance.
    """
    if isinstance(optimizer, torch.optim.LBFGS):
        losses = _run_lbfgs(objective, optimizer, data)
        settled = len(losses) > 1 and losses[-2] - losses[-1] <= tol
        return losses, len(losses) < max_iter or settled
    losses, best, stalled = [], inf, 0
    while len(losses) < max_iter and stalled < n_iter_no_change:
        loss = _check_finite(_run_epoch(objective, optimizer, data, batch_size))
        stalled = 0 if best - loss > tol else stalled + 1
        best = min(best, loss)
        losses.append(loss)
    return losses, stalled >= n_iter_no_change


def _run_epoch(objective, optimizer, data, batch_size):
    """Return the mean of the objective over the batches, each met before its step."""
    if batch_size is None:
        return _step(objective, optimizer, data).item()
    n_samples, total = len(data[0]), 0.0
    order = torch.randperm(n_samples).to(data[0].device)
    for rows in order.split(batch_size):
        batch = [None if array is None else array[rows] for array in data]
        # stays a tensor, so that a GPU need not wait for each batch
        total += len(rows) / n_samples * _step(objective, optimizer, batch)
    return total.item()


def _step(objective, optimizer, rows):
    optimizer.zero_grad()
    loss = objective(*rows)
    loss.backward()
    optimizer.step()
    return loss.detach()


def _run_lbfgs(objective, optimizer, data):
    """Run L-BFGS; return the loss after each iteration.

    One call of ``step`` runs all iterations, as each call evaluates its start anew.
    """
    parameters = optimizer.param_groups[0]["params"]
    state = optimizer.state[parameters[0]]
    found = {}  # the lowest loss by iteration, the start among them

    def closure():
        optimizer.zero_grad()
        loss = objective(*data)
        loss.backward()
        value = loss.item() if found else _check_finite(loss.item())
        if not isfinite(value):
            value = _refuse(parameters)
        found[state["n_iter"]] = min(value, found.get(state["n_iter"], inf))
        return value

    optimizer.step(closure)
    lowest = np.minimum.accumulate(list(found.values())).tolist()
    return lowest[1:] or lowest


def _refuse(parameters):
    """Return the loss of a point that the line search should step back from.

    Without a gradient it halves the step; interpolation with an infinite loss and a
    finite gradient would send it astray.
    """
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, nan)
    return inf


def _check_finite(loss):
    if not isfinite(loss):
        raise ValueError(
            f"The training loss became {loss}. Scale the features, or make the steps "
            "smaller with optimizer__lr."
        )
    return loss
