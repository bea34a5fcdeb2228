# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The margins of many logistic models on the same rows, and their risks.

A margin is by how much a score is on the wrong side of a label. It is linear in the
numbers of the model, so the margins of a block of models on a block of rows are one
matrix product.
"""

import numpy as np

from skperf.retraining._performative_slope import Slope

_BLOCK = 32, 512  # models and rows, whose margins stay in the cache
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
        by_loss, by_margin = self.law.counts(self.at_zero + values @ self.slopes)

        def slope_at(values):
            margins = self.at_zero + values @ self.slopes
            small = np.exp(-np.abs(margins))
            wrong = np.where(margins > 0, 1.0, small) / (1 + small)
            losses = np.log(1 + small) + np.maximum(margins, 0)
            risk = by_loss @ losses + by_margin @ margins
            return Slope(risk, self.slopes @ (by_loss * wrong + by_margin))

        return slope_at
