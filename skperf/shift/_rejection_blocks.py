# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Rejected people are replaced in tables that are not in memory as a whole.

Donors come from a pool of rows from everywhere in the table, since those of one's own
block are others where the table is sorted. A small table is its own pool, and gets the
donors that it would get in memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from skperf.shift._dice import Dice
from skperf.shift._random_world import RandomWorld
from skperf.shift._rejection import copy_weights, rejection_probability
from skperf.shift._sample import Floats, Rows, Sample, Table, keep_labels, new_key
from skperf.shift._world import FixedWorld, World
from skperf.utils._by_rows import (
    derive_rows,
    gather_rows,
    invert_sum,
    keep_rows,
    map_rows,
    number_of_each,
)
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import copy_columns

_N_POOLED = 100_000  # rows


class Pool(NamedTuple):
    """Rows that donate."""

    rows: Rows  # their numbers in the table
    X: NDArray
    y: NDArray
    total: Floats | None  # running sums of their weights, if these count here

    @classmethod
    def of(cls, base: Sample, rng: np.random.RandomState) -> Self:
        """Return all rows of a small table, and some of a large one.

        These are drawn in proportion to the weights, and equal among each other.
        """
        n_samples, weights = _num_samples(base.X), base.sample_weight
        total = None
        if n_samples <= _N_POOLED:
            rows = np.arange(n_samples)
            total = None if weights is None else np.cumsum(np.asarray(weights))
        elif weights is None:
            seed = rng.randint(np.iinfo(np.int32).max)
            rows = np.sort(
                np.random.default_rng(seed).choice(
                    n_samples, _N_POOLED, replace=False, shuffle=False
                )
            )
        else:
            rows = invert_sum(np.sort(rng.uniform(size=_N_POOLED)), weights)
        X, y = gather_rows(rows, base.X, base.y)
        return cls(rows, X, y, total)


class Throws(NamedTuple):
    """Some numbers in [0, 1) for each row of a table."""

    dice: Dice
    n_streams: int
    known: Floats | None = None  # those of a small table: (n_streams, n_samples)

    def __call__(self, numbers: Rows) -> Floats:
        """Return the numbers of some consecutive rows, of shape (n_streams, n_rows)."""
        if self.known is not None:
            return self.known[:, numbers]
        streams = range(self.n_streams)
        start = int(numbers[0])
        return np.stack(
            [self.dice.uniform(len(numbers), start=start, stream=s) for s in streams]
        )


def bind_copies(
    delta: float,
    base: Sample,
    columns: Rows,
    n_donors: int,
    rng: np.random.RandomState,
) -> World:
    """Return the world of expectations over fixed donors."""
    throws = _throw(rng, n_donors, _num_samples(base.X))
    pool = Pool.of(base, rng)
    numbers = number_of_each(base.X)
    shared = {"throws": throws, "pool": pool, "columns": columns}
    factor = n_donors + 1
    X = derive_rows(_with_copies, base.X, numbers, like=base.X, factor=factor, **shared)
    y = derive_rows(partial(_repeat, factor), base.y, like=base.y, factor=factor)
    groups = keep_rows(partial(_repeat, factor), numbers, factor=factor)
    support = keep_labels(Sample(X, y, groups=groups), base)
    support = support._replace(support=new_key("copies"))
    return FixedWorld(base, _Copies(delta, base, numbers, n_donors, support))


def bind_outcomes(
    delta: float, base: Sample, columns: Rows | None, rng: np.random.RandomState
) -> World:
    """Return the world of one outcome a row, by the same numbers in every round."""
    throws = _throw(rng, 2, _num_samples(base.X))
    flip = _Outcomes(delta, base, columns, Pool.of(base, rng), number_of_each(base.X))
    return FixedWorld(base, partial(flip, throws))


def bind_draws(
    delta: float,
    base: Sample,
    columns: Rows | None,
    dice: Dice,
    rng: np.random.RandomState,
) -> World:
    """Return the world of outcomes that are drawn anew in every round."""
    flip = _Outcomes(delta, base, columns, Pool.of(base, rng), number_of_each(base.X))
    return RandomWorld(base, lambda y_pred, dice: flip(Throws(dice, 2), y_pred), dice)


def _throw(rng: np.random.RandomState, n_streams: int, n_samples: int) -> Throws:
    """Return fixed numbers; a small table gets those that it gets in memory."""
    if n_samples <= _N_POOLED:
        known = rng.uniform(size=(n_streams, n_samples))
        return Throws(Dice(0), n_streams, known)
    return Throws(Dice.from_random_state(rng), n_streams)


@dataclass(frozen=True, eq=False)
class _Copies:
    """The weights of rows and of their copies, which follow them block by block."""

    delta: float
    base: Sample
    numbers: Rows
    n_donors: int
    support: Sample

    def __call__(self, y_pred: Floats) -> Sample:
        g = rejection_probability(self.delta, y_pred)
        weigh = partial(_copy_weights, self.n_donors)
        factor = self.n_donors + 1
        weights = map_rows(
            weigh, g, self.base.sample_weight, self.numbers, factor=factor
        )
        return self.support._replace(sample_weight=weights)


@dataclass(frozen=True, eq=False)
class _Outcomes:
    """What becomes of each row, by one number that decides and one that chooses."""

    delta: float
    base: Sample
    columns: Rows | None
    pool: Pool
    numbers: Rows

    def __call__(self, throws: Throws, y_pred: Floats) -> Sample:
        g = rejection_probability(self.delta, y_pred)
        derive = partial(self._derive, g, {"throws": throws, "pool": self.pool})
        X, y, weights, *_ = self.base
        if self.columns is not None:
            X = derive(partial(_replace_columns, self.columns), X)
            return keep_labels(Sample(X, y, weights, groups=self.numbers), self.base)
        moved = (
            derive(partial(_replace_rows, "X"), X),
            derive(partial(_replace_rows, "y"), y),
        )
        persons = partial(_replace_rows, "rows")
        groups = keep_rows(
            persons, self.numbers, g, self.numbers, throws=throws, pool=self.pool
        )
        return keep_labels(Sample(*moved, weights, groups=groups), self.base)

    def _derive(
        self,
        g: Floats,
        shared: dict[str, Throws | Pool],
        func: Callable,
        table: Table,
    ) -> Table:
        return derive_rows(func, table, g, self.numbers, like=table, **shared)


def _copy_weights(
    n_donors: int, g: Floats, weights: Floats | None, numbers: Rows
) -> Floats:
    return copy_weights(g, weights, n_donors)


def _repeat(factor: int, rows: NDArray) -> NDArray:
    return np.concatenate([rows] * factor)


def _with_copies(
    X: NDArray, numbers: Rows, *, throws: Throws, pool: Pool, columns: Rows
) -> NDArray:
    """Return rows, followed by their copies with the columns of donors."""
    donors = _choose(throws(numbers), pool).ravel()
    rows = _repeat(throws.n_streams + 1, X)
    copy_columns(pool.X, columns, donors, rows[len(X) :])
    return rows


def _replace_columns(
    columns: Rows, X: NDArray, g: Floats, numbers: Rows, *, throws: Throws, pool: Pool
) -> NDArray:
    """Return rows of which the rejected have the columns of a donor."""
    rejected, donors = _fate(g, numbers, throws, pool)
    rows = X.copy()
    for column in columns:
        rows[rejected, column] = pool.X[donors, column]
    return rows


def _replace_rows(
    name: str, rows: NDArray, g: Floats, numbers: Rows, *, throws: Throws, pool: Pool
) -> NDArray:
    """Return rows of which the rejected are their donor, or its target or number."""
    rejected, donors = _fate(g, numbers, throws, pool)
    rows = rows.copy()
    rows[rejected] = getattr(pool, name)[donors]
    return rows


def _fate(g: Floats, numbers: Rows, throws: Throws, pool: Pool) -> tuple[Rows, Rows]:
    """Return which rows are rejected, and the place in the pool of their donors."""
    chances, uniforms = throws(numbers)
    rejected = np.flatnonzero(chances < g)
    return rejected, _choose(uniforms, pool)[rejected]


def _choose(uniforms: Floats, pool: Pool) -> Rows:
    if pool.total is None:
        return (uniforms * len(pool.rows)).astype(np.intp)
    return np.searchsorted(pool.total, uniforms * pool.total[-1], side="right")
