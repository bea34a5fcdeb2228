# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The figures of a study on its held-out people and on draws of them, split by split.

Splits count by the weight of those whom they hold out, so that figures of groups weigh
up to those of all.
"""

from typing import NamedTuple

import numpy as np

from skperf.inspection._study._draws import draw_ratios


class Pooled(NamedTuple):
    """What came of a row of the tables, over all splits."""

    row: tuple  # estimator, shift, way
    outcomes: list
    figures: dict  # (figure, group) to values on the people and on draws
    scores: dict  # the same by the names of scorers
    gaming: dict  # column to (cost, share), the same

    @property
    def missing(self):
        """Why there is no model, None if there is."""
        reasons = (outcome.missing for outcome in self.outcomes)
        return next((reason for reason in reasons if reason), None)

    @property
    def endings(self):
        """How retraining ended in each split."""
        return [outcome.ending for outcome in self.outcomes if outcome.ending]


def pool(outcomes, judging):
    """Return what came of each row.

    Parameters
    ----------
    outcomes : list of Outcome
        Of all tasks.

    judging : Judging
        How persons are drawn.

    Returns
    -------
    rows : list of Pooled
        In the order of the tasks.
    """
    by_row = {}
    for outcome in outcomes:
        by_row.setdefault(outcome.task.row, []).append(outcome)
    return [_pool_row(row, each, judging) for row, each in by_row.items()]


def _pool_row(row, outcomes, judging):
    if any(outcome.missing for outcome in outcomes):
        return Pooled(row, outcomes, {}, {}, {})
    draws = judging.n_bootstrap, judging.random_state
    sums = _add(outcome.sums for outcome in outcomes)
    figures = draw_ratios(sums, *draws)
    if not all(outcome.told for outcome in outcomes):
        for values in figures.values():
            values[1:] = np.nan  # nobody knows whom to draw
    scores = {
        name: np.average(
            [outcome.scores[name] for outcome in outcomes],
            axis=0,
            weights=[outcome.weight for outcome in outcomes],
        )
        for name in judging.scorers
    }
    return Pooled(row, outcomes, figures, scores, _pool_gaming(outcomes, sums, draws))


def _pool_gaming(outcomes, sums, draws):
    """Return what each column's move costs; 0 in splits where it has not moved."""
    weight = sums["risk", None][1]
    costs, shares = (
        {column: np.stack([total[0], weight]) for column, total in added.items()}
        for added in (_add(o.gaming[part] for o in outcomes) for part in range(2))
    )
    costs, shares = draw_ratios(costs, *draws), draw_ratios(shares, *draws)
    return {column: (costs[column], shares[column]) for column in costs}


def _add(parts):
    """Return sums over splits, by their keys."""
    total = {}
    for part in parts:
        for key, each in part.items():
            total[key] = total[key] + each if key in total else each
    return total
