# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where the rows of an induced sample come from, and which columns have moved."""

import numpy as np

from skperf.utils._rows import number_rows
from skperf.utils._sklearn import _num_samples, _safe_indexing
from skperf.utils._tables import concatenate, equal_tables, replace_columns, take_rows


def origin_of(sample, base):
    """Return the base row of each row of a sample, None if the shift does not tell.

    Parameters
    ----------
    sample : Sample
        What is seen under a model, by a population whose groups are its row numbers.

    base : Sample
        The population.

    Returns
    -------
    rows : ndarray of shape (n_seen,) or None
        Row numbers. Where nothing is told and X or y are those of the population, rows
        are where they were.
    """
    if sample.groups is not None:
        return np.asarray(sample.groups)
    n_samples = _num_samples(base.X)
    if _num_samples(sample.X) != n_samples:
        return None
    stayed = sample.X is base.X or sample.y is base.y
    if stayed or equal_tables(sample.X, base.X) or equal_tables(sample.y, base.y):
        return np.arange(n_samples)
    return None


class Moves:
    """Columns of a sample that are not what they were, and what they were.

    Parameters
    ----------
    sample, base : Sample
        What is seen, and the population before.

    rows : ndarray of shape (n_seen,)
        The base row of each row of the sample.
    """

    def __init__(self, sample, base, rows):
        self._both = None
        self._n_base = _num_samples(base.X)
        self._rows = rows
        self.moved = {}
        if sample.X is not base.X:
            self._both = concatenate([base.X, sample.X])
            self.moved = dict(self._find())

    def _find(self):
        """Yield the position of each column that moved, and which rows did."""
        for column in range(self._both.shape[1]):
            values = _safe_indexing(self._both, [column], axis=1)
            numbers, _ = number_rows(values)
            moved = numbers[self._n_base :] != numbers[self._rows]
            if moved.any():
                yield column, moved

    def put_back(self, column):
        """Return the sample's X with one column as it was before the reaction."""
        n_rows = _num_samples(self._both)
        donors = np.arange(n_rows)
        donors[self._n_base :] = self._rows
        back = replace_columns(self._both, [column], np.arange(n_rows), donors)
        return take_rows(back, np.arange(self._n_base, n_rows))


def column_names(X):
    """Return the names of columns, positions as text where there are none."""
    names = getattr(X, "columns", range(X.shape[1]))
    return [str(name) for name in names]
