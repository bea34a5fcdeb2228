# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What models make of a product of hidden state and row before they call it logit."""

from typing import NamedTuple

import numpy as np


class LogitFunction(NamedTuple):
    r"""A scale, and a cap: :math:`f(u) = c \tanh(a u / c)`, or a u without a cap.

    A product u is that of a row and the hidden state times `before`, plus a bias.

    Parameters
    ----------
    before : float, default=1.0
        What hidden states are multiplied by before the output matrix.

    scale : float, default=1.0
        What products are multiplied by.

    cap : float, default=inf
        What logits stay below.
    """

    before: float = 1.0
    scale: float = 1.0
    cap: float = float("inf")

    def of(self, products):
        """Return the logits of products, a torch.Tensor of float32 or float64."""
        if self.scale != 1:
            products = products * self.scale
        if np.isinf(self.cap):
            return products
        return (products / self.cap).tanh() * self.cap

    def capped(self, scaled):
        """Return logits, and their derivatives, of an ndarray of scaled products."""
        if np.isinf(self.cap):
            return scaled, 1.0
        tanh = np.tanh(scaled / self.cap)
        return self.cap * tanh, 1 - tanh**2

    def uncapped(self, logit):
        """Return the scaled product of a logit, or of the nearest that is no limit."""
        if np.isinf(self.cap):
            return logit
        return self.cap * np.arctanh(np.clip(logit / self.cap, -0.9, 0.9))

    def unscaled(self, coef, intercept):
        """Return the row and bias whose scaled products are ``h @ coef + intercept``.

        With these, `of` gives the logits of the products.
        """
        return coef / (self.before * self.scale), intercept / self.scale
