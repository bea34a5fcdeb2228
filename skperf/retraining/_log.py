# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What one call of ``partial_fit`` leaves for the next."""

from collections.abc import Hashable
from typing import NamedTuple, Self

from skperf.retraining._loop import Standing
from skperf.retraining._population import own
from skperf.retraining._schema import Schema
from skperf.shift import Sample


class Log(NamedTuple):
    """The periods so far: their form, their names, and where retraining stands."""

    schema: Schema
    periods: tuple[Hashable, ...] = ()  # those that were given a name
    standing: Standing | None = None  # None before the first call has ended

    @classmethod
    def begin(cls, seen: Sample) -> Self:
        """Begin a record with the first period, which later ones must look like."""
        return cls(Schema.of(seen))

    def admit(self, seen: Sample, period: Hashable) -> tuple[Self, Sample]:
        """Return the log with one more period, and its data as the log's own."""
        if period is None:
            return self, own(self.schema.align(seen))
        if not isinstance(period, Hashable):
            raise TypeError(
                f"period must be hashable, such as '2026-11'; got {period!r}."
            )
        if period in self.periods:
            raise ValueError(
                f"The period {period!r} was seen before; retraining on it again would "
                "count its rows twice. Give each period a name of its own."
            )
        log = self._replace(periods=(*self.periods, period))
        return log, own(self.schema.align(seen))
