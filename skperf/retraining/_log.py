# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What one call of ``partial_fit`` leaves for the next."""

import warnings
from collections.abc import Hashable, Mapping
from typing import NamedTuple, Self

from skperf.retraining._loop import Standing
from skperf.retraining._population import own
from skperf.retraining._schema import Schema
from skperf.shift import Sample
from skperf.shift._labels import Label


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


def continue_log(
    log: Log | None,
    seen: Sample,
    changes: Mapping[str, object] | None,
    response_method: str,
    pos_label: Label | None,
) -> Log:
    """Return the record that goes on, or a new one where it cannot, and say so.

    `changes` are those of the estimator's parameters, None if it is another one.
    """
    if log is None or log.standing is None:
        return Log.begin(seen)
    (path,) = log.standing.paths
    other = {
        "estimator": changes is None,
        "response_method": response_method != path.predictor.response_method,
        "pos_label": pos_label not in (None, path.predictor.pos_label),
    }
    changed = [name for name, is_other in other.items() if is_other]
    if not changed:
        return log
    warnings.warn(
        f"Another {' and '.join(changed)} than before: a new record begins, and past "
        "periods are not mixed in any more. The model that is deployed stays so until "
        "this call has trained the next.",
        UserWarning,
        stacklevel=5,  # past a method, partial_fit and its wrapper
    )
    return Log.begin(seen)
