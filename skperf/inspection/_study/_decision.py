# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Which models may be the best, all comparisons taken together."""

from typing import NamedTuple

import numpy as np


class Decision(NamedTuple):
    """What a figure says about the models under one shift."""

    shift: str
    figure: str  # "risk", or a scorer
    best: tuple  # the row of the model
    value: float
    equals: list  # rows of those that cannot be told apart from it
    worse: list  # rows of those that are worse beyond chance
    is_judged: bool  # whether there were draws to judge by

    def to_row(self):
        """Return a row of a table."""
        estimator, shift, way = self.best
        return {
            "shift": shift,
            "figure": self.figure,
            "estimator": estimator,
            "way": way,
            "value": self.value,
            "is_judged": self.is_judged,
            "not_told_apart": [name_row(row) for row in self.equals],
            "worse": [name_row(row) for row in self.worse],
        }


def name_row(row):
    """Return what a model is called in a sentence."""
    estimator, _, way = row
    return f"{estimator}, {way}"


def decide(rows, figure, confidence_level):
    """Return the decision by one figure for each shift.

    Parameters
    ----------
    rows : list of Pooled
        What came of each model.

    figure : str
        "risk", of which less is better, or the name of a score.

    confidence_level : float
        How often nothing better than those that remain is dropped.

    Returns
    -------
    decisions : list of Decision
        Without shifts under which no model has the figure.
    """
    by_shift = {}
    for pooled in rows:
        values = _losses(pooled, figure)
        if values is not None and np.isfinite(values[0]):
            by_shift.setdefault(pooled.row[1], []).append((pooled.row, values))
    return [
        _decide(shift, figure, found, confidence_level)
        for shift, found in by_shift.items()
    ]


def may_be_best(losses, confidence_level):
    """Return which models cannot be told to be worse than the one with least loss.

    A model is worse if its distance to the best is more standard errors than the
    largest that any two models reach by chance, in all but few draws.

    Parameters
    ----------
    losses : ndarray of shape (n_models, n_bootstrap + 1)
        First the value on the people as they are, then on draws of them.

    confidence_level : float
        The share of draws.

    Returns
    -------
    mask : ndarray of shape (n_models,)
        Of bool.
    """
    differences = losses[:, None] - losses[None]
    errors = np.abs(differences[..., 1:] - differences[..., :1])
    scale = np.sqrt(np.mean(errors**2, axis=-1))
    sizes = np.divide(
        errors, scale[..., None], out=np.zeros_like(errors), where=scale[..., None] > 0
    )
    limit = np.quantile(sizes.max(axis=(0, 1)), confidence_level)
    best = losses[:, 0].argmin()
    return differences[:, best, 0] <= limit * scale[:, best]


def _decide(shift, figure, found, confidence_level):
    rows, losses = [row for row, _ in found], np.array([each for _, each in found])
    drawn = losses[:, ~np.isnan(losses).any(axis=0)]
    best = int(losses[:, 0].argmin())
    is_judged = drawn.shape[1] > losses.shape[1] // 2 and drawn.shape[1] > 1
    mask = np.ones(len(rows), bool)
    if is_judged:
        mask = may_be_best(drawn, confidence_level)
    sign = 1 if figure == "risk" else -1
    return Decision(
        shift,
        figure,
        rows[best],
        sign * float(losses[best, 0]),
        [
            row
            for row, kept in zip(rows, mask, strict=True)
            if kept and row != rows[best]
        ],
        [row for row, kept in zip(rows, mask, strict=True) if not kept],
        is_judged,
    )


def _losses(pooled, figure):
    """Return what is to be small, None where there is no model."""
    if pooled.missing:
        return None
    if figure == "risk":
        return pooled.figures["risk", None]
    return -pooled.scores[figure]
