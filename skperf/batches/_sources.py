# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Where batches are read from: arrays that are sliced, and files of Arrow."""

import numpy as np


class ArraySource:
    """An array, memory map or data set of HDF5: what gives rows by slices."""

    has_names = False

    def __init__(self, array):
        self.array = array

    def dtype_of(self, keys):
        """Return the type of some columns."""
        return self.array.dtype

    def read(self, keys, sizes, dtype):
        """Yield blocks of some columns; `keys` is None for an array without any."""
        whole = keys is None or keys == list(range(self.array.shape[1]))
        stop = 0
        for size in sizes:
            start, stop = stop, stop + size
            rows = self.array[start:stop]
            yield np.array(rows if whole else rows[:, keys])

    def __getstate__(self):
        array = self.array
        if isinstance(array, np.memmap):  # its content stays on disk
            array = (array.filename, array.dtype, array.shape, array.offset)
        return {"array": array}

    def __setstate__(self, state):
        array = state["array"]
        if isinstance(array, tuple):
            filename, dtype, shape, offset = array
            array = np.memmap(filename, dtype, "r", offset, shape)
        self.array = array


class ArrowSource:
    """A data set of pyarrow: Parquet or Arrow files, one or many."""

    has_names = True

    def __init__(self, dataset):
        self.dataset = dataset

    @classmethod
    def open(cls, path, kind):
        """Open files of a kind, or take a data set that is open."""
        try:
            from pyarrow import dataset, fs
        except ImportError as error:
            raise ImportError(
                "Files of Parquet and Arrow are read by pyarrow. Install it: "
                "pip install pyarrow."
            ) from error
        if isinstance(path, dataset.Dataset):
            return cls(path)
        paths = [str(p) for p in path] if isinstance(path, list) else str(path)
        mapped = fs.LocalFileSystem(use_mmap=True)
        return cls(dataset.dataset(paths, format=kind, filesystem=mapped))

    def dtype_of(self, keys):
        """Return the type in which columns are read."""
        names = [keys] if isinstance(keys, str) else keys
        return np.result_type(*(self._dtype(name) for name in names))

    def read(self, keys, sizes, dtype):
        """Yield blocks of some columns: a list of names, or the name of one."""
        names = [keys] if isinstance(keys, str) else keys
        tables = self.dataset.to_batches(
            columns=names,
            batch_size=max(sizes),
            batch_readahead=1,
            fragment_readahead=1,
            use_threads=False,
        )
        for block in _in_pieces(tables, sizes, len(names), dtype):
            yield block[:, 0] if isinstance(keys, str) else block

    def _dtype(self, name):
        kind = self.dataset.schema.field(name).type
        try:
            return np.dtype(kind.to_pandas_dtype())
        except NotImplementedError:  # text that is coded
            return np.dtype(object)


def _in_pieces(tables, sizes, n_columns, dtype):
    """Yield arrays with the rows of tables, whatever rows these have."""
    sizes = iter(sizes)
    block, filled = np.empty((next(sizes), n_columns), dtype), 0
    for table in tables:
        start = 0
        while start < len(table):
            n_rows = min(len(table) - start, len(block) - filled)
            _fill(block[filled : filled + n_rows], table.slice(start, n_rows))
            start, filled = start + n_rows, filled + n_rows
            if filled == len(block):
                yield block
                block, filled = np.empty((next(sizes, 0), n_columns), dtype), 0


def _fill(block, table):
    for place, column in enumerate(table.columns):
        if column.null_count and block.dtype.kind not in "fO":
            raise ValueError(
                f"The column {table.schema.names[place]!r} has missing values and is "
                f"read as {block.dtype}, which has none. Fill them, or write the "
                "column as floats."
            )
        block[:, place] = column.to_numpy(zero_copy_only=False)
