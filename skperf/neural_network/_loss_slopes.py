# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""How steep a loss is in the output of a module and in the target, by autograd."""

import torch


def row_slopes(loss, output, target):
    """Return the loss of each row and its derivatives, as arrays.

    Parameters
    ----------
    loss : callable
        Takes output and target, returns one value a row.

    output : torch.Tensor of shape (n_samples, n_outputs)
        The module's output.

    target : torch.Tensor
        What the loss compares it with.

    Returns
    -------
    losses, by_output, by_target : ndarray
        `by_target` is None where the target is a class.
    """
    with torch.inference_mode(False), torch.enable_grad():
        output = output.clone().double().requires_grad_()
        moves = target.is_floating_point()
        target = target.clone().double().requires_grad_() if moves else target
        seen = output.squeeze(1) if output.shape[1] == 1 else output
        losses = loss(seen, target)
        parts = (output, target) if moves else (output,)
        slopes = torch.autograd.grad(losses.sum(), parts, materialize_grads=True)
    by_output, *by_target = (slope.numpy() for slope in slopes)
    return losses.detach().numpy(), by_output, by_target[0] if by_target else None
