# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Samples as Arrow tables, and back to the last bit.

Besides the features a table has columns of its own: what is predicted (`skperf_y`,
`skperf_y0`, ...), the weight, the person as text, the prediction that people met, and
the number of the row, which it keeps when others are forgotten.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from skperf.exceptions import SchemaError
from skperf.retraining._disk import _engine
from skperf.retraining._disk._frames import (
    FrameLayout,
    features_from_arrow,
    features_to_arrow,
)
from skperf.retraining._disk._log import DeltaLog, Record
from skperf.retraining._disk._parquet import describe, layout_of
from skperf.shift import Sample
from skperf.shift._sample import Floats, Table
from skperf.utils._sklearn import _num_samples

if TYPE_CHECKING:
    import pyarrow as pa

TARGET, WEIGHT, PERSON = "skperf_y", "skperf_weight", "skperf_person"
Y_PRED, ROW = "skperf_y_pred", "skperf_row"


class Layout(TypedDict):
    """How a table is made a sample again."""

    features: FrameLayout | None
    target: str | None  # the type of y
    n_targets: int | None  # None: y has no columns
    persons: str | None


class Rows(NamedTuple):
    """Rows of people, of which some things may be unknown."""

    X: Table = None
    y: Table = None
    sample_weight: Floats | None = None
    groups: NDArray | None = None
    y_pred: Floats | None = None
    numbers: NDArray[np.int64] | None = None  # None: from 0 on

    @property
    def known_numbers(self) -> NDArray[np.int64]:
        """The numbers of rows that were read."""
        return np.asarray(self.numbers)

    @property
    def persons(self) -> list[Hashable]:
        """Whose the rows are."""
        return np.asarray(self.groups).tolist()

    @property
    def sample(self) -> Sample:
        """What a model is trained on."""
        return Sample(self.X, self.y, self.sample_weight, self.groups)


def append_rows(
    log: DeltaLog, period: Hashable, rows: Rows, record: Record
) -> DeltaLog:
    """Commit the rows of a period; return the log that has them."""
    return log.commit([(period, to_table(log, rows))], record)


def to_table(log: DeltaLog, rows: Rows) -> "pa.Table":
    """Return rows as an Arrow table with the columns that the log's table has."""
    table = to_arrow(rows)
    return fit_into(table, log.schema) if log.commits else table


def to_arrow(rows: Rows) -> "pa.Table":
    """Return rows as an Arrow table with a description of itself."""
    arrow = _engine.arrow()
    n_rows = _num_samples(rows.groups if rows.X is None else rows.X)
    own = arrow.table(_own_columns(rows, n_rows))
    if rows.X is None:
        return describe(own, _layout(rows, None))
    table, features = features_to_arrow(rows.X)
    for name in own.column_names:
        table = table.append_column(name, own[name])
    return describe(table, _layout(rows, features))


def from_arrow(table: "pa.Table") -> Rows:
    """Return the rows that :func:`to_arrow` was given, or some columns of them."""
    layout = layout_of(table)
    known = set(table.column_names)
    features = layout["features"]
    X = y = None
    if features is not None:
        kinds = {n: kind for n, kind in features["columns"].items() if n in known}
        left = FrameLayout(container=features["container"], columns=kinds)
        X = features_from_arrow(table, left) if kinds else None
    targets = _target_names(layout["n_targets"])
    if layout["target"] is not None and known.issuperset(targets):
        y = _targets(table, layout)

    def column(name: str) -> NDArray | None:
        return table[name].to_numpy() if name in known else None

    weights = column(WEIGHT)
    if weights is not None and np.isnan(weights).all():
        weights = None
    persons = column(PERSON)
    if persons is not None:
        kind = layout["persons"]
        persons = None if kind is None else persons.astype(kind)
    return Rows(X, y, weights, persons, column(Y_PRED), column(ROW))


def fit_into(table: "pa.Table", schema: "pa.Schema") -> "pa.Table":
    """Return an Arrow table with the columns that the first one of its kind had.

    Raises
    ------
    SchemaError
        If that would lose something, with the difference.
    """
    names, expected = table.column_names, schema.names
    if set(names) != set(expected):
        missing = [name for name in expected if name not in names]
        extra = [name for name in names if name not in expected]
        raise SchemaError(
            f"The columns are not those that the store holds: missing {missing}, not "
            f"expected {extra}."
        )
    table = table.select(expected)
    arrow = _engine.arrow()
    columns = []
    for column, field in zip(table.columns, schema, strict=True):
        try:
            columns.append(column.cast(field.type))
        except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError) as error:
            raise SchemaError(
                f"Column {field.name!r} holds {column.type} values that are no "
                f"{field.type}, as the store holds them since its first period "
                f"({error}). Convert the column."
            ) from error
    kinds = arrow.schema(list(schema), metadata=table.schema.metadata)
    return arrow.Table.from_arrays(columns, schema=kinds)


def keep_rows(table: "pa.Table", kept: Sequence[bool]) -> "pa.Table":
    """Return some rows of an Arrow table, with its description."""
    return table.filter(_engine.arrow().array(kept))


def _own_columns(rows: Rows, n_rows: int) -> Mapping[str, object]:
    """Return the columns besides the features."""
    arrow = _engine.arrow()
    numbers = np.arange(n_rows) if rows.numbers is None else rows.numbers
    own = {ROW: arrow.array(numbers, arrow.int64())}
    own[PERSON] = arrow.array(_as_text(rows.groups, n_rows), arrow.string())
    if rows.y is not None:
        own |= _target_columns(rows.y)
    if rows.X is not None and rows.y_pred is None:
        known = rows.sample_weight is not None
        weights = np.asarray(rows.sample_weight, float) if known else [None] * n_rows
        own[WEIGHT] = arrow.array(weights, arrow.float64())
    if rows.y_pred is not None:
        own[Y_PRED] = arrow.array(np.asarray(rows.y_pred, float))
    return own


def _layout(rows: Rows, features: FrameLayout | None) -> Layout:
    groups = None if rows.groups is None else np.asarray(rows.groups)
    y = None if rows.y is None else np.asarray(rows.y)
    return Layout(
        features=features,
        target=None if y is None else ("O" if y.dtype.kind == "O" else y.dtype.str),
        n_targets=None if y is None or y.ndim == 1 else y.shape[1],
        persons=None if groups is None else _person_kind(groups),
    )


def _person_kind(groups: NDArray) -> str:
    return "<i8" if groups.dtype.kind in "biu" else "O"


def _as_text(groups: NDArray | None, n_rows: int) -> list[str | None]:
    if groups is None:
        return [None] * n_rows
    persons = np.asarray(groups).tolist()
    if not all(isinstance(person, str | int) for person in persons):
        raise TypeError(
            "The persons of a store on disk are whole numbers or text; got groups such "
            f"as {persons[0]!r}. Convert them."
        )
    if len({isinstance(person, str) for person in persons}) > 1:
        raise TypeError("The persons are numbers and text; convert them to one kind.")
    return [str(int(p) if isinstance(p, bool) else p) for p in persons]


def _target_names(n_targets: int | None) -> list[str]:
    if n_targets is None:
        return [TARGET]
    return [f"{TARGET}{number}" for number in range(n_targets)]


def _target_columns(y: Table) -> dict[str, object]:
    values = np.asarray(y)
    names = _target_names(None if values.ndim == 1 else values.shape[1])
    columns = values.reshape(len(values), -1).T
    return {n: _target_column(c) for n, c in zip(names, columns, strict=True)}


def _target_column(values: NDArray) -> "pa.Table":
    arrow = _engine.arrow()
    if values.dtype.kind == "U" or all(isinstance(v, str) for v in values):
        return arrow.array(values.tolist(), arrow.string())
    if values.dtype.kind not in "biuf":
        raise TypeError(
            "The targets of a store on disk are numbers or text; got y with values "
            f"such as {values[0]!r}. Convert y."
        )
    numbers = values.astype(float)
    if not np.array_equal(numbers.astype(values.dtype), values, equal_nan=True):
        raise ValueError("Targets beyond 2^53 are not stored exactly. Rescale y.")
    return arrow.array(numbers)


def _targets(table: "pa.Table", layout: Layout) -> NDArray:
    names = _target_names(layout["n_targets"])
    columns = [table[name].to_numpy().astype(layout["target"]) for name in names]
    return columns[0] if layout["n_targets"] is None else np.column_stack(columns)
