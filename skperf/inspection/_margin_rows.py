# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The margins of many logistic models on the same rows, and their risks.

A margin is by how much a score is on the wrong side of a label. It is linear in the
numbers of the model, so the margins of a block of models on a block of rows are one
matrix product.
"""

import numpy as np

from skperf.retraining._performative_slope import Slope

_BLOCK = 64, 512  # models and rows, whose margins stay in the cache
_REACH = 64.0  # of the parts of a margin, whose float32 sum is right to 1e-5


class MarginRows:
    """Rows of a population that obey a closed law, as their margins see them."""

    def __init__(self, law, at_zero, slopes):
        self.law = law
        self.at_zero = at_zero  # the margins where the numbers are 0, (n_samples,)
        self.slopes = slopes  # (n_numbers, n_samples)

    def performative(self, points, moves=None):
        """Return the performative risk at each point.

        `moves` are added to the margins of who moves, one for each point.

        Margins are sums of parts, from the middle of the points. Where no part is
        larger than `_REACH` losses are computed in float32, rounded by a few parts in
        2**24 of the largest part. The sums of blocks are added up in float64.
        """
        middle = np.mean(points, axis=0)
        parts = [self.at_zero + middle @ self.slopes, *self.slopes]
        factors = np.column_stack([np.ones(len(points)), points - middle])
        if moves is not None:
            parts.append(self.law.moving)
            factors = np.column_stack([factors, moves])
        parts = np.stack(parts)
        reach = np.abs(parts).max(axis=1) * np.abs(factors).max(axis=0)
        dtype = np.float32 if reach.max() < _REACH else np.float64
        return self._risks(parts.astype(dtype), factors.astype(dtype))

    def _risks(self, parts, factors):
        n_models, n_rows = _BLOCK
        blocks = [factors[i : i + n_models] for i in range(0, len(factors), n_models)]
        total = np.float64(0)
        for start in range(0, parts.shape[1], n_rows):
            rows = slice(start, start + n_rows)
            sums = self.law.block(rows, parts.dtype)
            here = parts[:, rows]
            total = total + np.hstack([sums(block @ here) for block in blocks])
        return self.law.risks(*total)

    def fixed(self, values):
        """Return the risk, with its slope, on the data that a model has induced."""
        margins = self.at_zero + values @ self.slopes
        return InducedRows(self.slopes, self.at_zero, *self.law.counts(margins))


class InducedRows:
    """What the losses and the margins of rows count, and stay so: a convex risk."""

    def __init__(self, slopes, at_zero, by_loss, by_margin):
        self.slopes = slopes
        self.at_zero = at_zero
        self.by_loss = by_loss
        self.by_margin = by_margin

    def __call__(self, values):
        """Return the risk and its slope."""
        margins = self.at_zero + values @ self.slopes
        losses = np.logaddexp(0, margins)
        risk = self.by_loss @ losses + self.by_margin @ margins
        return Slope(risk, self.gradient(values))

    def gradient(self, values):
        """Return the slope alone, for half the time."""
        margins = self.at_zero + values @ self.slopes
        with np.errstate(over="ignore"):
            wrong = np.exp(-margins)  # infinite where a label is certainly right
        wrong += 1
        np.divide(self.by_loss, wrong, out=wrong)
        wrong += self.by_margin
        return self.slopes @ wrong
