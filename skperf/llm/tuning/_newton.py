# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The flag's row by Newton's method, on the device that the language model is on.

A graphics card multiplies a large matrix by a vector in no time, but each step of a
method has to wait for it. So the steps should be few.
"""

from typing import NamedTuple

import numpy as np
import torch

_ROUNDING = 64 * torch.finfo(torch.float64).eps
_COARSE = 8 * torch.finfo(torch.float32).eps
_ROWS_AT_ONCE = 2**14


class Point(NamedTuple):
    """The mean loss with its penalty at some parameters.

    Attributes
    ----------
    loss : torch.Tensor of shape ()
        The loss.

    gradient : torch.Tensor of shape (n_params,)
        Its derivatives.

    curvature : torch.Tensor of shape (n_positions,)
        Second derivatives by the scaled product of each position, without that of a
        cap: so they are never negative.
    """

    loss: torch.Tensor
    gradient: torch.Tensor
    curvature: torch.Tensor


class DeviceProblem:
    """The logistic regression of :func:`fit_row`, in float64 on a device.

    Parameters
    ----------
    states : list of States
        Of each text.

    target, weight : ndarray of shape (n_positions,)
        Of all positions; weights sum to 1.

    penalty : float
        Of half the squared slopes.

    fit_intercept : bool
        Whether there is an intercept.

    function : LogitFunction
        What the model makes of products.

    device : torch.device
        Where to compute.
    """

    def __init__(
        self, states, target, weight, penalty, *, fit_intercept, function, device
    ):
        self._device, self._function = device, function
        self._weight, self._target = self._put(weight), self._put(target)
        hidden = torch.cat([text.hidden.to(device) for text in states])
        n_hidden = hidden.shape[1]
        # Rows of a multiple of 64 bytes are read faster. Other columns than those of
        # the states and the intercept are 0.
        width = n_hidden + 8 - n_hidden % 8
        self.columns = torch.zeros(
            (len(hidden), width), dtype=torch.float64, device=device
        )
        self._standardise(self.columns[:, :n_hidden], hidden, fit_intercept)
        self.penalty = torch.full_like(self.columns[0], penalty)
        if fit_intercept:
            self.columns[:, n_hidden] = 1
            self.penalty[n_hidden] = 0
        self._n_hidden, self._fit_intercept = n_hidden, fit_intercept
        self._offset = torch.zeros_like(self._weight)
        if states[0].log_normalizer is not None:
            logs = torch.cat([text.log_normalizer.to(device) for text in states])
            self._offset -= logs

    def _put(self, values):
        return torch.as_tensor(values, dtype=torch.float64, device=self._device)

    def _standardise(self, columns, hidden, fit_intercept):
        """Write states into columns; units that never differ keep their scale."""
        columns.copy_(hidden)
        center = self._weight @ columns
        columns -= center
        parts = zip(
            self._weight.split(_ROWS_AT_ONCE),
            columns.split(_ROWS_AT_ONCE),
            strict=True,
        )
        variance = sum(weight @ part.square() for weight, part in parts)
        constant = variance <= 1e-12 * center.square()  # rounding is all there is
        self._scale = variance.masked_fill(constant, 1).sqrt()
        self._center = center * fit_intercept
        columns += center - self._center
        columns /= self._scale

    def start(self):
        """Return no slopes, and the intercept that would be right for equal offsets."""
        params = torch.zeros_like(self.penalty)
        if self._fit_intercept:
            share = (self._weight @ self._target).logit()
            mean = share - self._weight @ self._offset
            params[self._n_hidden] = self._function.uncapped(mean.item())
        return params

    def scaled_row(self, params):
        """Return the row and bias of scaled products, for states as they are."""
        coef = params[: self._n_hidden] / self._scale
        intercept = params[self._n_hidden] - coef @ self._center
        return coef.cpu().numpy(), intercept.item()

    def at(self, params):
        """Return the Point at these parameters."""
        flag, slope = self._capped(self.columns @ params)
        score = flag + self._offset
        losses = torch.logaddexp(torch.zeros_like(score), score) - self._target * score
        p = score.sigmoid()
        pull = self.penalty * params
        gradient = self.columns.T @ (self._weight * (p - self._target) * slope) + pull
        loss = self._weight @ losses + params @ pull / 2
        return Point(loss, gradient, self._weight * p * (1 - p) * slope**2)

    def _capped(self, scaled):
        cap = self._function.cap
        if np.isinf(cap):
            return scaled, 1.0
        tanh = (scaled / cap).tanh()
        return cap * tanh, 1 - tanh**2

    def bend(self, curvature, direction):
        """Return the Hessian times a direction."""
        along = curvature * (self.columns @ direction)
        return self.columns.T @ along + self.penalty * direction

    def coarse_inverse(self, curvature):
        """Return about the inverse of the Hessian.

        Products are in float32, which many cards are far quicker at; what is added to
        the diagonal is more than the rounding of these.
        """
        hessian = sum(
            _gram(columns * weight.sqrt()[:, None])
            for columns, weight in zip(
                self.columns.split(_ROWS_AT_ONCE),
                curvature.split(_ROWS_AT_ONCE),
                strict=True,
            )
        )
        total = hessian.trace() + self.penalty.sum()
        hessian.diagonal().add_(self.penalty + _COARSE * total)
        return torch.cholesky_inverse(torch.linalg.cholesky(hessian))


def _gram(columns):
    columns = columns.float()
    return (columns.T @ columns).double()


def newton(problem, *, max_iter, tol):
    """Minimise a DeviceProblem.

    Steps come from conjugate gradients, preconditioned with the Hessian at the start.

    Returns
    -------
    params : torch.Tensor of shape (n_params,)
        The optimum.

    n_iter : int
        Number of steps.

    converged : bool
        Whether no derivative is larger than `tol`, or rounding is all there is left.
    """
    params = problem.start()
    point = problem.at(params)
    inverse = problem.coarse_inverse(point.curvature)
    for n_iter in range(max_iter):
        if point.gradient.abs().max() <= tol:
            return params, n_iter, True
        step = _step(problem, point, inverse)
        slope = step @ point.gradient
        if -slope <= _ROUNDING * point.loss.clamp_min(1):
            return params + step, n_iter + 1, True
        params, point = _search(problem, params, point, step, slope)
    return params, max_iter, bool(point.gradient.abs().max() <= tol)


def _step(problem, point, inverse):
    """Return about minus the inverse Hessian times the gradient.

    The nearer the optimum is, the more exact it is, so that steps converge quickly.
    """
    residual, step = -point.gradient, torch.zeros_like(point.gradient)
    ahead = inverse @ residual
    direction, size = ahead, residual @ ahead
    goal = size * size.clamp_max(1e-2)
    for _ in range(len(step)):
        bent = problem.bend(point.curvature, direction)
        length = size / (direction @ bent)
        step, residual = step + length * direction, residual - length * bent
        ahead = inverse @ residual
        before, size = size, residual @ ahead
        if size <= goal:
            break
        direction = ahead + size / before * direction
    return step


def _search(problem, params, point, step, slope):
    """Halve the step until the loss falls by some of what the slope promises."""
    rounding = _ROUNDING * point.loss.clamp_min(1)
    while True:
        new = problem.at(params + step)
        if new.loss <= point.loss + 1e-4 * slope + rounding:
            return params + step, new
        step, slope = step / 2, slope / 2
