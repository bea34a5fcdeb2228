# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A table on disk that is handed around as X or y and read a batch at a time."""

from numbers import Integral

from skperf.batches._sources import ArraySource, ArrowSource
from skperf.utils._blocks import BlockTable
from skperf.utils._by_rows import gather_in_order

_BATCH_SIZE = 16_384  # rows: 1 MB for 20 columns of float32


class Batches(BlockTable):
    """A table that is larger than memory, read in batches of rows.

    It stands for `X`, and one of its columns for `y`, in the minimizers, in shifts and
    in the estimators of this module. It has a shape and a type and holds no rows: each
    pass reads the files again. They must not change meanwhile.

    Make one by :meth:`from_parquet`, :meth:`from_arrow` or :meth:`from_array`.

    Parameters
    ----------
    source : object
        What reads the columns.

    keys : list or hashable
        The columns in the source; one alone for a single column.

    sizes : tuple of int
        The number of rows in each batch.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns; rows only for a single column.

    ndim : int
        2, or 1 for a single column.

    dtype : dtype
        The type in which all columns are read.

    columns : list of str
        Names, if the table has any.

    See Also
    --------
    IncrementalEstimator : Trains by ``partial_fit``, batch by batch.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.batches import Batches
    >>> table = Batches.from_array(np.arange(12.0).reshape(6, 2), batch_size=4)
    >>> X, y = table[[0]], table[1]
    >>> X.shape, y.shape, [len(batch) for batch in X.blocks()]
    ((6, 1), (6,), [4, 2])
    >>> y.take([5, 0])
    array([11.,  1.])
    """

    def __init__(self, source, keys, sizes):
        n_columns = len(keys) if isinstance(keys, list) else None
        super().__init__(sizes, n_columns, source.dtype_of(keys))
        self._source = source
        self._keys = keys  # of columns in the source

    @classmethod
    def from_parquet(cls, path, *, columns=None, batch_size=_BATCH_SIZE):
        """Read Parquet files.

        Parameters
        ----------
        path : str, path-like, list of them, or pyarrow.dataset.Dataset
            A file, a folder of files, or several.

        columns : list of str, default=None
            The columns to read. None means all.

        batch_size : int, default=16384
            Rows in memory at a time.

        Returns
        -------
        batches : Batches
            The table.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        return cls._from_files(path, "parquet", columns, batch_size)

    @classmethod
    def from_arrow(cls, path, *, columns=None, batch_size=_BATCH_SIZE):
        """Read Arrow IPC files, also known as Feather, mapped into memory.

        Parameters
        ----------
        path, columns, batch_size
            As in :meth:`from_parquet`.

        Returns
        -------
        batches : Batches
            The table.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        """
        return cls._from_files(path, "ipc", columns, batch_size)

    @classmethod
    def from_array(cls, array, *, batch_size=_BATCH_SIZE):
        """Read an array that lies elsewhere, such as a memory map of NumPy.

        Parameters
        ----------
        array : array-like of shape (n_samples, n_features) or (n_samples,)
            A ``numpy.memmap``, or what else gives rows by slices.

        batch_size : int, default=16384
            Rows in memory at a time.

        Returns
        -------
        batches : Batches
            The table.
        """
        keys = list(range(array.shape[1])) if len(array.shape) == 2 else None
        return cls(ArraySource(array), keys, cut_rows(array.shape[0], batch_size))

    @classmethod
    def _from_files(cls, path, kind, columns, batch_size):
        source = ArrowSource.open(path, kind)
        keys = list(columns or source.dataset.schema.names)
        return cls(source, keys, cut_rows(source.dataset.count_rows(), batch_size))

    @property
    def columns(self):
        """Names of the columns, if they have any."""
        if self._source.has_names and self.ndim == 2:
            return list(self._keys)
        raise AttributeError("columns")

    def blocks(self):
        """Read the batches, one after the other.

        Returns
        -------
        batches : iterator of ndarray of shape (n_rows, n_features) or (n_rows,)
            Rows in memory, to be changed as you like.
        """
        return self._source.read(self._keys, self.sizes, self.dtype)

    def __getitem__(self, columns):
        """Return one column, or a table of several, read from the same files.

        Parameters
        ----------
        columns : str, int, or list of them
            Names, or positions where there are none.

        Returns
        -------
        batches : Batches
            One column has one dimension, a list of them two.
        """
        keys = [self._keys[place] for place in self._places(columns)]
        single = isinstance(columns, str | Integral)
        return Batches(self._source, keys[0] if single else keys, self.sizes)

    def drop(self, columns):
        """Return the table without some columns.

        Parameters
        ----------
        columns : str, int, or list of them
            Names, or positions where there are none.

        Returns
        -------
        batches : Batches
            Read from the same files.
        """
        out = self._places(columns)
        keys = [key for place, key in enumerate(self._keys) if place not in out]
        return Batches(self._source, keys, self.sizes)

    def take(self, rows):
        """Load some rows.

        Parameters
        ----------
        rows : array-like of int
            Their numbers, from 0 on.

        Returns
        -------
        array : ndarray of shape (len(rows), n_features) or (len(rows),)
            The rows in this order, found in one pass over the table.
        """
        return gather_in_order(self, rows)

    def _places(self, columns):
        if self.ndim == 1:
            raise TypeError("A single column has no columns; take(rows) gives rows.")
        names = [columns] if isinstance(columns, str | Integral) else list(columns)
        known = getattr(self, "columns", list(range(len(self._keys))))
        missing = [name for name in names if name not in known]
        if missing:
            raise KeyError(f"{missing} are not among the columns, which are {known}.")
        return [known.index(name) for name in names]


def cut_rows(n_samples, batch_size):
    """Return the numbers of rows of the batches."""
    if not n_samples:
        raise ValueError("The table has no rows.")
    starts = range(0, n_samples, batch_size)
    return [min(batch_size, n_samples - start) for start in starts]
