# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What becomes of people when the rejected are replaced, and its derivatives."""

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from skperf.shift._probabilities import as_probabilities
from skperf.shift._pull_back import Cotangent, sum_copies
from skperf.shift._sample import (
    Floats,
    Rows,
    Sample,
    as_weights,
    keep_labels,
    new_key,
)
from skperf.utils._by_rows import map_rows, mean
from skperf.utils._tables import replace_columns, take_rows


def rejection_probability(delta: float, y_pred: ArrayLike) -> Floats:
    """Return the probability that each row is rejected."""
    meaning = "the probability of being rejected"
    y_pred = as_probabilities(y_pred, "ResampleIfRejected", meaning)
    return map_rows(partial(_reject, delta), y_pred)


def _reject(delta: float, y_pred: Floats) -> Floats:
    return delta + (1 - delta) * y_pred


def replace_rejected(
    delta: float,
    base: Sample,
    columns: Rows | None,
    chances: Floats,
    donors: Rows,
    y_pred: Floats,
) -> Sample:
    """Return one outcome for every row, by a number in [0, 1) and a donor each."""
    rejected = chances < rejection_probability(delta, y_pred)
    rows = np.arange(len(rejected))
    donors = np.where(rejected, donors, rows)
    if columns is None:
        moved = take_rows(base.X, donors), take_rows(base.y, donors)
        sample = Sample(*moved, base.sample_weight, groups=donors)
    else:
        X = replace_columns(base.X, columns, rows, donors)
        sample = Sample(X, base.y, base.sample_weight, groups=rows)
    return keep_labels(sample, base)


@dataclass(frozen=True, eq=False)
class WholeRows:
    """The exact law of whole rows: weights ``w (1 - g + mean(g))`` on them."""

    delta: float
    base: Sample

    def __call__(self, y_pred: Floats) -> Sample:
        """Return the rows as they are, with their weights."""
        g = rejection_probability(self.delta, y_pred)
        mean_g = mean(g, self.base.sample_weight)
        weights = map_rows(partial(_keep, mean_g), g, self.base.sample_weight)
        return self.base._replace(sample_weight=weights)

    def pull_back(
        self, y_pred: Floats, cotangent: Cotangent
    ) -> tuple[Cotangent, Floats]:
        """Return the derivatives by the rows and by the predictions.

        To reject a row takes its own weight and gives it to all.
        """
        g = rejection_probability(self.delta, y_pred)
        weights = as_weights(self.base.sample_weight, len(g))
        mean_g = np.average(g, weights=weights)
        worth = cotangent.weight
        mean_worth = np.average(worth, weights=weights)
        by_weight = worth * (1 - g + mean_g) + mean_worth * (g - mean_g)
        v = (1 - self.delta) * weights * (mean_worth - worth)
        return cotangent._replace(weight=by_weight), v


@dataclass(frozen=True, eq=False)
class Copies:
    """The law given fixed donors: weights on each row and on its copies.

    Row i keeps ``w[i] (1 - g[i])``, and its copies, with the columns of their donors,
    share ``w[i] g[i]``.
    """

    delta: float
    base: Sample
    columns: Rows
    donors: Rows  # (n_donors, n_samples)
    support: Sample

    @classmethod
    def of(cls, delta: float, base: Sample, columns: Rows, donors: Rows) -> Self:
        """Return the copies of a population, once for all models."""
        support = _with_copies(base, columns, donors)
        return cls(delta, base, columns, donors, support)

    def __call__(self, y_pred: Floats) -> Sample:
        """Return the weights."""
        g = rejection_probability(self.delta, y_pred)
        weights = copy_weights(g, self.base.sample_weight, len(self.donors))
        return self.support._replace(sample_weight=weights)

    def pull_back(
        self, y_pred: Floats, cotangent: Cotangent
    ) -> tuple[Cotangent, Floats]:
        """Return the derivatives by the rows and by the predictions.

        To reject a row takes its own weight and gives it to its copies. Which donors
        they have stays, though weights of the base population decide on that.
        """
        g = rejection_probability(self.delta, y_pred)
        own, *copies = cotangent.weight.reshape(-1, len(g))
        copied = np.mean(copies, axis=0)
        weights = as_weights(self.base.sample_weight, len(g))
        back = Cotangent(
            own * (1 - g) + copied * g,
            sum_copies(cotangent.y, len(g)),
            None if cotangent.X is None else self._features_back(cotangent.X),
        )
        return back, (1 - self.delta) * weights * (copied - own)

    def _features_back(self, by_feature: Floats) -> Floats:
        """Return derivatives by base rows: of what they keep, and of what they give."""
        n_samples = self.donors.shape[1]
        own, copies = by_feature[:n_samples], by_feature[n_samples:]
        kept = copies.copy()
        kept[:, self.columns] = 0
        back = own + kept.reshape(-1, n_samples, own.shape[1]).sum(axis=0)
        for column in self.columns:
            given = np.bincount(self.donors.ravel(), copies[:, column], n_samples)
            back[:, column] += given
        return back


def _keep(mean_g: float, g: Floats, sample_weight: Floats | None) -> Floats:
    return (1 - g + mean_g) * as_weights(sample_weight, len(g))


def copy_weights(g: Floats, sample_weight: Floats | None, n_donors: int) -> Floats:
    """Return the weights of rows, followed by those of all first copies, and so on."""
    weights = as_weights(sample_weight, len(g))
    copies = np.tile(weights * g / n_donors, n_donors)
    return np.concatenate([weights * (1 - g), copies])


def choose_donors(uniforms: Floats, sample_weight: Floats | None) -> Rows:
    """Return row numbers in proportion to the weights, by inverting their sum.

    Equal weights give the very rows that no weights give.
    """
    if sample_weight is None:
        return (uniforms * uniforms.shape[-1]).astype(np.intp)
    total = np.cumsum(sample_weight)
    return np.searchsorted(total, uniforms * total[-1], side="right")


def _with_copies(base: Sample, columns: Rows, donors: Rows) -> Sample:
    """Return the base rows, followed by copies with the columns of their donors."""
    n_donors, n_samples = donors.shape
    rows = np.arange(n_samples)
    donors = np.concatenate([rows, donors.ravel()])
    copied = np.tile(rows, n_donors + 1)
    X = replace_columns(base.X, columns, copied, donors)
    copies = Sample(X, take_rows(base.y, copied), groups=copied)
    return keep_labels(copies, base)._replace(support=new_key("copies"))
