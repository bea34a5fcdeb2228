# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The trainable numbers of a module, and derivatives by them."""

from contextlib import contextmanager

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from skperf.neural_network._objective import trainable


class ModuleParameters:
    """The trainable numbers of a module in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
        It is changed in place.

    batches : callable
        From a table to batches of rows, as the module takes them.

    n_outputs : int
        Number of columns of the module's output.
    """

    def __init__(self, module, batches, n_outputs):
        self.module = module
        self.batches = batches
        self.n_outputs = n_outputs

    def get(self):
        """Return the numbers, of shape (n_parameters,)."""
        vector = parameters_to_vector(trainable(self.module))
        return vector.detach().double().cpu().numpy()

    def set(self, values):
        """Replace the numbers."""
        parameters = trainable(self.module)
        vector = torch.from_numpy(np.array(values, dtype=float)).to(parameters[0])
        with torch.no_grad():
            vector_to_parameters(vector, parameters)

    def vjp(self, X, V):
        """Return the derivatives of ``sum(V * outputs)``."""
        total = np.zeros(sum(p.numel() for p in trainable(self.module)))
        with _recorded():
            for rows, by_output in self._pairs(X, V):
                outputs = self.module(rows)
                total += self._derivatives((outputs * by_output).sum())
        return total

    def vjp_gradient(self, X, U, output):
        """Return those of ``sum(U * the input gradient of an output)``."""
        total = np.zeros(sum(p.numel() for p in trainable(self.module)))
        with _recorded():
            for rows, along in self._pairs(X, U):
                gradient = self._input_gradient(rows, lambda out: out[:, output].sum())
                total += self._derivatives((gradient * along).sum())
        return total

    def vjp_input(self, X, V):
        """Return the derivatives of ``sum(V * outputs)`` by X."""
        with _recorded():
            gradients = [
                self._input_gradient(rows, lambda out, w=w: (out * w).sum()).detach()
                for rows, w in self._pairs(X, V)
            ]
        return torch.cat(gradients).double().cpu().numpy()

    def _pairs(self, X, values):
        """Yield batches of rows, each with its part of an array."""
        start = 0
        for rows in self.batches(X):
            part = values[start : start + len(rows)]
            yield rows, torch.from_numpy(np.array(part, dtype=float)).to(rows)
            start += len(rows)

    def _input_gradient(self, rows, reduce):
        """Return the gradient of a number made of outputs, itself differentiable."""
        rows = rows.detach().clone().requires_grad_()
        # a copy, since a module may change its input in place
        number = reduce(self.module(rows.clone()))
        (gradient,) = torch.autograd.grad(number, rows, create_graph=True)
        return gradient

    def _derivatives(self, number):
        """Return the derivatives by the parameters, zero by those not used."""
        parameters = trainable(self.module)
        if not number.requires_grad:
            return 0.0
        parts = torch.autograd.grad(number, parameters, allow_unused=True)
        filled = [
            torch.zeros_like(p) if part is None else part
            for p, part in zip(parameters, parts, strict=True)
        ]
        return torch.cat([f.ravel() for f in filled]).double().cpu().numpy()


@contextmanager
def _recorded():
    """Let autograd see what is computed, whatever the caller has switched off."""
    with torch.inference_mode(False), torch.enable_grad():
        yield
