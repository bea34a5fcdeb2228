# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a column of a data frame holds, and columns brought into another form."""

from typing import NamedTuple

import narwhals.stable.v2 as nw

from skperf.exceptions import SchemaError
from skperf.shift._sample import Table


class Column(NamedTuple):
    """A column: its name, the kind of its values, and the categories it may take."""

    name: str
    kind: str
    categories: tuple[str, ...] | None


def as_frame(X: Table) -> nw.DataFrame:
    """Return a data frame of any library as one of narwhals."""
    return nw.from_native(X, eager_only=True)


def describe_column(series: nw.Series) -> Column:
    """Return the `Column` of a narwhals series."""
    return Column(series.name, _kind(series), _categories(series))


def cast_column(series: nw.Series, found: Column, expected: Column) -> nw.Series:
    """Return the series in the form of another column, or say why it has none."""
    if found == expected:
        return series
    if (found.kind, expected.kind) == ("integer", "float"):
        return series.cast(nw.Float64)
    if found.kind == expected.kind and expected.categories is not None:
        return _set_categories(series, found, expected)
    raise SchemaError(
        f"Column {expected.name!r} of X is {found.kind}; expecting {expected.kind}, as "
        f"in the first period. To repair it: convert X[{expected.name!r}], or have it "
        f"as {found.kind} from the first period on."
    )


def _kind(series: nw.Series) -> str:
    dtype = series.dtype
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return "categorical"
    return "text" if dtype == nw.String else str(dtype)


def _categories(series: nw.Series) -> tuple[str, ...] | None:
    """Return the categories of a column whose type lists them."""
    listed = isinstance(series.dtype, nw.Enum) or (
        isinstance(series.dtype, nw.Categorical) and series.implementation.is_pandas()
    )
    return tuple(series.cat.get_categories().to_list()) if listed else None


def _set_categories(series: nw.Series, found: Column, expected: Column) -> nw.Series:
    known = list(expected.categories or ())
    new = [c for c in found.categories or () if c not in known]
    if new:
        raise SchemaError(
            f"Column {expected.name!r} of X has the categories {new}, which the first "
            f"period had not; expecting some of {known}. Declare "
            "all categories from the first period on, or write these as missing."
        )
    if series.implementation.is_pandas():
        native = series.to_native().cat.set_categories(known)
        return nw.from_native(native, series_only=True)
    return series.cast(nw.Enum(known))
