# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The tables of a study, as DataFrames."""

import numpy as np

from skperf.inspection._gaming import gaming_row
from skperf.inspection._origin import column_names
from skperf.metrics._figures import interval
from skperf.utils._sklearn import check_pandas_support

ROW = ("estimator", "shift", "way")
#: Endings after which more rounds gain nothing.
SETTLED = ("converged", "stationary", "settled in risk")


class Tables:
    """Makes the tables of what came of a study.

    Parameters
    ----------
    plan : Plan
        What was to be done.

    rows : list of Pooled
        What came of it.

    confidence_level : float
        Of the intervals.
    """

    def __init__(self, plan, rows, confidence_level):
        self.plan = plan
        self.rows = rows
        self.confidence_level = confidence_level
        self.by_row = {pooled.row: pooled for pooled in rows}

    def results(self):
        """Return a row for each model."""
        return _frame([self._result(pooled) for pooled in self.rows])

    def by_group(self):
        """Return a row for each model and group."""
        sizes = self._sizes()
        return _frame(
            [
                self._group(pooled, group, size)
                for pooled in self.rows
                for group, size in sizes.items()
                if ("risk", group) in pooled.figures
            ]
        )

    def gaming(self):
        """Return a row for each model and column that moves, the costliest first."""
        names = column_names(self.plan.columns)
        rows = [
            {
                **_named(pooled.row),
                **gaming_row(names[column], cost, share, self.confidence_level),
            }
            for pooled in self.rows
            for column, (cost, share) in sorted(
                pooled.gaming.items(), key=lambda item: -item[1][0][0]
            )
        ]
        return _frame(rows)

    def history(self):
        """Return a row for each round of each run."""
        rows = [
            {
                **_named(pooled.row),
                "split": outcome.task.split,
                "round": number + 1,
                **{name: each[number] for name, each in outcome.ending.history.items()},
            }
            for pooled in self.rows
            for outcome in pooled.outcomes
            if outcome.ending
            for number in range(len(outcome.ending.history["n_fits"]))
        ]
        return _frame(rows)

    def _reference(self, pooled):
        """Return the row that a row is compared with."""
        estimator, shift, _ = pooled.row
        return self.by_row[estimator, shift, self.plan.ways[0]]

    def _ends(self, name, drawn):
        value, low, high = interval(drawn, self.confidence_level)
        return {name: value, f"{name}_low": low, f"{name}_high": high}

    def _result(self, pooled):
        row = _named(pooled.row)
        if pooled.missing:
            return {**row, **_NO_ENDING, "missing": pooled.missing}
        reference = self._reference(pooled)
        found = {
            **row,
            **self._ends("risk", pooled.figures["risk", None]),
            "risk_nobody_reacts": pooled.figures["unmoved", None][0],
            **self._change(pooled, None),
            **self._difference("difference", pooled, ("risk", None)),
        }
        for name, drawn in pooled.scores.items():
            other = reference.scores.get(name)
            found |= self._ends(name, drawn)
            found |= self._compared(f"{name}_difference", pooled, drawn, other)
        times = [outcome.fit_time for outcome in pooled.outcomes]
        ending = ending_columns(pooled.endings)
        return {**found, **ending, "fit_time": np.mean(times), "missing": None}

    def _change(self, pooled, group):
        """Return what the reaction adds to the risk."""
        figures = pooled.figures
        change = figures["risk", group] - figures["unmoved", group]
        return self._ends("risk_change", change)

    def _difference(self, name, pooled, key):
        """Return a figure less that of the reference."""
        other = self._reference(pooled).figures.get(key)
        return self._compared(name, pooled, pooled.figures[key], other)

    def _compared(self, name, pooled, drawn, other):
        """Return a difference, of NaN for the reference itself or where it is not."""
        if other is None or pooled is self._reference(pooled):
            return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
        return self._ends(name, drawn - other)

    def _group(self, pooled, group, n_people):
        figures = {name: pooled.figures.get((name, group)) for name in _FIGURES}
        rejection = figures["rejection"]
        return {
            **_named(pooled.row),
            "group": group,
            "n_people": n_people,
            "share": self._share(pooled, group),
            **self._ends("risk", figures["risk"]),
            "risk_nobody_reacts": figures["unmoved"][0],
            **self._change(pooled, group),
            **self._difference("difference", pooled, ("risk", group)),
            "prediction": figures["prediction"][0],
            "prediction_nobody_reacts": figures["prediction_before"][0],
            "rejection_rate": np.nan if rejection is None else rejection[0],
        }

    def _share(self, pooled, group):
        """Return the weight of a group in what is seen."""
        weights = [
            sum(outcome.sums["risk", each][1].sum() for outcome in pooled.outcomes)
            for each in (group, None)
        ]
        return weights[0] / weights[1]

    def _sizes(self):
        """Return how many persons of each group are held out."""
        held_out = [split.held_out for split in self.plan.splits]
        return {
            group: len(
                np.unique(
                    np.concatenate([h.persons[h.groups[group]] for h in held_out])
                )
            )
            for group in held_out[0].groups
        }


_FIGURES = ("risk", "unmoved", "prediction", "prediction_before", "rejection")


def _named(row):
    return dict(zip(ROW, row, strict=True))


def ending_columns(endings):
    """Return the columns that say how retraining ended, the worst of all splits.

    Parameters
    ----------
    endings : list of Ending
        Of each split; none where nothing was retrained.

    Returns
    -------
    columns : dict
        By the names of columns.
    """
    if not endings:
        return {**_NO_ENDING, "diagnosis": "not retrained"}
    words = dict.fromkeys(ending.diagnosis for ending in endings)
    settled = [ending.settled for ending in endings]
    in_risk = all(settled)
    return {
        "settled": all(word in SETTLED for word in words),
        "diagnosis": ", ".join(words),
        "rounds": max(ending.n_iter for ending in endings),
        "residual": max(ending.residual for ending in endings),
        "settled_round": max(s["round"] for s in settled) if in_risk else np.nan,
        "settled_risk": np.mean([s["risk"] for s in settled]) if in_risk else np.nan,
    }


_NO_ENDING = {
    "settled": None,
    "diagnosis": None,
    "rounds": np.nan,
    "residual": np.nan,
    "settled_round": np.nan,
    "settled_risk": np.nan,
}


def _frame(rows):
    return check_pandas_support("RetrainingStudy").DataFrame(rows)
