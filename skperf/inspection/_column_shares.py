# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A column of people before and after they react, as shares that can be compared."""

from typing import NamedTuple

import numpy as np

_DAY = 86_400e9  # nanoseconds
_MOST_LEVELS = 8
_MOST_BINS = 30
_TAIL = 0.005  # the outermost share at each end, which the last bins take in


class ColumnShares(NamedTuple):
    """Shares of people by the value of one column.

    `places` are the edges of bins, of times in days since 1970, or the names of levels;
    `missing` are the shares of people whose value is missing, before and after.
    """

    kind: str  # "numbers", "times" or "levels"
    places: np.ndarray | list
    before: np.ndarray
    after: np.ndarray
    missing: tuple[float, float]

    @property
    def moved(self):
        """The total variation: at least this share of people has another value."""
        apart = np.abs(self.before - self.after).sum()
        return (apart + abs(self.missing[0] - self.missing[1])) / 2

    @classmethod
    def of(cls, before, after, weights):
        """Count two columns of pandas, each by its weights."""
        import pandas as pd

        shares = [w / w.sum() for w in weights]
        known = [column.notna().to_numpy() for column in (before, after)]
        missing = tuple(w[~k].sum() for w, k in zip(shares, known, strict=True))
        columns = [before[known[0]], after[known[1]]]
        shares = [w[k] for w, k in zip(shares, known, strict=True)]
        kind, values = _find_kind(columns)
        if kind == "levels":
            return cls(kind, *_count_levels(pd, columns, shares), missing)
        edges = _edges(np.concatenate(values))
        counted = [
            np.histogram(np.clip(v, edges[0], edges[-1]), edges, weights=w)[0]
            for v, w in zip(values, shares, strict=True)
        ]
        return cls(kind, edges, *counted, missing)


def _find_kind(columns):
    """Return how two columns are best told, and their values as floats."""
    kinds = {column.dtype.kind for column in columns}
    if kinds == {"M"}:
        days = [c.to_numpy("datetime64[ns]").astype("int64") / _DAY for c in columns]
        return "times", days
    if not kinds <= set("iuf"):
        return "levels", None
    values = [column.to_numpy(dtype=float) for column in columns]
    many = len(np.unique(np.concatenate(values))) > _MOST_LEVELS
    return "numbers" if many else "levels", values


def _edges(values):
    """Return the edges of bins, between which nearly all values lie."""
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    if low == high:
        low, high = values.min(), values.max()
    return np.linspace(low, high, _MOST_BINS + 1)


def _count_levels(pd, columns, shares):
    """Return names of the most frequent levels, and the shares of people in each."""
    levels = [column.astype(object).to_numpy() for column in columns]
    counted = [
        pd.Series(share).groupby(level).sum()
        for level, share in zip(levels, shares, strict=True)
    ]
    table = pd.concat(counted, axis=1).fillna(0.0)
    order = np.argsort(-table.sum(axis=1).to_numpy(), kind="stable")
    shown, rest = table.iloc[order[:_MOST_LEVELS]], table.iloc[order[_MOST_LEVELS:]]
    if pd.api.types.is_numeric_dtype(shown.index):
        shown = shown.sort_index()
    names, told = [str(name) for name in shown.index], shown.to_numpy()
    if len(rest):
        names = [*names, "other"]
        told = np.vstack([told, rest.sum().to_numpy()])
    return names, *told.T
