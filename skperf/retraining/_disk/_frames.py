# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Features as Arrow columns, and back in the very types that they had.

Categories are written as their values, which every engine reads, and their lists beside
them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypedDict

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from skperf.retraining._columns import as_frame
from skperf.retraining._disk import _engine
from skperf.shift._sample import Table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

#: What a category may be called.
Category: TypeAlias = str | int | float | bool

_RESERVED = "skperf_"
_WIDER = {"uint8": "int16", "uint16": "int32", "uint32": "int64", "halffloat": "float"}


class ColumnType(TypedDict, total=False):
    """The type of a column of a data frame."""

    dtype: str
    categories: list[Category] | None  # None: not listed
    ordered: bool


class FrameLayout(TypedDict):
    """What features are besides their values."""

    container: str  # "array", or the library of a data frame
    columns: dict[str, ColumnType]


def features_to_arrow(X: Table) -> "tuple[pa.Table, FrameLayout]":
    """Return features as an Arrow table, and how they come back."""
    container = _container(X)
    if container == "array":
        return _array_to_arrow(np.asarray(X))
    _check_names(as_frame(X).columns)
    columns, plain = _PANDAS_OR_POLARS[container](X)
    return _storable(plain), FrameLayout(container=container, columns=columns)


def features_from_arrow(table: "pa.Table", layout: FrameLayout) -> Table:
    """Return the features that :func:`features_to_arrow` was given."""
    kinds = layout["columns"]
    if layout["container"] == "array":
        values = [
            table[name].to_numpy().astype(k["dtype"]) for name, k in kinds.items()
        ]
        return np.column_stack(values)
    chosen = table.select(list(kinds))
    if layout["container"] == "pandas":
        return _to_pandas(chosen, kinds)
    return _to_polars(chosen, kinds)


def _container(X: Table) -> str:
    if nw.dependencies.is_pandas_dataframe(X):
        return "pandas"
    if nw.dependencies.is_polars_dataframe(X):
        return "polars"
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "biuf":
        return "array"
    told = f" of {X.dtype}" if isinstance(X, np.ndarray) else ""
    raise TypeError(
        "A store on disk keeps data frames of pandas or polars and two-dimensional "
        f"arrays of numbers; got {type(X).__name__}{told}. Convert X, or take "
        "store=None, which keeps anything in memory."
    )


def _check_names(names: Sequence[object]) -> None:
    strange = [name for name in names if not isinstance(name, str)]
    taken = [n for n in names if isinstance(n, str) and n.startswith(_RESERVED)]
    if strange or taken:
        raise ValueError(
            "A store on disk needs columns with names that are text and do not begin "
            f"with {_RESERVED!r}; got {strange or taken}. Rename them."
        )


def _array_to_arrow(X: NDArray) -> "tuple[pa.Table, FrameLayout]":
    names = [f"x{number}" for number in range(X.shape[1])]
    values = X.astype(np.float32) if X.dtype == np.float16 else X
    table = _engine.arrow().table(dict(zip(names, values.T, strict=True)))
    kinds = {name: ColumnType(dtype=X.dtype.str) for name in names}
    return _storable(table), FrameLayout(container="array", columns=kinds)


def _from_pandas(X: "pd.DataFrame") -> "tuple[dict[str, ColumnType], pa.Table]":
    columns = {}
    for name in X.columns:
        dtype = X[name].dtype
        columns[name] = ColumnType(dtype=str(dtype))
        if columns[name]["dtype"] == "category":
            categories = _listable(name, dtype.categories.tolist())
            columns[name] |= ColumnType(
                categories=categories, ordered=bool(dtype.ordered)
            )
    return columns, _engine.arrow().Table.from_pandas(X, preserve_index=False)


def _from_polars(X: "pl.DataFrame") -> "tuple[dict[str, ColumnType], pa.Table]":
    import polars

    columns, plain = {}, []
    for name, dtype in X.schema.items():
        columns[name] = ColumnType(dtype=str(dtype.base_type()))
        if dtype.base_type() in (polars.Enum, polars.Categorical):
            listed = list(dtype.categories) if isinstance(dtype, polars.Enum) else None
            columns[name]["categories"] = listed
            plain.append(polars.col(name).cast(polars.String))
    return columns, X.with_columns(plain).to_arrow()


_PANDAS_OR_POLARS = {"pandas": _from_pandas, "polars": _from_polars}


def _listable(name: str, categories: list[Category]) -> list[Category]:
    if all(isinstance(value, str | int | float | bool) for value in categories):
        return categories
    raise TypeError(
        f"The categories of column {name!r} are neither text nor numbers: "
        f"{categories[:3]}. Convert them, for example by "
        f"X[{name!r}].cat.rename_categories(str)."
    )


def _to_pandas(table: "pa.Table", kinds: Mapping[str, ColumnType]) -> Table:
    import pandas

    frame = table.to_pandas()
    types = {}
    for name, kind in kinds.items():
        if kind["dtype"] == "category":
            types[name] = pandas.CategoricalDtype(kind["categories"], kind["ordered"])
        elif str(frame[name].dtype) != kind["dtype"]:
            types[name] = kind["dtype"]
    return frame.astype(types)


def _to_polars(table: "pa.Table", kinds: Mapping[str, ColumnType]) -> Table:
    import polars

    types: dict = {}
    for name, kind in kinds.items():
        if kind["dtype"] == "Enum":
            types[name] = polars.Enum(map(str, kind["categories"] or []))
        elif kind["dtype"] in ("Categorical", "UInt8", "UInt16", "UInt32", "Float16"):
            types[name] = getattr(polars, kind["dtype"])
    return polars.DataFrame(table).cast(types)


def _storable(table: "pa.Table") -> "pa.Table":
    """Return the columns in types that Delta knows; none loses anything by it."""
    arrow = _engine.arrow()
    fields = [field.with_type(_storable_type(field.type)) for field in table.schema]
    return table.cast(arrow.schema(fields, metadata=table.schema.metadata))


def _storable_type(kind: "pa.DataType") -> "pa.Table":
    arrow = _engine.arrow()
    types = arrow.types
    if types.is_dictionary(kind):
        return _storable_type(kind.value_type)
    if types.is_timestamp(kind):
        return arrow.timestamp("us", kind.tz)
    if str(kind) in ("null", "large_string", "string_view"):
        return arrow.string()
    wider = _WIDER.get(str(kind))
    return kind if wider is None else arrow.type_for_alias(wider)
