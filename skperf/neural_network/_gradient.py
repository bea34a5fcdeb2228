# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The gradient of a module's output by its input."""

import torch


def input_gradient(module, batches, output):
    """Return the derivatives of one output of each row by the row, or None.

    Rows do not see each other in evaluation mode, so that one pass back through the sum
    gives the gradient of each.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.

    batches : iterable of torch.Tensor
        Rows, in the module's precision and on its device.

    output : int
        The column of the module's output.

    Returns
    -------
    gradient : torch.Tensor of shape (n_samples, n_features), or None
        On the CPU. None if autograd does not reach the input.
    """
    gradients = []
    with torch.inference_mode(False), torch.enable_grad():
        for rows in batches:
            rows = rows.clone() if rows.is_inference() else rows.detach()
            rows.requires_grad_()
            # a copy, since a module may change its input in place
            total = module(rows.clone())[:, output].sum()
            if not total.requires_grad:
                return None
            (gradient,) = torch.autograd.grad(total, rows, allow_unused=True)
            if gradient is None:
                return None
            gradients.append(gradient.cpu())
    return gradients[0] if len(gradients) == 1 else torch.cat(gradients)


def is_linear(module):
    """Return whether a module is a linear layer and does no more."""
    # torch has no public way to ask for hooks
    hooks = (module._forward_hooks, module._forward_pre_hooks)  # noqa: SLF001
    changed = any(hooks) or "forward" in vars(module)
    return type(module).forward is torch.nn.Linear.forward and not changed
