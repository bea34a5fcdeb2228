# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What the tables of all periods have in common."""

from typing import NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from skperf.exceptions import SchemaError
from skperf.retraining._columns import Column, as_frame, cast_column, describe_column
from skperf.shift import Sample
from skperf.shift._sample import Table
from skperf.utils._arrays import to_numpy
from skperf.utils._by_rows import in_blocks
from skperf.utils._sklearn import _num_features


class Schema(NamedTuple):
    """The columns of the first period, to which later ones are held.

    Columns are told by name, in any order, if the table has names. Integers may stand
    where the first period had floats, and categories may be a part of the first ones.
    All else is refused.

    Parameters
    ----------
    columns : tuple of (name, kind, categories), or None
        What each column holds. Names are empty in an array or sparse matrix. None for
        tables of another kind, such as lists, which are left to the estimator.

    container : str
        The library of a data frame, "array", "sparse" or "list". Lists may stand for
        arrays.

    target : str
        What the labels are: "number", "text" or another kind.

    n_targets : int or None
        How many columns of them there are; None for one label a row.

    Examples
    --------
    >>> import numpy as np
    >>> from skperf.retraining import Schema
    >>> from skperf.shift import Sample
    >>> schema = Schema.of(Sample(np.ones((2, 3)), np.array([0, 1])))
    >>> schema.align(Sample(np.ones((4, 2)), np.array([0, 1, 0, 1])))
    Traceback (most recent call last):
        ...
    skperf.exceptions.SchemaError: X has 2 features, but retraining is expecting 3 ...
    """

    columns: tuple[Column, ...] | None
    container: str
    target: str
    n_targets: int | None

    @classmethod
    def of(cls, sample: Sample) -> "Schema":
        """Describe the tables of a sample.

        Parameters
        ----------
        sample : Sample
            The data of a first period.

        Returns
        -------
        schema : Schema
            What later periods must look like.
        """
        return cls(
            *_describe_features(sample.X), _label_kind(sample.y), _n_columns(sample.y)
        )

    def align(self, sample: Sample) -> Sample:
        """Bring the data of a period into this form.

        Parameters
        ----------
        sample : Sample
            The data of a later period; not changed in place.

        Returns
        -------
        sample : Sample
            The same data with the columns in order and of the expected types.

        Raises
        ------
        SchemaError
            If that cannot be done, with the differences and what to do.
        """
        target = _label_kind(sample.y)
        if target != self.target:
            raise SchemaError(
                f"y holds labels of kind {target!r}; expecting {self.target!r}, "
                "as in the first period. Labels are compared by value, and no text "
                f"equals a number. Convert y, for example by {_repair(self.target)}."
            )
        n_targets = _n_columns(sample.y)
        if n_targets != self.n_targets:
            raise SchemaError(
                f"y holds {_shape(n_targets)}; expecting {_shape(self.n_targets)}, as "
                "in the first period. np.ravel(y) makes labels of a column."
            )
        X = self.align_features(sample.X)
        return sample if X is sample.X else sample._replace(X=X)

    def align_features(self, X: Table) -> Table:
        """Bring features into this form, whose labels may not be known yet.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Features of a later period; not changed in place.

        Returns
        -------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The same with the columns in order and of the expected types.

        Raises
        ------
        SchemaError
            If that cannot be done, with the differences and what to do.
        """
        columns, container = _describe_features(X)
        found = self._replace(columns=columns, container=container)
        if found == self or {container, self.container} == {"array", "list"}:
            return X
        self._require_container(found)
        if self.container in ("array", "sparse"):
            return X
        return self._align_frame(X, columns or ())

    def _require_container(self, found: "Schema") -> None:
        if found.container != self.container:
            raise SchemaError(
                f"X is of kind {found.container!r}; expecting {self.container!r}, as "
                "in the first period. Convert X."
            )
        n_found, n_expected = len(found.columns or ()), len(self.columns or ())
        if self.container in ("array", "sparse") and n_found != n_expected:
            raise SchemaError(
                f"X has {n_found} features, but retraining is expecting {n_expected} "
                "features as input: those of the first period. Give the same columns "
                "in the same order, or data frames, whose columns are told by name."
            )

    def _align_frame(self, X: Table, found: tuple[Column, ...]) -> Table:
        names = [column.name for column in self.columns or ()]
        seen = {column.name: column for column in found}
        missing = [name for name in names if name not in seen]
        extra = [name for name in seen if name not in names]
        if missing or extra:
            repair = f"X = X[{names}]" if not missing else "add what is missing"
            raise SchemaError(
                f"The columns of X are not those of the first period: missing {missing}"
                f", not expected {extra}. Expecting {names}. To repair it: {repair}."
            )
        frame = as_frame(X)
        series = [
            cast_column(frame[column.name], seen[column.name], column)
            for column in self.columns or ()
        ]
        return frame.select(*series).to_native()


def _describe_features(X: Table) -> tuple[tuple[Column, ...] | None, str]:
    """Return what each column holds, and the kind of the table."""
    if nw.dependencies.is_into_dataframe(X):
        frame = as_frame(X)
        columns = tuple(describe_column(frame[name]) for name in frame.columns)
        return columns, frame.implementation.value
    if getattr(X, "ndim", None) != 2:
        return None, "list"
    container = "sparse" if sparse.issparse(X) else "array"
    return (Column("", "number", None),) * _num_features(X), container


def _n_columns(y: Table) -> int | None:
    """Return how many labels a row has, None where they are no table."""
    shape = getattr(y, "shape", None) or np.shape(np.asarray(y))
    return shape[1] if len(shape) == 2 else None


def _shape(n_targets: int | None) -> str:
    return "one label a row" if n_targets is None else f"{n_targets} columns of labels"


def _label_kind(y: Table) -> str:
    if in_blocks(y):
        y = np.empty(0, getattr(y, "dtype", None))
    values = to_numpy(y)
    if values.dtype.kind in "biuf":
        return "number"
    texts = values.dtype.kind in "UT" or all(isinstance(v, str) for v in values.flat)
    return "text" if texts else values.dtype.name


def _repair(target: str) -> str:
    return "y.astype(str)" if target == "text" else "y.astype(int)"
