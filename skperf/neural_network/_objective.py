# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What training minimizes: the weighted mean loss of a module, plus a penalty."""

import torch


class Objective:
    """The penalized mean loss of `module` on rows, as a function of the rows.

    Weights have the mean 1 over the whole training data. The mean over a batch is of
    ``weight * loss``, which is unbiased, and defined when a batch has no weight at all.
    """

    def __init__(self, module, loss, l2_penalty, n_outputs):
        self.module = module
        self.loss = loss
        self.l2_penalty = l2_penalty
        self.n_outputs = n_outputs
        self._penalized = [p for p in trainable(module) if p.ndim > 1]

    def __call__(self, X, target, weight):
        output = check_output(self.module(X), len(X), self.n_outputs)
        if target.ndim == 1 and self.n_outputs == 1:
            output = output.squeeze(1)
        losses = _check_losses(self.loss(output, target), len(X))
        mean = losses.mean() if weight is None else losses.dot(weight) / len(X)
        if not self.l2_penalty:
            return mean
        norm = sum(p.square().sum() for p in self._penalized)
        return mean + 0.5 * self.l2_penalty * norm


def trainable(module):
    """Return the parameters that are not frozen."""
    return [p for p in module.parameters() if p.requires_grad]


def check_output(output, n_samples, n_outputs):
    """Return the module's output; raise unless it has one row of values a sample."""
    expected = (n_samples, n_outputs)
    if not isinstance(output, torch.Tensor) or output.shape != expected:
        raise ValueError(
            f"The module should return a tensor of shape {expected}, (n_samples, "
            f"n_outputs); got {_describe(output)}."
        )
    return output


def _check_losses(losses, n_samples):
    if not isinstance(losses, torch.Tensor) or losses.shape != (n_samples,):
        raise ValueError(
            f"The loss should return one value a row, a tensor of shape "
            f"({n_samples},); got {_describe(losses)}. With a loss of torch.nn pass "
            "reduction='none' and average over the outputs."
        )
    return losses


def _describe(value):
    if isinstance(value, torch.Tensor):
        return f"shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
