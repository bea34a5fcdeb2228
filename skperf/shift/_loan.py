# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables that are lent to the author of a shift, who must not write on them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from skperf.shift._sample import Floats, Sample, Table
from skperf.utils._tables import equal_tables, own_copy

T = TypeVar("T")


class Loan(Generic[T]):
    """A table that belongs to somebody else, and what an author is shown of it.

    Of an array it is a read-only view, of other tables a copy.
    """

    def __init__(self, table: T) -> None:
        self.table = table
        self.shown = show(table)

    def take_back(self, returned: T) -> T:
        """Return what an author gave back; the very table where it is unchanged."""
        if returned is self.table or self.shown is self.table:
            return returned
        if returned is self.shown and self._is_unchanged():
            return self.table
        if isinstance(returned, np.ndarray) and isinstance(self.table, np.ndarray):
            return cast(T, _writable_again(returned, self.table))
        return returned

    def _is_unchanged(self) -> bool:
        is_array = isinstance(self.table, np.ndarray)
        return is_array or equal_tables(self.shown, self.table)


class Lent:
    """A population and predictions that are lent together."""

    def __init__(self, base: Sample, y_pred: Floats) -> None:
        self.X, self.y = Loan(base.X), Loan(base.y)
        self.sample_weight = Loan(base.sample_weight)
        self.y_pred = Loan(y_pred)

    def take_back(self, returned: object) -> object:
        """Return what an author gave back, a sample or a list of them, if it is one."""
        if isinstance(returned, list):
            return [self.take_back(sample) for sample in returned]
        if not isinstance(returned, tuple):
            return returned
        if not 2 <= len(returned) <= len(Sample._fields):
            return returned
        sample = Sample(*returned)
        weights = self.sample_weight.take_back(sample.sample_weight)
        y = Loan[Table](self.y_pred.table).take_back(self.y.take_back(sample.y))
        return sample._replace(X=self.X.take_back(sample.X), y=y, sample_weight=weights)


def show(table: T) -> T:
    """Return what may be shown of a table without danger for it."""
    if isinstance(table, np.ndarray):
        return cast(T, _read_only(table))
    return table if table is None else cast(T, own_copy(table))


@contextmanager
def told_to_copy(author: str) -> Iterator[None]:
    """Add what to do to the error of an author who writes on what was lent."""
    try:
        yield
    except ValueError as error:
        if "read-only" in str(error):
            error.add_note(
                f"{author} changed in place what it was given, which belongs to the "
                "caller and to other rounds. Copy it first: X = X.copy(), or y = "
                "y.copy()."
            )
        raise


def _read_only(array: NDArray) -> NDArray:
    if not array.flags.writeable:
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _writable_again(returned: NDArray, lent: NDArray) -> NDArray:
    """Return rows of a read-only view as rows of the table, which may be written on.

    Some estimators refuse arrays that they could not write on.
    """
    if returned.flags.writeable or not lent.flags.writeable:
        return returned
    if not np.may_share_memory(returned, lent):
        return returned
    view = returned.view()
    try:
        view.flags.writeable = True
    except ValueError:  # a view of something that is read-only itself
        return returned
    return view
